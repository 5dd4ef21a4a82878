#include "app/rescue.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>

#include "app/pgbackrest/control.hpp"
#include "app/pgbackrest/stand_in.hpp"
#include "app/quiesce/put_back.hpp"
#include "sources/basebackup/physical_entry.hpp"
#include "sources/rebuild/settle_rebuild.hpp"
#include "sources/undo_restore.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

struct Kind {
  std::string_view name;
  PutRight put_right;
  // When nothing else is left to be put right: no service is started beside a one-off server on its own volumes, and
  // none is stopped that something is still put right through. But old contents that can't be removed keep nobody
  // waiting.
  enum class Turn { any, first, last } turn = Turn::first;
};

Result<std::vector<std::string>> settle_restore(const RescueStep& step) {
  return sources::settle_restore(step.host, step.entry, step.decided, step.run);
}

Result<std::vector<std::string>> settle_files(const RescueStep& step) {
  return sources::settle_physical_entry(step.host.engine(), step.entry, step.decided, control_of, step.run);
}

Result<std::vector<std::string>> settle_made(const RescueStep& step) {
  return sources::settle_made(step.host.engine(), step.entry, step.decided, step.run);
}

Result<std::vector<std::string>> settle_start(const RescueStep& step) {
  return sources::settle_start(step.host.engine(), step.entry, step.decided, step.waited, step.run);
}

Result<std::vector<std::string>> settle_stop(const RescueStep& step) {
  return sources::settle_stop(step.host.engine(), step.entry, step.decided);
}

// One line for each kind of docs/guard.md but `decided`, which is dealt with below.
constexpr std::array kKinds{
    Kind{"held", [](const RescueStep& step) { return put_back_held(step.host.engine(), step.entry, step.waited); }},
    Kind{"after",
         [](const RescueStep& step) { return put_back_after(step.host.engine(), step.entry, step.waited, step.run); }},
    Kind{"volume", settle_restore},
    Kind{"place", settle_restore, Kind::Turn::any},
    Kind{"cluster", settle_restore},
    Kind{"search", settle_restore},
    Kind{"ldap", settle_restore},
    Kind{"swap", [](const RescueStep& step) { return put_back_swap(step.host.engine(), step.entry, step.run); }},
    Kind{"physical", settle_files},
    Kind{"network", settle_made},
    Kind{"container", settle_made},
    Kind{"tag", settle_made},
    Kind{"start", settle_start, Kind::Turn::last},
    Kind{"stop", settle_stop, Kind::Turn::last},
};

constexpr std::string_view kDecided = "decided";

const Kind* find_kind(const std::string& name) {
  const auto* found = std::ranges::find(kKinds, name, &Kind::name);
  return found == kKinds.end() ? nullptr : found;
}

std::string kind_of(const nlohmann::json& entry) {
  const auto kind = entry.is_object() ? entry.find("kind") : entry.end();
  return kind != entry.end() && kind->is_string() ? kind->get<std::string>() : std::string();
}

Result<std::vector<std::string>> put_right(const RescueStep& step) {
  const std::string name = kind_of(step.entry);
  const Kind* kind = find_kind(name);
  if (kind == nullptr)
    return fail(Errc::usage, "an entry of the kind \"" + escape_for_display(name) + "\" is unknown to this davit");
  // What a handler reads may be what another davit wrote.
  try {
    return kind->put_right(step);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::corrupt, std::string("read it: ") + error.what());
  }
}

Kind::Turn turn_of(const nlohmann::json& entry) {
  const Kind* kind = find_kind(kind_of(entry));
  return kind != nullptr ? kind->turn : Kind::Turn::first;
}

}  // namespace

RescueReport rescue(helper::Host& host, const JournalEntries& entries, std::chrono::milliseconds waited,
                    RunContext& run) {
  RescueReport report;
  std::vector<std::string> decisions;
  bool others = true;  // whether all are right that the last ones wait for
  const auto settle = [&](const std::string& key, const nlohmann::json& entry, bool decided) {
    auto done = put_right({host, key, entry, decided, waited, run});
    if (done) {
      std::ranges::move(*done, std::back_inserter(report.lines));
      report.settled.push_back(key);
    } else {
      report.failed.push_back(escape_for_display(key) + ": " + done.error().message());
      others &= turn_of(entry) != Kind::Turn::first;
    }
  };
  std::vector<std::pair<const JournalEntries::value_type*, bool>> late;  // and whether they were decided
  for (const JournalEntries::value_type& entry : entries | std::views::reverse) {
    if (kind_of(entry.second) == kDecided)
      decisions.push_back(entry.first);
    else if (turn_of(entry.second) == Kind::Turn::last)
      late.emplace_back(&entry, !decisions.empty());
    else
      settle(entry.first, entry.second, !decisions.empty());
  }
  for (const auto& [entry, decided] : late) {
    if (others)
      settle(entry->first, entry->second, decided);
    else
      report.failed.push_back(escape_for_display(entry->first) + ": waits for the others");
  }
  // Last: what is still to be done must be found to have been decided when it is tried again.
  if (report.failed.empty()) std::ranges::move(decisions, std::back_inserter(report.settled));
  return report;
}

}  // namespace davit::app
