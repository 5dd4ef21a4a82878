#include "support/fake_engine_state.hpp"

#include <format>

namespace davit::test {

using nlohmann::json;

std::string FakeEngine::State::next_id() { return std::format("{:064x}", ++ids + 0xfa0000000000ULL); }

FakeContainer* FakeEngine::State::find(const std::string& id) {
  for (auto& [own_id, container] : containers)
    if (own_id == id || test::name_of(container) == id || (id.size() >= 12 && own_id.starts_with(id)))
      return &container;
  return nullptr;
}

Result<FakeContainer*> FakeEngine::State::get(const engine::ContainerId& id) {
  if (FakeContainer* container = find(id.value)) return container;
  return fail(Errc::not_found, "container " + engine::short_id(id.value) + ": No such container: " + id.value);
}

std::string FakeEngine::State::name_of(const engine::ContainerId& id) {
  const std::scoped_lock lock(mutex);
  const FakeContainer* container = find(id.value);
  return container == nullptr ? id.value : test::name_of(*container);
}

std::string FakeEngine::State::network_name(const std::string& network) {
  const std::scoped_lock lock(mutex);
  for (const auto& [name, known] : networks)
    if (known["Id"] == network) return name;
  return network;
}

void FakeEngine::State::make_volume(const std::string& name, const std::string& driver, const engine::Labels& options,
                                    const engine::Labels& labels) {
  if (volumes.contains(name)) return;
  const auto directory = root.path() / "volumes" / name;
  std::filesystem::create_directories(directory);
  volumes[name] = {{"Name", name},
                   {"Driver", driver.empty() ? "local" : driver},
                   {"Mountpoint", directory.string()},
                   {"Scope", "local"},
                   {"Labels", labels},
                   {"Options", options}};
}

void FakeEngine::State::make_image(const std::string& reference, const engine::Labels& labels) {
  if (images.contains(reference)) return;
  json image{{"Id", "sha256:" + next_id()},  {"RepoTags", json::array()},
             {"RepoDigests", json::array()}, {"Os", "linux"},
             {"Architecture", "amd64"},      {"Config", {{"Labels", labels}}}};
  image[reference.contains('@') ? "RepoDigests" : "RepoTags"].push_back(reference);
  images[reference] = std::move(image);
}

// "Mounts" and "Binds" of a host configuration, as inspecting the container shows them. Volumes come into being by it.
json FakeEngine::State::mounts_of(const json& host_config) {
  json mounts = json::array();
  const auto add = [&](const std::string& type, std::string source, const std::string& target, bool writable,
                       const engine::Labels& labels = {}) {
    if (type == "volume" && source.empty()) source = *anonymous.insert(next_id()).first;
    json mount{{"Type", type}, {"Source", source}, {"Destination", target}, {"RW", writable}};
    if (type == "volume") {
      make_volume(source, "local", {}, labels);
      mount["Name"] = source;
      mount["Source"] = volumes[source]["Mountpoint"];
      mount["Driver"] = volumes[source]["Driver"];
    }
    mounts.push_back(mount);
  };
  for (const json& mount : host_config.value("Mounts", json::array()))
    add(mount.at("Type"), mount.value("Source", ""), mount.at("Target"), !mount.value("ReadOnly", false),
        mount.value("/VolumeOptions/Labels"_json_pointer, engine::Labels{}));
  for (const std::string bind : host_config.value("Binds", json::array())) {
    const std::size_t first = bind.find(':');
    const std::size_t second = bind.find(':', first + 1);
    const std::string source = bind.substr(0, first);
    const std::string mode = second == std::string::npos ? "" : bind.substr(second + 1);
    add(source.starts_with('/') ? "bind" : "volume", source, bind.substr(first + 1, second - first - 1),
        !mode.contains("ro"));
  }
  return mounts;
}

void set_status(FakeContainer& container, const std::string& status, int exit_code) {
  json& state = container.inspected["State"];
  state["Status"] = status;
  state["Running"] = status == "running" || status == "paused";
  state["Paused"] = status == "paused";
  state["ExitCode"] = exit_code;
}

std::string status_of(const FakeContainer& container) { return container.inspected["State"]["Status"]; }

std::string name_of(const FakeContainer& container) { return container.inspected["Name"].get<std::string>().substr(1); }

json networks_of(const FakeContainer& container) {
  return container.inspected.value("/NetworkSettings/Networks"_json_pointer, json::object());
}

bool has_labels(const json& labels, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& filter) {
    const std::size_t equals = filter.find('=');
    const std::string name = filter.substr(0, equals);
    if (!labels.is_object() || !labels.contains(name)) return false;
    return equals == std::string::npos || labels.at(name) == filter.substr(equals + 1);
  });
}

}  // namespace davit::test
