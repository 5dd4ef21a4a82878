#pragma once
// The Docker Engine API, typed. `HttpEngine` speaks it to a real Engine; tests have scripted ones.
//
// Errors: not_found (404), exists (409 for a name that is taken), unavailable (no connection, 500, 503, time-out),
// usage (the address), credentials (TLS), failed (all else, with the Engine's own message). Calls may block for as long
// as the Engine takes; those that wait for something take a deadline.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/types.hpp"
#include "stream/byte_stream.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace davit::engine {

// The attached stdin, stdout and stderr of an exec or a container. Frames are demultiplexed by the protocol of
// "Attach to a container" in the API's documentation; a frame that is cut is Errc::unavailable, never an end.
class AttachedStream {
 public:
  enum class Kind { out, err };
  struct Output {
    Kind kind;
    std::span<const std::byte> bytes;  // valid until the next call
  };
  virtual ~AttachedStream() = default;
  // Blocks for the next output; nothing at the end of the stream (which alone does not say that all output came:
  // the Engine cuts off the tail when a process has ended and its reader stalls).
  // With a deadline: Errc::unavailable when it passes, and the stream can be used on. Every other error is final: each
  // further call returns it again.
  [[nodiscard]] virtual Result<std::optional<Output>> next(
      std::optional<std::chrono::steady_clock::time_point> deadline = {}) = 0;
  // Writes to stdin. While that blocks, output is taken in and kept for next(), up to a bound of 1 MiB; past it the
  // call fails rather than wait for ever (Errc::unavailable). A process that has closed its stdin is Errc::failed.
  // Errc::cancelled once `stop` is requested.
  [[nodiscard]] virtual Result<> write(std::span<const std::byte> bytes, std::stop_token stop = {}) = 0;
  // Closes stdin of the process, and keeps reading possible.
  [[nodiscard]] virtual Result<> close_write() = 0;
};

struct ExecSpec {
  std::vector<std::string> command;   // arguments; the first is the program
  std::vector<std::string> env = {};  // NAME=value, added to the container's
  std::string user = {};              // empty: the container's
  std::string working_dir = {};       // empty: the container's
  bool attach_stdin = false;
};
struct ExecState {
  bool running = false;
  std::optional<int> exit_code;
};

// A file of a container; a symbolic link is not followed.
struct PathStat {
  bool regular = false;
  std::uint64_t bytes = 0;
  TimePoint modified;
  bool whole_second = false;  // its time of modification has no fraction, to the nanosecond
};

struct ListFilter {
  bool all = true;                       // also those that don't run
  std::vector<std::string> labels = {};  // "name" or "name=value"; all must match
  std::vector<std::string> names = {};   // any of them, exactly
};

// Progress of an image pull: "layer 3f4d: downloading 12.1 MB of 30 MB".
using PullProgress = std::function<void(std::string_view)>;

