#pragma once
// An Engine in memory: containers with the states that a real one gives them, volumes as temporary directories,
// networks, images, and commands that a test answers. Every call is an operation, counted from 1, and can be told to
// fail; so is every output that a command's stream gives out. Threads may share it.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "stream/tar_entry.hpp"
#include "support/temporary_directory.hpp"

namespace davit::test {

struct EngineFaults {
  std::uint64_t fail_at = 0;  // the operation that fails; 0: none
  bool after_effect = false;  // it is done, and its answer is lost; otherwise it is not done
  bool dead_after = false;  // all later ones fail, too, and do nothing: as if the program or the Engine had been killed
  Errc code = Errc::unavailable;
};

// A command as a test sees it: what was wrapped by engine/command.hpp is unwrapped.
struct FakeCommand {
  std::string container;  // its name
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string user;
  std::string input;  // all of its stdin
};
struct FakeOutcome {
  int exit_code = 0;
  std::string out = {};
  std::string err = {};
};

class FakeEngine : public engine::Engine {
 public:
  FakeEngine();
  ~FakeEngine() override;

  // What commands do. Called once for each, without a lock, when its stdin is complete. By default there is no program.
  std::function<FakeOutcome(const FakeCommand&)> on_command;
  // Called when a container starts, without a lock: it may play a helper in a thread, and finish_container() it.
  // An error makes the start fail.
  std::function<Result<>(const engine::ContainerInfo&)> on_start;
  // Gives the stream of an attached container.
  std::function<Result<std::unique_ptr<engine::AttachedStream>>(const engine::ContainerInfo&)> on_attach;

  // With which containers end that are stopped: what SIGTERM leads to, unless a program heeds it.
  int exit_code_of_stop = 143;

  // Set-up and inspection, which are no operations. Containers are as in types.hpp; id, status ("running"), image id
  // and hostname are filled in where they are empty, and volumes and image are made where they do not exist.
  engine::ContainerId add_container(engine::ContainerInfo info);
  std::filesystem::path add_volume(const std::string& name, const engine::Labels& labels = {});
  void add_network(const std::string& name, const engine::Labels& labels = {});
  void add_image(const std::string& reference, const engine::Labels& labels = {});
  void add_image_as(const nlohmann::json& inspected, const std::string& reference);  // what inspecting it answers
  void allow_pull(const std::string& reference);
  // A file that the container itself holds, by its absolute path; and the archives that were put into it, with where.
  void add_file(const std::string& container, const stream::TarEntry& file, const std::string& contents);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> put_into(const std::string& container) const;
  // Ends a container as if its process had ended.
  void finish_container(const engine::ContainerId& id, int exit_code);
  // As if somebody had removed it.
  void forget_container(const engine::ContainerId& id);
  void set_health(const std::string& container, const std::string& health);
  [[nodiscard]] std::optional<std::filesystem::path> volume_directory(const std::string& name) const;
  // "running", "paused" …; empty if there is none.
  [[nodiscard]] std::string status_of(const std::string& container) const;
  [[nodiscard]] std::vector<std::string> container_names() const;
  [[nodiscard]] std::vector<std::string> volume_names() const;
  [[nodiscard]] std::vector<std::string> network_names() const;
  // What inspecting the container answers; null if there is none.
  [[nodiscard]] nlohmann::json inspected(const std::string& container) const;
  // By id or name; empty if there is none.
  [[nodiscard]] engine::ContainerId id_of(const std::string& container) const;
  // The body that a container was created with; null for one that was added.
  [[nodiscard]] nlohmann::json created_with(const std::string& container) const;

  void set_faults(const EngineFaults& faults);  // counts from here on
  [[nodiscard]] std::uint64_t operations() const;
  [[nodiscard]] bool failed() const;
  // From here on everything fails, as behind a fault with `dead_after`.
  void die();
  [[nodiscard]] bool dead() const;
  // Whether an operation that began now would do something, whatever it answered.
  [[nodiscard]] bool next_has_effect() const;
  // Called by the fault of a test that is `dead_after`, with the lock held: whatever else belongs to the program dies,
  // too.
  std::function<void()> on_death;
  // "stop_container db", in order, also those that failed.
  [[nodiscard]] std::vector<std::string> log() const;

