#include "sources/rebuild/settle_rebuild.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

#include "sources/compose_labels.hpp"
#include "sources/rebuild/readiness.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;
using nlohmann::json;

// The Engine goes on with what it was asked for when the asker is dead: what isn't there yet is looked for this long.
constexpr auto kLookTime = 1s;
constexpr auto kLookInterval = 100ms;
constexpr auto kPatience = 5min;

// Nothing where it isn't there.
template <class T>
Result<std::optional<T>> if_there(Result<T> found) {
  if (found) return *std::move(found);
  if (found.error().code() == Errc::not_found) return std::nullopt;
  return std::unexpected(std::move(found).error());
}

// By its id where that is known; by its name, more than once, where the answer of its making may be under way.
template <class Inspect>
auto find_made(const std::string& name, const std::string& id, RunContext& run, Inspect inspect)
    -> decltype(if_there(inspect(name))) {
  if (!id.empty()) return if_there(inspect(id));
  const auto until = run.clock.steady() + kLookTime;
  while (true) {
    TRY_ASSIGN(found, if_there(inspect(name)));
    if (found || run.clock.steady() >= until) return found;
    run.clock.sleep_for(kLookInterval);
  }
}

std::string restore(const std::string& run, const std::string& what) { return "restore " + run + ": " + what; }

std::string kind_of(const json& entry) {
  const auto kind = entry.find("kind");
  return kind != entry.end() && kind->is_string() ? kind->get<std::string>() : std::string();
}

class Starting {
 public:
  Starting(engine::Engine& engine, const StartEntry& entry, bool at_last)
      : engine_(engine), entry_(entry), at_last_(at_last) {}

  // What still has to wait, and why; empty if nothing has to.
  Result<std::string> go_through() {
    std::string waiting;
    for (const StartEntry::Member& member : entry_.members) {
      TRY_ASSIGN(info, if_there(engine_.inspect_container({member.container})));
      // Somebody may have made it anew by now. What has run and ended was started.
      if (!info || info->state.status != "created") continue;
      TRY_ASSIGN(obstacle, obstacle_of(member));
      if (!obstacle.empty() && !at_last_) {
        waiting += (waiting.empty() ? "" : "; ") + obstacle;
        continue;
      }
      if (auto started = engine_.start_container({member.container}); started) {
        lines_.push_back(restore(
            entry_.run, "started service " + member.service + (obstacle.empty() ? "" : ", though " + obstacle)));
      } else if (const std::string why =
                     "service " + member.service + " can't be started: " + started.error().message();
                 at_last_) {
        lines_.push_back(restore(entry_.run, why));
      } else {
        waiting += (waiting.empty() ? "" : "; ") + why;
      }
    }
    return waiting;
  }
  Lines take() { return std::move(lines_); }

 private:
  Result<std::string> obstacle_of(const StartEntry::Member& member) {
    for (const Dependency& on : member.after)
      for (const StartEntry::Member& other : entry_.members) {
        if (other.service != on.service) continue;
        TRY_ASSIGN(info, if_there(engine_.inspect_container({other.container})));
        if (!info) continue;
        const Readiness readiness = readiness_of(*info, on.condition);
        if (readiness.state != Readiness::State::ready)
          return "service " + member.service + " waits for " + on.service + ": " + readiness.why;
      }
    return std::string();
  }

  engine::Engine& engine_;
  const StartEntry& entry_;
  bool at_last_;
  Lines lines_;
};

}  // namespace

Result<Lines> undo_container(engine::Engine& engine, const ContainerEntry& entry, RunContext& run) {
  TRY_ASSIGN(found, find_made(entry.name, entry.id, run,
                              [&](const std::string& id) { return engine.inspect_container({id}); }));
  if (!found) return Lines{};
  // Where only its name is known, it was never started by us.
  const bool ours = !entry.id.empty() || (found->state.status == "created" &&
                                          compose::label(found->labels, compose::kProject) == entry.project &&
                                          compose::label(found->labels, compose::kService) == entry.service);
  if (!ours)
    return Lines{restore(entry.run, "container " + entry.name + " stays: it isn't the one that was made for it")};
  TRY(in_context(engine.remove_container(found->id, true), "remove container " + entry.name));
  return Lines{restore(entry.run, "container " + entry.name + ", which was made for it, was removed")};
}

