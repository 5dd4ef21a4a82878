#include "support/fake_engine.hpp"

#include <algorithm>

#include "engine/decode.hpp"
#include "stream/byte_stream.hpp"
#include "support/fake_engine_state.hpp"

namespace davit::test {

using engine::ContainerId;
using nlohmann::json;

FakeEngine::FakeEngine() : state_(std::make_shared<State>()) {
  state_->on_death = [this] {
    if (on_death) on_death();
  };
}
FakeEngine::~FakeEngine() {
  const std::scoped_lock lock(state_->mutex);
  state_->on_death = nullptr;
}

ContainerId FakeEngine::add_container(engine::ContainerInfo info) {
  const std::scoped_lock lock(state_->mutex);
  if (info.id.value.empty()) info.id.value = state_->next_id();
  if (info.image.empty()) info.image = "image-of-" + info.name;
  state_->make_image(info.image, {});
  json mounts = json::array();
  json binds = json::array();
  for (const engine::Mount& mount : info.mounts) {
    if (mount.type != "tmpfs")
      binds.push_back((mount.type == "volume" ? mount.name : mount.source) + ":" + mount.destination +
                      (mount.writable ? ":rw" : ":ro"));
    json one{
        {"Type", mount.type}, {"Source", mount.source}, {"Destination", mount.destination}, {"RW", mount.writable}};
    if (mount.type == "volume") {
      state_->make_volume(mount.name, mount.driver, {}, {});
      one["Name"] = mount.name;
      one["Driver"] = state_->volumes[mount.name]["Driver"];
      one["Source"] = state_->volumes[mount.name]["Mountpoint"];
    }
    mounts.push_back(one);
  }
  FakeContainer container;
  container.inspected = {
      {"Id", info.id.value},
      {"Name", "/" + info.name},
      {"Image", info.image_id.empty() ? state_->images[info.image]["Id"] : json(info.image_id)},
      {"Config",
       {{"Image", info.image},
        {"Labels", info.labels},
        {"Env", info.env},
        {"User", info.user},
        {"Hostname", info.hostname.empty() ? info.id.value.substr(0, 12) : info.hostname}}},
      {"HostConfig", {{"NetworkMode", info.network_mode.empty() ? "bridge" : info.network_mode}, {"Binds", binds}}},
      {"Mounts", mounts}};
  set_status(container, info.state.status.empty() ? "running" : info.state.status, info.state.exit_code);
  if (info.state.health) container.inspected["State"]["Health"]["Status"] = *info.state.health;
  // Of `raw` the command counts.
  if (const json more = json::parse(info.raw, nullptr, false); more.is_object())
    for (const char* key : {"Path", "Args"})
      if (more.contains(key)) container.inspected[key] = more[key];
  state_->containers[info.id.value] = container;
  return info.id;
}

std::filesystem::path FakeEngine::add_volume(const std::string& name, const engine::Labels& labels) {
  const std::scoped_lock lock(state_->mutex);
  state_->make_volume(name, "local", {}, labels);
  return state_->volumes[name]["Mountpoint"].get<std::string>();
}

void FakeEngine::add_network(const std::string& name, const engine::Labels& labels) {
  const std::scoped_lock lock(state_->mutex);
  state_->networks[name] = {{"Id", state_->next_id()}, {"Name", name}, {"Driver", "bridge"}, {"Labels", labels}};
}

void FakeEngine::add_image(const std::string& reference, const engine::Labels& labels) {
  const std::scoped_lock lock(state_->mutex);
  state_->make_image(reference, labels);
}

void FakeEngine::add_image_as(const json& inspected, const std::string& reference) {
  const std::scoped_lock lock(state_->mutex);
  state_->images[reference] = inspected;
}

void FakeEngine::allow_pull(const std::string& reference) {
  const std::scoped_lock lock(state_->mutex);
  state_->pullable.push_back(reference);
}

void FakeEngine::add_file(const std::string& container, const stream::TarEntry& file, const std::string& contents) {
  const std::scoped_lock lock(state_->mutex);
  state_->find(container)->files[file.path] = {file, contents};
}

std::vector<std::pair<std::string, std::string>> FakeEngine::put_into(const std::string& container) const {
  const std::scoped_lock lock(state_->mutex);
  const FakeContainer* found = state_->find(container);
  return found == nullptr ? std::vector<std::pair<std::string, std::string>>() : found->put;
}

void FakeEngine::finish_container(const ContainerId& id, int exit_code) {
  const std::scoped_lock lock(state_->mutex);
  if (FakeContainer* container = state_->find(id.value)) set_status(*container, "exited", exit_code);
}

void FakeEngine::forget_container(const ContainerId& id) {
  const std::scoped_lock lock(state_->mutex);
  if (const FakeContainer* container = state_->find(id.value))
    state_->containers.erase(container->inspected["Id"].get<std::string>());
}

void FakeEngine::set_health(const std::string& container, const std::string& health) {
  const std::scoped_lock lock(state_->mutex);
  if (FakeContainer* found = state_->find(container)) found->inspected["State"]["Health"]["Status"] = health;
}

std::optional<std::filesystem::path> FakeEngine::volume_directory(const std::string& name) const {
  const std::scoped_lock lock(state_->mutex);
  if (!state_->volumes.contains(name)) return std::nullopt;
  return state_->volumes[name]["Mountpoint"].get<std::string>();
}

std::string FakeEngine::status_of(const std::string& container) const {
  const std::scoped_lock lock(state_->mutex);
  const FakeContainer* found = state_->find(container);
  return found == nullptr ? "" : test::status_of(*found);
}

std::vector<std::string> FakeEngine::container_names() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [id, container] : state_->containers) names.push_back(name_of(container));
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> FakeEngine::volume_names() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, volume] : state_->volumes) names.push_back(name);
  return names;
}

