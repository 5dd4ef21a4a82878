#include "app/pgbackrest/control.hpp"

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/pgbackrest/stand_in.hpp"
#include "app/quiesce/put_back.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using sources::Cluster;

constexpr std::chrono::seconds kStopTime{120};
constexpr std::chrono::seconds kPatience{600};  // for a server with much to write
constexpr int kLogLines = 20;

std::string started_at(const engine::ContainerInfo& info) {
  const auto raw = nlohmann::json::parse(info.raw, nullptr, false);
  const auto at = nlohmann::json::json_pointer("/State/StartedAt");
  return raw.is_object() && raw.contains(at) && raw.at(at).is_string() ? raw.at(at).get<std::string>() : std::string();
}

std::string label_of(const engine::ContainerInfo& info, const char* name) {
  const auto found = info.labels.find(name);
  return found == info.labels.end() ? std::string() : found->second;
}

HeldContainer held_of(const engine::ContainerInfo& info) {
  HeldContainer held;
  held.project = label_of(info, "com.docker.compose.project");
  held.service = label_of(info, "com.docker.compose.service");
  if (held.service.empty()) held.service = info.name;
  const std::string number = label_of(info, "com.docker.compose.container-number");
  std::from_chars(number.data(), number.data() + number.size(), held.number);
  held.id = info.id;
  held.how = How::stop;
  return held;
}

// Commands can be run in it; not so between the ends of one that a restart policy starts again and again.
bool is_up(const engine::ContainerInfo& info) { return info.state.running && info.state.status == "running"; }

// What a server that has ended leaves to read.
Error ended(engine::Engine& engine, const engine::ContainerId& id) {
  std::string why = "the server ended while it was starting";
  if (const auto log = engine.container_logs(id, kLogLines))
    for (const std::string& line : split(*log, '\n'))
      if (!trim(line).empty()) why += "\n  " + escape_for_display(trim(line));
  return {Errc::failed, std::move(why)};
}

class OneOffControl {
 public:
  OneOffControl(engine::Engine& engine, engine::ContainerInfo info, Journal& journal)
      : engine_(engine), info_(std::move(info)), journal_(journal), held_(held_of(info_)) {}

  Result<Cluster> open(RunContext& run) {
    if (is_up(info_)) return in_container(run);
    return stand_in(run);
  }

  Result<Cluster> stop(RunContext& run) {
    // Nobody is to start what had been stopped.
    TRY_ASSIGN(now, engine_.inspect_container(info_.id));
    if (now.state.running) {
      held_.stopping = true;
      TRY(journal_.record(key_of(held_), entry_of(held_)));
      TRY(engine_.stop_container(info_.id, kStopTime));
      held_.stopping = false;
      TRY(journal_.record(key_of(held_), entry_of(held_)));
    }
    TRY(journal_.record(key_of_swap(info_), entry_of_swap(info_, run.run_id)));
    return stand_in(run);
  }

  Result<Cluster> start(RunContext& run) {
    one_off_.reset();
    cluster_.reset();
    TRY(journal_.strike(key_of_swap(info_)));
    TRY(engine_.start_container(info_.id));
    TRY(journal_.strike(key_of(held_)));
    TRY_ASSIGN(now, engine_.inspect_container(info_.id));
    started_at_ = started_at(now);
    TRY(check_runs());
    return in_container(run);
  }

  Result<> leave() {
    one_off_.reset();
    cluster_.reset();
    TRY(journal_.strike(key_of_swap(info_)));
    return journal_.strike(key_of(held_));
  }

  Result<> check_runs() {
    TRY_ASSIGN(now, engine_.inspect_container(info_.id));
    // A restart policy would start it again and again.
    if (is_up(now) && (started_at_.empty() || started_at(now) == started_at_)) return {};
    return std::unexpected(ended(engine_, info_.id));
  }

 private:
  Result<Cluster> in_container(RunContext& run) { return sources::cluster_in_container(engine_, info_.id, run); }

  Result<Cluster> stand_in(RunContext& run) {
    if (one_off_ && cluster_) return *cluster_;
    TRY_ASSIGN(made, make_stand_in(engine_, info_, run));
    TRY_ASSIGN(cluster, sources::cluster_in_container(engine_, made.id(), run));
    one_off_ = std::move(made);
    cluster_ = cluster;
    return cluster;
  }

  engine::Engine& engine_;
  engine::ContainerInfo info_;
  Journal& journal_;
  HeldContainer held_;
  std::string started_at_;
  std::optional<sources::OneOff> one_off_;
  std::optional<Cluster> cluster_;  // in it
};

}  // namespace

Result<ServerControl> control_by_one_off(engine::Engine& engine, const engine::ContainerInfo& container,
                                         Journal& journal, RunContext& run) {
  auto shared = std::make_shared<OneOffControl>(engine, container, journal);
  TRY_ASSIGN(cluster, shared->open(run));
  return ServerControl{.cluster = std::move(cluster),
                       .runs = is_up(container),
                       .stop = [shared](RunContext& by) { return shared->stop(by); },
                       .start = [shared](RunContext& by) { return shared->start(by); },
                       .leave = [shared](RunContext&) { return shared->leave(); },
                       .check_runs = [shared](RunContext&) { return shared->check_runs(); }};
}

Result<ServerControl> control_by_wrapper(engine::Engine& engine, const engine::ContainerInfo& container,
                                         const sources::Wrapper& wrapper, RunContext& run) {
  TRY_ASSIGN(cluster, sources::cluster_in_container(engine, container.id, run));
  TRY_ASSIGN(status, wrapper.status(run));
  const engine::ContainerId id = container.id;
  return ServerControl{.cluster = cluster,
                       .runs = status.state != supervise::State::maintenance,
                       .stop = [wrapper, cluster](RunContext& by) -> Result<Cluster> {
                         TRY(wrapper.stop(supervise::StopMode::fast, kPatience, by));
                         return cluster;
                       },
                       .start = [wrapper, cluster, &engine, id](RunContext& by) -> Result<Cluster> {
                         // Recovery may take longer than anybody waits here: it is seen by asking the server.
                         auto started = wrapper.start(kStopTime, by);
                         if (started || started.error().code() == Errc::unavailable) return cluster;
                         if (started.error().code() != Errc::failed) return std::unexpected(std::move(started).error());
                         return std::unexpected(ended(engine, id));
                       },
                       .leave = [](RunContext&) -> Result<> { return {}; },
                       .check_runs = [wrapper, &engine, id](RunContext& by) -> Result<> {
                         TRY_ASSIGN(now, wrapper.status(by));
                         if (now.state != supervise::State::maintenance) return {};
                         return std::unexpected(ended(engine, id));
                       }};
}

Result<ServerControl> control_of(engine::Engine& engine, const engine::ContainerInfo& container, Journal& journal,
                                 RunContext& run) {
  if (is_up(container)) {
    const auto wrapper = sources::Wrapper::find(engine, container, run);
    if (wrapper) return control_by_wrapper(engine, container, *wrapper, run);
    if (wrapper.error().code() != Errc::not_found) return std::unexpected(wrapper.error());
  }
  return control_by_one_off(engine, container, journal, run);
}

}  // namespace davit::app
