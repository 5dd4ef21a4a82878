#include <format>

#include "helper/container_spec.hpp"
#include "helper/session.hpp"
#include "util/log.hpp"

namespace davit::helper {

namespace {

// A helper whose davit has died sees that by itself; where it is bringing old contents back, it may take this long.
constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

Result<std::vector<std::string>> sweep(engine::Engine& engine, const engine::IsAlive& is_alive) {
  const std::vector<std::string> ours{std::format("{}={}", engine::kRoleLabel, kHelperRole)};
  std::vector<std::string> lines;
  TRY_ASSIGN(containers, engine.list_containers({.all = true, .labels = ours, .names = {}}));
  for (const auto& container : containers) {
    TRY_ASSIGN(alive, is_alive(container.labels));
    if (alive) continue;
    const std::string what = "remove the helper " + container.name;
    if (auto stopped = engine.stop_container(container.id, kPatience);
        !stopped && stopped.error().code() != Errc::not_found) {
      return in_context(Result<std::vector<std::string>>(std::unexpected(std::move(stopped).error())), what);
    }
    TRY(in_context(engine.remove_container(container.id, true), what));
    const auto run = container.labels.find(engine::kRunLabel);
    lines.push_back(std::format("removed the helper {} of run {}", container.name,
                                run == container.labels.end() ? "(unknown)" : run->second));
  }
  // Volumes of containers, guards among them, that somebody else removed without them. What the Engine will not remove,
  // such as one that is in use, keeps nobody from working.
  TRY_ASSIGN(volumes, engine.list_volumes({std::string(engine::kRoleLabel)}));
  for (const auto& volume : volumes) {
    TRY_ASSIGN(alive, is_alive(volume.labels));
    if (alive) continue;
    if (auto removed = engine.remove_volume(volume.name); !removed) log_debug(removed.error().message());
  }
  return lines;
}

}  // namespace davit::helper
