#include "app/owner.hpp"

#include <unistd.h>

#include <filesystem>
#include <format>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "helper/self_container.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::string(trim(text.str()));
}

std::string boot_id() { return read_file("/proc/sys/kernel/random/boot_id"); }

std::string pid_namespace() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

// Clock ticks after boot at which the process began: the 22nd field of its stat, counted behind the name, which may
// hold anything. Empty if there is no such process.
std::string start_time(const std::string& pid) {
  const std::string stat = read_file("/proc/" + pid + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  const std::vector<std::string> fields = split(stat.substr(name_end + 2), ' ');
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
  if (parts[1] != boot_id()) return !engine_is_local;  // of this machine before it was started anew, or of another one
  if (parts[2] != pid_namespace()) return true;
  return start_time(parts[3]) == parts[4];
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
  return own_owner(engine, self, read_file("/proc/self/mountinfo"));
}

std::string process_owner() {
  const std::string pid = std::to_string(::getpid());
  return std::format("process/{}/{}/{}/{}", boot_id(), pid_namespace(), pid, start_time(pid));
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