class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual Result<EngineVersion> version() = 0;
  // True if davit reaches this Engine over a unix socket, so that both may share a host.
  [[nodiscard]] virtual bool is_local() const = 0;
  // The path of that socket, or the address. For messages.
  [[nodiscard]] virtual std::string address() const = 0;

  [[nodiscard]] virtual Result<std::vector<ContainerSummary>> list_containers(const ListFilter& filter) = 0;
  [[nodiscard]] virtual Result<ContainerInfo> inspect_container(const ContainerId& id) = 0;
  // `body` is that of POST /containers/create.
  [[nodiscard]] virtual Result<ContainerId> create_container(const std::string& name, const nlohmann::json& body) = 0;
  [[nodiscard]] virtual Result<> start_container(const ContainerId& id) = 0;
  // Sends the container's stop signal, and SIGKILL after `grace` (nothing: the container's own). Fine if it is stopped.
  [[nodiscard]] virtual Result<> stop_container(const ContainerId& id, std::optional<std::chrono::seconds> grace) = 0;
  [[nodiscard]] virtual Result<> pause_container(const ContainerId& id) = 0;
  [[nodiscard]] virtual Result<> unpause_container(const ContainerId& id) = 0;
  [[nodiscard]] virtual Result<> kill_container(const ContainerId& id, const std::string& signal) = 0;
  // Kills and removes, with its anonymous volumes if `volumes`. Fine if it is gone.
  [[nodiscard]] virtual Result<> remove_container(const ContainerId& id, bool volumes) = 0;
  // What the container has added to the files of its image, or changed, volumes left out. Directories are among them.
  [[nodiscard]] virtual Result<std::vector<std::string>> changed_paths(const ContainerId& id) = 0;
  [[nodiscard]] virtual Result<PathStat> stat_path(const ContainerId& id, const std::string& path) = 0;
  // A file or directory as an uncompressed tar of at most `limit` bytes (Errc::failed: it is larger). For small files
  // only: the endpoint loses much of what a file system holds.
  [[nodiscard]] virtual Result<std::string> get_archive(const ContainerId& id, const std::string& path,
                                                        std::size_t limit) = 0;
  // Extracts an uncompressed tar into `path` of the container. Only for containers of our own.
  [[nodiscard]] virtual Result<> put_archive(const ContainerId& id, const std::string& path, std::string_view tar) = 0;
  // Attaches to a container (stream of what comes from now on): before it is started, to miss nothing.
  [[nodiscard]] virtual Result<std::unique_ptr<AttachedStream>> attach(const ContainerId& id, bool attach_stdin) = 0;
  [[nodiscard]] virtual Result<std::string> container_logs(const ContainerId& id, int tail_lines) = 0;

  [[nodiscard]] virtual Result<std::string> create_exec(const ContainerId& id, const ExecSpec& spec) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<AttachedStream>> start_exec(const std::string& exec_id) = 0;
  [[nodiscard]] virtual Result<ExecState> inspect_exec(const std::string& exec_id) = 0;

  [[nodiscard]] virtual Result<std::vector<VolumeInfo>> list_volumes(const std::vector<std::string>& labels) = 0;
  [[nodiscard]] virtual Result<VolumeInfo> inspect_volume(const std::string& name) = 0;
  // The Engine answers with the old volume where one exists, whatever its labels: look first.
  [[nodiscard]] virtual Result<> create_volume(const std::string& name, const std::string& driver,
                                               const Labels& options, const Labels& labels) = 0;
  [[nodiscard]] virtual Result<> remove_volume(const std::string& name) = 0;

  [[nodiscard]] virtual Result<std::vector<NetworkInfo>> list_networks(const std::vector<std::string>& labels) = 0;
  [[nodiscard]] virtual Result<NetworkInfo> inspect_network(const std::string& name) = 0;
  // `body` is that of POST /networks/create. Returns the network's id. Errc::exists if the name is taken.
  [[nodiscard]] virtual Result<std::string> create_network(const nlohmann::json& body) = 0;
  // By id or name. Errc::failed while a container that runs is connected to it.
  [[nodiscard]] virtual Result<> remove_network(const std::string& network) = 0;
  // `endpoint` is the EndpointConfig of POST /networks/{id}/connect: aliases, addresses.
  [[nodiscard]] virtual Result<> connect_network(const std::string& network, const ContainerId& container,
                                                 const nlohmann::json& endpoint) = 0;

  [[nodiscard]] virtual Result<ImageInfo> inspect_image(const std::string& reference) = 0;
  // Errc::cancelled once `stop` is requested.
  [[nodiscard]] virtual Result<> pull_image(const std::string& reference, const PullProgress& progress,
                                            std::stop_token stop = {}) = 0;
  // Makes an image of one layer from a tar. `changes` are Dockerfile instructions such as "ENTRYPOINT [\"/davit\"]".
  // Returns the image's id.
  [[nodiscard]] virtual Result<std::string> import_image(stream::ByteSource& tar, const std::string& reference,
                                                         const std::vector<std::string>& changes) = 0;
  [[nodiscard]] virtual Result<> remove_image(const std::string& reference) = 0;
  // `image` is an id or a reference; `reference` may be another image's, which loses it then.
  [[nodiscard]] virtual Result<> tag_image(const std::string& image, const std::string& reference) = 0;
};

}  // namespace davit::engine
