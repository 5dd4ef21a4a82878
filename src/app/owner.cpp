#include "app/owner.hpp"

#include <unistd.h>

#include <filesystem>
#include <format>
#include <system_error>
#include <vector>

#include "helper/self_container.hpp"
#include "util/log.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::app {
namespace {

// Empty where it can't be read: then nothing can be told of owners that are processes.
std::string boot_id() {
  const auto text = read_whole_file("/proc/sys/kernel/random/boot_id");
  if (!text) log_warning(text.error().message());
  return text ? std::string(trim(*text)) : std::string();
}

std::string pid_namespace() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

// Clock ticks after boot at which the process began: the 22nd field of its stat, counted behind the name, which may
// hold anything. Empty if there is no such process, or one that has ended and that nobody has asked for yet.
Result<std::string> start_time(const std::string& pid) {
  const auto stat = read_whole_file("/proc/" + pid + "/stat");
  if (!stat && stat.error().code() == Errc::not_found) return std::string();
  if (!stat) return std::unexpected(stat.error());
  const std::size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return fail(Errc::failed, "read /proc/" + pid + "/stat: it has no name in it");
  const std::vector<std::string> fields = split(trim(std::string_view(*stat).substr(name_end + 1)), ' ');
  if (!fields.empty() && (fields[0] == "Z" || fields[0] == "X")) return std::string();
  constexpr std::size_t kStartTime = 19;  // field 22; the name is field 2
  return fields.size() > kStartTime ? fields[kStartTime] : std::string();
}

Result<bool> container_lives(engine::Engine& engine, const std::string& id) {
  auto container = engine.inspect_container({id});
  if (container) return container->state.running;
  if (container.error().code() == Errc::not_found) return false;
  return std::unexpected(std::move(container).error());
}

bool process_lives(const std::vector<std::string>& parts, bool engine_is_local) {
  constexpr std::size_t kParts = 5;
  if (parts.size() != kParts) return true;
  const std::string boot = boot_id();
  if (boot.empty() || parts[1].empty()) return true;
  if (parts[1] != boot) return !engine_is_local;  // of this machine before it was started anew, or of another one
  if (parts[2] != pid_namespace()) return true;
  const auto started = start_time(parts[3]);
  return !started || *started == parts[4];
}

}  // namespace

std::string own_owner(engine::Engine& engine, const std::string& self, const std::string& mountinfo) {
  const std::optional<std::string> id = self.empty() ? helper::container_in_mountinfo(mountinfo) : self;
  if (!id) return process_owner();
  // A container of another Engine would be taken for a dead one by whoever asks this one.
  const auto container = engine.inspect_container({*id});
  return container ? "container/" + container->id.value : process_owner();
}

std::string own_owner(engine::Engine& engine, const std::string& self) {
  const auto mountinfo = read_whole_file("/proc/self/mountinfo");
  if (!mountinfo) log_warning(mountinfo.error().message());
  return own_owner(engine, self, mountinfo.value_or(""));
}

std::string process_owner() {
  const std::string pid = std::to_string(::getpid());
  return std::format("process/{}/{}/{}/{}", boot_id(), pid_namespace(), pid, start_time(pid).value_or(""));
}

engine::IsAlive owner_is_alive(engine::Engine& engine) {
  return [&engine](const engine::Labels& labels) -> Result<bool> {
    const auto owner = labels.find(engine::kOwnerLabel);
    if (owner == labels.end()) return false;
    const std::vector<std::string> parts = split(owner->second, '/');
    if (parts.size() == 2 && parts[0] == "container") return container_lives(engine, parts[1]);
    if (!parts.empty() && parts[0] == "process") return process_lives(parts, engine.is_local());
    return false;
  };
}

}  // namespace davit::app
