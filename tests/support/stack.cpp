#include "support/stack.hpp"

#include <stdexcept>

#include "engine/decode.hpp"

namespace davit::test {
namespace {

template <class T>
T valid(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return *std::move(result);
}

}  // namespace

engine::ContainerInfo make_container(const ContainerSketch& sketch) {
  nlohmann::json labels{{"com.docker.compose.project", "shop"},
                        {"com.docker.compose.service", sketch.service},
                        {"com.docker.compose.container-number", std::to_string(sketch.number)},
                        {"com.docker.compose.oneoff", "False"},
                        {"com.docker.compose.project.working_dir", "/srv/shop"},
                        {"com.docker.compose.project.config_files", "/srv/shop/compose.yaml"}};
  for (const auto& [name, value] : sketch.labels) labels[name] = value;
  nlohmann::json mounts = nlohmann::json::array();
  for (const engine::Mount& mount : sketch.mounts)
    mounts.push_back({{"Type", mount.type},
                      {"Name", mount.name},
                      {"Source", mount.source},
                      {"Destination", mount.destination},
                      {"Driver", mount.driver},
                      {"RW", mount.writable}});
  const std::string number = std::to_string(sketch.number);
  return valid(engine::decode_container(
      {{"Id", "id-" + sketch.service + "-" + number},
       {"Name", "/shop-" + sketch.service + "-" + number},
       {"Image", "sha256:" + sketch.service},
       {"Config", {{"Image", sketch.service + ":1"}, {"Env", {"A=1", "PASSWORD=old"}}, {"Labels", labels}}},
       {"HostConfig", {{"NetworkMode", sketch.network_mode}}},
       {"State", {{"Status", sketch.running ? "running" : "exited"}, {"Running", sketch.running}}},
       {"Mounts", mounts}}));
}

engine::VolumeInfo make_volume_info(const std::string& name, const std::string& key, engine::Labels labels,
                                    engine::Labels options) {
  if (!key.empty()) {
    labels["com.docker.compose.project"] = "shop";
    labels["com.docker.compose.volume"] = key;
  }
  return valid(engine::decode_volume({{"Name", name},
                                      {"Driver", "local"},
                                      {"Scope", "local"},
                                      {"Mountpoint", "/var/lib/docker/volumes/" + name + "/_data"},
                                      {"Labels", labels},
                                      {"Options", options}}));
}

sources::Stack make_stack(sources::StackParts parts) {
  sources::Stack stack = valid(assemble("shop", std::move(parts), sources::LabelErrors::refuse));
  stack.digest_key = "0011223344556677";
  return stack;
}

std::vector<engine::ContainerInfo> running_of(const sources::Stack& stack) {
  std::vector<engine::ContainerInfo> running;
  for (const sources::Service& service : stack.services)
    for (const engine::ContainerInfo& container : service.containers)
      if (container.state.running) running.push_back(container);
  return running;
}

}  // namespace davit::test