  [[nodiscard]] Result<engine::EngineVersion> version() override;
  [[nodiscard]] bool is_local() const override { return true; }
  [[nodiscard]] std::string address() const override { return "/fake/docker.sock"; }

  [[nodiscard]] Result<std::vector<engine::ContainerSummary>> list_containers(
      const engine::ListFilter& filter) override;
  [[nodiscard]] Result<engine::ContainerInfo> inspect_container(const engine::ContainerId& id) override;
  [[nodiscard]] Result<engine::ContainerId> create_container(const std::string& name,
                                                             const nlohmann::json& body) override;
  [[nodiscard]] Result<> start_container(const engine::ContainerId& id) override;
  [[nodiscard]] Result<> stop_container(const engine::ContainerId& id,
                                        std::optional<std::chrono::seconds> grace) override;
  [[nodiscard]] Result<> pause_container(const engine::ContainerId& id) override;
  [[nodiscard]] Result<> unpause_container(const engine::ContainerId& id) override;
  [[nodiscard]] Result<> kill_container(const engine::ContainerId& id, const std::string& signal) override;
  [[nodiscard]] Result<> remove_container(const engine::ContainerId& id, bool volumes) override;
  [[nodiscard]] Result<std::vector<std::string>> changed_paths(const engine::ContainerId& id) override;
  [[nodiscard]] Result<engine::PathStat> stat_path(const engine::ContainerId& id, const std::string& path) override;
  [[nodiscard]] Result<std::string> get_archive(const engine::ContainerId& id, const std::string& path,
                                                std::size_t limit) override;
  [[nodiscard]] Result<> put_archive(const engine::ContainerId& id, const std::string& path,
                                     std::string_view tar) override;
  [[nodiscard]] Result<std::unique_ptr<engine::AttachedStream>> attach(const engine::ContainerId& id,
                                                                       bool attach_stdin) override;
  [[nodiscard]] Result<std::string> container_logs(const engine::ContainerId& id, int tail_lines) override;
  [[nodiscard]] Result<std::string> create_exec(const engine::ContainerId& id, const engine::ExecSpec& spec) override;
  [[nodiscard]] Result<std::unique_ptr<engine::AttachedStream>> start_exec(const std::string& exec_id) override;
  [[nodiscard]] Result<engine::ExecState> inspect_exec(const std::string& exec_id) override;
  [[nodiscard]] Result<std::vector<engine::VolumeInfo>> list_volumes(const std::vector<std::string>& labels) override;
  [[nodiscard]] Result<engine::VolumeInfo> inspect_volume(const std::string& name) override;
  [[nodiscard]] Result<> create_volume(const std::string& name, const std::string& driver,
                                       const engine::Labels& options, const engine::Labels& labels) override;
  [[nodiscard]] Result<> remove_volume(const std::string& name) override;
  [[nodiscard]] Result<std::vector<engine::NetworkInfo>> list_networks(const std::vector<std::string>& labels) override;
  [[nodiscard]] Result<engine::NetworkInfo> inspect_network(const std::string& name) override;
  [[nodiscard]] Result<std::string> create_network(const nlohmann::json& body) override;
  [[nodiscard]] Result<> remove_network(const std::string& network) override;
  [[nodiscard]] Result<> connect_network(const std::string& network, const engine::ContainerId& container,
                                         const nlohmann::json& endpoint) override;
  [[nodiscard]] Result<engine::ImageInfo> inspect_image(const std::string& reference) override;
  [[nodiscard]] Result<> pull_image(const std::string& reference, const engine::PullProgress& progress,
                                    std::stop_token stop = {}) override;
  [[nodiscard]] Result<std::string> import_image(stream::ByteSource& tar, const std::string& reference,
                                                 const std::vector<std::string>& changes) override;
  [[nodiscard]] Result<> remove_image(const std::string& reference) override;
  [[nodiscard]] Result<> tag_image(const std::string& image, const std::string& reference) override;

  class State;

 private:
  std::shared_ptr<State> state_;  // streams outlive calls
};

}  // namespace davit::test
