#include "app/own_paths.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "helper/self_container.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::app {
namespace {

namespace fs = std::filesystem;

// `path` below `from`, put below `to` instead. Nothing if it isn't below.
std::optional<fs::path> rebase(const fs::path& path, const fs::path& from, const fs::path& to) {
  const fs::path relative = path.lexically_relative(from);
  if (relative.empty() || *relative.begin() == "..") return {};
  return relative == "." ? to : to / relative;
}

// The container of this Engine that davit runs in; nothing if it is a process of the host, or its Engine is elsewhere.
Result<std::optional<engine::ContainerInfo>> own_container(engine::Engine& engine, const std::string& self) {
  TRY_ASSIGN(mountinfo, read_whole_file("/proc/self/mountinfo"));
  const std::optional<std::string> id = self.empty() ? helper::container_in_mountinfo(mountinfo) : self;
  if (!id) return std::nullopt;
  auto container = engine.inspect_container({*id});
  // A candidate only, where nobody has named one.
  if (!container && container.error().code() == Errc::not_found && self.empty()) return std::nullopt;
  if (!container) return std::unexpected(std::move(container).error());
  return *std::move(container);
}

std::optional<fs::path> through_mounts(const fs::path& path, const std::vector<engine::Mount>& mounts) {
  std::optional<fs::path> found;
  std::size_t longest = 0;  // of several mounts above it, the innermost counts
  for (const engine::Mount& mount : mounts) {
    if (mount.source.empty() || mount.destination.size() < longest) continue;
    if (auto on_host = rebase(path, mount.destination, mount.source)) {
      found = std::move(on_host);
      longest = mount.destination.size();
    }
  }
  return found;
}

bool is_on_root(const std::string& path) {
  struct stat root{};
  struct stat there{};
  return ::stat("/", &root) == 0 && ::stat(path.c_str(), &there) == 0 && root.st_dev == there.st_dev;
}

}  // namespace

Result<std::optional<std::string>> path_on_host(engine::Engine& engine, const std::string& self,
                                                const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  if (error) return fail_errno(error.value(), "resolve " + path);
  TRY_ASSIGN(container, own_container(engine, self));
  if (!container) return real.string();
  // The Engine names mounts as they were asked for, perhaps through a symbolic link of the image: /var/run.
  for (const fs::path& inside : {real, fs::path(path).lexically_normal()})
    if (auto found = through_mounts(inside, container->mounts)) return found->string();
  return std::nullopt;
}

Result<std::optional<std::string>> path_here(engine::Engine& engine, const std::string& self, const std::string& path) {
  if (!engine.is_local()) return std::nullopt;
  TRY_ASSIGN(container, own_container(engine, self));
  if (!container) return path;
  std::optional<fs::path> found;
  std::size_t longest = 0;
  for (const engine::Mount& mount : container->mounts) {
    if (mount.type != "bind" || mount.source.size() < longest) continue;
    if (auto inside = rebase(path, mount.source, mount.destination)) {
      found = std::move(inside);
      longest = mount.source.size();
    }
  }
  return found ? std::optional(found->string()) : std::nullopt;
}

Result<> check_outlives_container(engine::Engine& engine, const std::string& self, const std::string& path) {
  TRY_ASSIGN(on_host, path_on_host(engine, self, path));
  if (on_host) return {};
  // What was mounted in the container itself, such as a network's file system, is not the Engine's to know.
  if (!is_on_root(path)) return {};
  return fail(Errc::usage,
              "repository " + escape_for_display(path) + " is in davit's own container: the backup would go with it",
              "mount a directory of the host there, such as -v /srv/backups:" + escape_for_display(path));
}

bool lies_in_container(const std::string& path) {
  const auto mountinfo = read_whole_file("/proc/self/mountinfo");
  return mountinfo && helper::container_in_mountinfo(*mountinfo) && is_on_root(path);
}

std::optional<helper::DirectoryId> directory_id(const engine::Engine& engine, const std::string& path) {
  struct stat status{};
  if (!engine.is_local() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return std::nullopt;
  return helper::DirectoryId{status.st_dev, status.st_ino};
}

}  // namespace davit::app
