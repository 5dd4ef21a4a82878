#include "app/pgbackrest/stand_in.hpp"

#include <nlohmann/json.hpp>

#include "app/sweep.hpp"
#include "sources/idle.hpp"
#include "sources/pgbackrest/data_swap.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using nlohmann::json;
using sources::DataSwap;

}  // namespace

Result<sources::OneOff> make_stand_in(engine::Engine& engine, const engine::ContainerInfo& container, RunContext& run) {
  sources::OneOffOptions options;
  options.purpose = "work beside the files of container " + container.name;
  options.entrypoint = sources::idle_entrypoint();
  // The repository may be on another machine.
  options.network = container.network_mode.empty() ? "none" : container.network_mode;
  return sources::OneOff::start(engine, container, options, sources::ready_at_once, run);
}

std::string key_of_swap(const engine::ContainerInfo& container) { return "swap:" + container.id.value; }

json entry_of_swap(const engine::ContainerInfo& container, const std::string& run) {
  return {{"kind", "swap"}, {"container", container.id.value}, {"run", run}};
}

Result<std::vector<std::string>> put_back_swap(engine::Engine& engine, const json& entry, RunContext& run) {
  // What the dead run has begun goes on in its one-off container.
  TRY(clear_run(engine, entry.at("run").get<std::string>()));
  const auto container = engine.inspect_container({entry.at("container").get<std::string>()});
  if (!container && container.error().code() == Errc::not_found) return {};
  if (!container) return std::unexpected(container.error());
  // Whoever has started it has a server, or sees why not.
  if (container->state.running) return {};
  TRY_ASSIGN(stand_in, make_stand_in(engine, *container, run));
  TRY_ASSIGN(cluster, sources::cluster_in_container(engine, stand_in.id(), run));
  const DataSwap swap(cluster);
  TRY_ASSIGN(state, swap.state(run));
  if (state != DataSwap::State::between) return {};
  TRY(swap.undo(run));
  TRY(swap.clear(run));
  return std::vector<std::string>{"put the old cluster of container " + escape_for_display(container->name) +
                                  " back into place"};
}

}  // namespace davit::app
