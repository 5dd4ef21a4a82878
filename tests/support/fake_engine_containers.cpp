#include <algorithm>

#include "engine/decode.hpp"
#include "support/fake_engine_state.hpp"

namespace davit::test {

using engine::ContainerId;
using nlohmann::json;

Result<std::vector<engine::ContainerSummary>> FakeEngine::list_containers(const engine::ListFilter& filter) {
  return state_->operation("list_containers", [&]() -> Result<std::vector<engine::ContainerSummary>> {
    std::vector<engine::ContainerSummary> all;
    for (const auto& [id, container] : state_->containers) {
      TRY_ASSIGN(info, engine::decode_container(container.inspected));
      if (!filter.all && !info.state.running) continue;
      if (!filter.names.empty() && !std::ranges::contains(filter.names, info.name)) continue;
      if (!has_labels(container.inspected["Config"]["Labels"], filter.labels)) continue;
      all.push_back(
          {.id = info.id, .name = info.name, .image = info.image, .state = info.state.status, .labels = info.labels});
    }
    return all;
  });
}

Result<engine::ContainerInfo> FakeEngine::inspect_container(const ContainerId& id) {
  return state_->operation("inspect_container " + state_->name_of(id), [&]() -> Result<engine::ContainerInfo> {
    TRY_ASSIGN(container, state_->get(id));
    return engine::decode_container(container->inspected);
  });
}

Result<ContainerId> FakeEngine::create_container(const std::string& name, const json& body) {
  return state_->operation("create_container " + name, [&]() -> Result<ContainerId> {
    const std::string id = state_->next_id();
    const std::string own_name = name.empty() ? "unnamed-" + id.substr(52) : name;
    if (state_->find(own_name) != nullptr)
      return fail(Errc::exists, "create container " + own_name + ": Conflict. The container name is already in use");
    const std::string image = body.at("Image");
    std::string image_id;
    for (const auto& [reference, known] : state_->images)
      if (reference == image || known["Id"] == image) image_id = known["Id"];
    if (image_id.empty()) return fail(Errc::not_found, "create container " + own_name + ": No such image: " + image);
    FakeContainer container;
    container.created = body;
    json config = body;
    config.erase("HostConfig");
    config.erase("NetworkingConfig");
    if (!config.contains("Hostname")) config["Hostname"] = id.substr(0, 12);
    const json host_config = body.value("HostConfig", json::object());
    container.inspected = {{"Id", id},         {"Name", "/" + own_name},    {"Image", image_id},
                           {"Config", config}, {"HostConfig", host_config}, {"Mounts", state_->mounts_of(host_config)}};
    if (body.contains("/NetworkingConfig/EndpointsConfig"_json_pointer))
      container.inspected["NetworkSettings"]["Networks"] = body["NetworkingConfig"]["EndpointsConfig"];
    set_status(container, "created");
    state_->containers[id] = container;
    return ContainerId{id};
  });
}

Result<> FakeEngine::start_container(const ContainerId& id) {
  engine::ContainerInfo started;
  bool fresh = false;
  TRY(state_->operation("start_container " + state_->name_of(id), [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    if (test::status_of(*container) == "paused")
      return fail(Errc::failed, "cannot start a paused container, try unpause instead");
    fresh = test::status_of(*container) != "running";
    set_status(*container, "running");
    TRY_ASSIGN(info, engine::decode_container(container->inspected));
    started = info;
    return {};
  }));
  if (!fresh || !on_start) return {};
  auto result = on_start(started);
  if (!result) finish_container(id, 127);
  return result;
}

Result<> FakeEngine::stop_container(const ContainerId& id, std::optional<std::chrono::seconds>) {
  return state_->operation("stop_container " + state_->name_of(id), [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    if (test::status_of(*container) == "running" || test::status_of(*container) == "paused")
      set_status(*container, "exited", exit_code_of_stop);
    return {};
  });
}

Result<> FakeEngine::pause_container(const ContainerId& id) {
  return state_->operation("pause_container " + state_->name_of(id), [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    const std::string status = test::status_of(*container);
    if (status == "paused") return fail(Errc::failed, "Container " + name_of(*container) + " is already paused");
    if (status != "running") return fail(Errc::failed, "Container " + name_of(*container) + " is not running");
    set_status(*container, "paused");
    return {};
  });
}

Result<> FakeEngine::unpause_container(const ContainerId& id) {
  return state_->operation("unpause_container " + state_->name_of(id), [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    if (test::status_of(*container) != "paused")
      return fail(Errc::failed, "Container " + name_of(*container) + " is not paused");
    set_status(*container, "running");
    return {};
  });
}

Result<> FakeEngine::kill_container(const ContainerId& id, const std::string& signal) {
  return state_->operation("kill_container " + state_->name_of(id) + " " + signal, [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    const std::string status = test::status_of(*container);
    if (status != "running" && status != "paused")
      return fail(Errc::failed, "Cannot kill container: " + name_of(*container) + " is not running");
    if (signal == "KILL" || signal == "SIGKILL" || signal == "TERM" || signal == "SIGTERM")
      set_status(*container, "exited", signal.ends_with("KILL") ? 137 : 143);
    return {};
  });
}

Result<> FakeEngine::remove_container(const ContainerId& id, bool volumes) {
  return state_->operation("remove_container " + state_->name_of(id), [&]() -> Result<> {
    const FakeContainer* container = state_->find(id.value);
    if (container == nullptr) return {};
    for (const json& mount : container->inspected["Mounts"])
      if (const std::string name = mount.value("Name", ""); volumes && state_->anonymous.erase(name) != 0) {
        std::filesystem::remove_all(state_->volumes[name]["Mountpoint"].get<std::string>());
        state_->volumes.erase(name);
      }
    state_->containers.erase(container->inspected["Id"].get<std::string>());
    return {};
  });
}

Result<std::vector<std::string>> FakeEngine::changed_paths(const ContainerId& id) {
  return state_->operation("changed_paths " + state_->name_of(id), [&]() -> Result<std::vector<std::string>> {
    TRY_ASSIGN(container, state_->get(id));
    std::vector<std::string> paths;
    for (const auto& [path, member] : container->files) paths.push_back(path);
    return paths;
  });
}

Result<engine::PathStat> FakeEngine::stat_path(const ContainerId& id, const std::string& path) {
  return state_->operation("stat_path " + path, [&]() -> Result<engine::PathStat> {
    TRY_ASSIGN(container, state_->get(id));
    const auto file = container->files.find(path);
    if (file == container->files.end()) return fail(Errc::not_found, "Could not find the file " + path);
    const stream::TarEntry& entry = file->second.entry;
    return engine::PathStat{
        .regular = entry.type == stream::TarType::file,
        .bytes = entry.size,
        .modified =
            TimePoint(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(entry.mtime_ns))),
        .whole_second = entry.mtime_ns % 1'000'000'000 == 0};
  });
}

Result<std::string> FakeEngine::get_archive(const ContainerId& id, const std::string& path, std::size_t limit) {
  return state_->operation("get_archive " + path, [&]() -> Result<std::string> {
    TRY_ASSIGN(container, state_->get(id));
    const auto file = container->files.find(path);
    if (file == container->files.end()) return fail(Errc::not_found, "Could not find the file " + path);
    TarMember member = file->second;
    member.entry.path = path.substr(path.rfind('/') + 1);
    std::string tar = write_tar({member});
    if (tar.size() > limit) return fail(Errc::failed, "read " + path + ": too large");
    return tar;
  });
}

Result<> FakeEngine::put_archive(const ContainerId& id, const std::string& path, std::string_view tar) {
  return state_->operation("put_archive " + state_->name_of(id), [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    if (tar.empty() || !path.starts_with('/')) return fail(Errc::failed, "put_archive: nothing, or nowhere");
    container->put.emplace_back(path, tar);
    return {};
  });
}

Result<std::unique_ptr<engine::AttachedStream>> FakeEngine::attach(const ContainerId& id, bool) {
  engine::ContainerInfo attached;
  TRY(state_->operation("attach " + state_->name_of(id), [&]() -> Result<> {
    TRY_ASSIGN(container, state_->get(id));
    TRY_ASSIGN(info, engine::decode_container(container->inspected));
    attached = info;
    return {};
  }));
  if (!on_attach) return fail(Errc::failed, "attach: the test has no stream for it");
  return on_attach(attached);
}

Result<std::string> FakeEngine::container_logs(const ContainerId& id, int) {
  return state_->operation("container_logs " + state_->name_of(id), [&]() -> Result<std::string> {
    TRY_ASSIGN(container, state_->get(id));
    return "log of " + name_of(*container) + "\n";
  });
}

}  // namespace davit::test
