#pragma once
// One-off containers: a server made from what was recorded of a service's container, for as long as something must be
// done in it while the service itself doesn't run. It has the recorded image, environment, user, command and mounts,
// but no ports, no network unless it is asked for, no restart policy and no label of Compose, so that nobody adopts it.
// It is labelled `davit.run=<run id>` and `davit.role=one-off`, and removed whatever happens.

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/own_labels.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

struct OneOffOptions {
  std::string purpose = {};  // for messages: "restore postgres:db"
  std::string name = {};     // of the container, from one_off_name(); empty: one is chosen

  // What differs from the record; nothing: as recorded. An empty list clears the image's own.
  std::optional<std::vector<std::string>> entrypoint = {};
  std::optional<std::vector<std::string>> command = {};
  std::optional<std::string> user = {};
  std::vector<std::string> env =
      {};  // NAME=value, added or in place of the recorded value. Visible to `docker inspect`

  enum class Mounts {
    recorded,   // its volumes and binds; an anonymous volume that is gone becomes a fresh one
    throwaway,  // volumes and writable binds become anonymous volumes that go with the container; read-only binds stay
    none,       // none but those of the image, which are anonymous
  };
  Mounts mounts = Mounts::recorded;

  std::string network = "none";  // its NetworkMode

  std::vector<std::string> repo_digests =
      {};  // of the recorded image (ImageInfo): what is pulled if the image isn't here
  std::chrono::seconds ready_within{120};
};

// "davit-one-off-<run id>-<random>"
[[nodiscard]] std::string one_off_name(const std::string& run_id);

// Asked again and again until it says true. An error ends the wait, and start() returns it.
using ReadyCheck = std::function<Result<bool>(const engine::ContainerId& id)>;

class OneOff {
 public:
  // Finds the image (by its recorded id, else by reference, else it is pulled), creates and starts the container, and
  // waits until `ready` says true. A container that ends before is noticed at once: Errc::failed with its exit code and
  // its last lines of log. Errc::unavailable when `ready_within` has passed; Errc::cancelled. Nothing is left after an
  // error.
  [[nodiscard]] static Result<OneOff> start(engine::Engine& engine, const engine::ContainerInfo& recorded,
                                            const OneOffOptions& options, const ReadyCheck& ready, RunContext& run);
  OneOff(OneOff&& other) noexcept;
  OneOff& operator=(OneOff&& other) noexcept;
  // Kills and removes it, with its anonymous volumes. A server that should leave whole files behind is closed first.
  ~OneOff();

  [[nodiscard]] const engine::ContainerId& id() const { return id_; }
  // An error with its last lines of log if it doesn't run any more.
  [[nodiscard]] Result<> check_running() const;
  // Leaves it as it is, to whoever knows its name.
  void release() { id_ = {}; }
  // Stops it by its own stop signal, waits up to `grace`, and removes it. Errc::failed if it had to be killed or ended
  // with an exit code other than 0: it is removed all the same.
  [[nodiscard]] Result<> close(std::chrono::seconds grace = std::chrono::seconds{120});

 private:
  OneOff(engine::Engine& engine, engine::ContainerId id, std::string purpose, std::string image);
  void remove() noexcept;
  engine::Engine* engine_;
  engine::ContainerId id_;  // empty: removed or moved from
  std::string purpose_;
  std::string image_;  // as recorded, for messages
};

// The body of POST /containers/create for it, from the recorded container's raw inspect answer. Pure.
// `image` is what it is made from; `volume_exists` says whether a volume of the record is on the Engine.
// Errc::corrupt if the record isn't the Engine's JSON; Errc::not_found if a named volume that it is to mount isn't
// there: make_volume() of recorded_volume.hpp makes it as it was.
[[nodiscard]] Result<nlohmann::json> one_off_body(const engine::ContainerInfo& recorded, const OneOffOptions& options,
                                                  const std::string& image, const engine::Labels& labels,
                                                  const std::function<bool(const std::string&)>& volume_exists);

// Removes every container with `davit.role=one-off` whose run is dead, with its anonymous volumes. Returns a
// line for each.
[[nodiscard]] Result<std::vector<std::string>> sweep_one_offs(engine::Engine& engine, const engine::IsAlive& is_alive);

}  // namespace davit::sources