std::vector<std::string> FakeEngine::network_names() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, network] : state_->networks) names.push_back(name);
  return names;
}

json FakeEngine::inspected(const std::string& container) const {
  const std::scoped_lock lock(state_->mutex);
  const FakeContainer* found = state_->find(container);
  return found == nullptr ? json() : found->inspected;
}

json FakeEngine::created_with(const std::string& container) const {
  const std::scoped_lock lock(state_->mutex);
  const FakeContainer* found = state_->find(container);
  return found == nullptr ? json() : found->created;
}

void FakeEngine::set_faults(const EngineFaults& faults) {
  const std::scoped_lock lock(state_->mutex);
  state_->faults = faults;
  state_->operations = 0;
  state_->failed = false;
}

std::uint64_t FakeEngine::operations() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->operations;
}

bool FakeEngine::failed() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->failed;
}

void FakeEngine::die() {
  const std::scoped_lock lock(state_->mutex);
  state_->faults.dead_after = state_->failed = true;
}

bool FakeEngine::dead() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->dead();
}

bool FakeEngine::next_has_effect() const {
  const std::scoped_lock lock(state_->mutex);
  return !state_->dead() && (state_->operations + 1 != state_->faults.fail_at || state_->faults.after_effect);
}

ContainerId FakeEngine::id_of(const std::string& container) const {
  const std::scoped_lock lock(state_->mutex);
  const FakeContainer* found = state_->find(container);
  return found == nullptr ? ContainerId{} : ContainerId{found->inspected["Id"].get<std::string>()};
}

std::vector<std::string> FakeEngine::log() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->log;
}

Result<engine::EngineVersion> FakeEngine::version() {
  return state_->operation("version", [&]() -> Result<engine::EngineVersion> {
    return engine::EngineVersion{.version = "20.10.24",
                                 .api_version = "1.41",
                                 .max_api_version = "1.41",
                                 .min_api_version = "1.12",
                                 .os = "linux",
                                 .arch = "amd64"};
  });
}

Result<std::string> FakeEngine::create_exec(const ContainerId& id, const engine::ExecSpec& spec) {
  return state_->operation("create_exec " + state_->name_of(id), [&]() -> Result<std::string> {
    TRY_ASSIGN(container, state_->get(id));
    const std::string status = test::status_of(*container);
    if (status != "running")
      return fail(Errc::failed,
                  "Container " + name_of(*container) + " is " + (status == "paused" ? "paused" : "not running"));
    const std::string exec_id = state_->next_id();
    state_->execs[exec_id] = {.spec = spec, .container = name_of(*container), .started = false, .exit_code = {}};
    return exec_id;
  });
}

Result<std::unique_ptr<engine::AttachedStream>> FakeEngine::start_exec(const std::string& exec_id) {
  return state_->operation("start_exec", [&]() -> Result<std::unique_ptr<engine::AttachedStream>> {
    const auto exec = state_->execs.find(exec_id);
    if (exec == state_->execs.end()) return fail(Errc::not_found, "No such exec instance: " + exec_id);
    if (std::exchange(exec->second.started, true)) return fail(Errc::failed, "exec was started already");
    auto play = on_command ? on_command : [](const FakeCommand& command) {
      return FakeOutcome{.exit_code = 127, .err = "sh: " + command.argv.at(0) + ": not found\n"};
    };
    return make_command_stream(state_, exec_id, std::move(play));
  });
}

Result<engine::ExecState> FakeEngine::inspect_exec(const std::string& exec_id) {
  return state_->operation("inspect_exec", [&]() -> Result<engine::ExecState> {
    const auto exec = state_->execs.find(exec_id);
    if (exec == state_->execs.end()) return fail(Errc::not_found, "No such exec instance: " + exec_id);
    return engine::ExecState{.running = exec->second.started && !exec->second.exit_code,
                             .exit_code = exec->second.exit_code};
  });
}

}  // namespace davit::test