Result<Lines> undo_network(engine::Engine& engine, const NetworkEntry& entry, RunContext& run) {
  TRY_ASSIGN(found,
             find_made(entry.name, entry.id, run, [&](const std::string& id) { return engine.inspect_network(id); }));
  if (!found) return Lines{};
  const std::string what = "network " + entry.name + ", which was made for it, ";
  if (entry.id.empty() && compose::label(found->labels, compose::kProject) != entry.project)
    return Lines{restore(entry.run, "network " + entry.name + " stays: it isn't the one that was made for it")};
  auto removed = engine.remove_network(found->id);
  // Containers that don't run keep it from nothing: so somebody else uses it.
  if (!removed && removed.error().code() == Errc::failed)
    return Lines{restore(entry.run, what + "stays: " + removed.error().message())};
  if (!removed && removed.error().code() != Errc::not_found) return std::unexpected(std::move(removed).error());
  return Lines{restore(entry.run, what + "was removed")};
}

Result<Lines> undo_tag(engine::Engine& engine, const TagEntry& entry) {
  TRY_ASSIGN(image, if_there(engine.inspect_image(entry.reference)));
  if (image && image->id == entry.old_id) return Lines{};
  auto tagged = engine.tag_image(entry.old_id, entry.reference);
  if (!tagged && tagged.error().code() == Errc::not_found)
    return Lines{restore(entry.run, "the tag " + entry.reference + " stays: the image that had it is gone")};
  if (!tagged) return std::unexpected(std::move(tagged).error());
  return Lines{restore(entry.run, "the tag " + entry.reference + " names the image again that had it")};
}

Result<Lines> settle_made(engine::Engine& engine, const json& entry, bool decided, RunContext& run) {
  if (decided) return Lines{};
  const std::string kind = kind_of(entry);
  if (kind == "container") {
    TRY_ASSIGN(container, container_entry_from(entry));
    return undo_container(engine, container, run);
  }
  if (kind == "network") {
    TRY_ASSIGN(network, network_entry_from(entry));
    return undo_network(engine, network, run);
  }
  if (kind == "tag") {
    TRY_ASSIGN(tag, tag_entry_from(entry));
    return undo_tag(engine, tag);
  }
  return fail(Errc::corrupt, "the journal has an entry of a kind that no restore makes: " + kind);
}

Result<Lines> settle_start(engine::Engine& engine, const json& object, bool decided, std::chrono::milliseconds waited,
                           RunContext&) {
  if (!decided) return Lines{};
  TRY_ASSIGN(entry, start_entry_from(object));
  Starting starting(engine, entry, waited >= kPatience);
  TRY_ASSIGN(waiting, starting.go_through());
  if (!waiting.empty()) return fail(Errc::unavailable, waiting);
  return starting.take();
}

Result<Lines> settle_stop(engine::Engine& engine, const json& object, bool decided) {
  if (!decided) return Lines{};
  TRY_ASSIGN(entry, stop_entry_from(object));
  Lines lines;
  for (const StopEntry::Member& member : entry.members | std::views::reverse) {
    TRY_ASSIGN(info, if_there(engine.inspect_container({member.container})));
    if (!info || !info->state.running) continue;
    auto stopped = engine.stop_container({member.container}, {});
    if (!stopped && stopped.error().code() == Errc::not_found) continue;
    TRY(in_context(std::move(stopped), "stop service " + member.service));
    lines.push_back(restore(entry.run, "stopped service " + member.service + ", which ran only for it"));
  }
  return lines;
}

}  // namespace davit::sources
