#include "sources/postgres/cluster_undo.hpp"

#include <algorithm>

#include "sources/postgres/inventory.hpp"
#include "sources/postgres/sql_text.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

Result<> drop_database(const Server& server, const ClusterEntry& entry, std::string_view name, RunContext& run) {
  std::string script;
  // A client that looks at every database (a monitor) may have a session in it.
  if (server.major() < 13)
    script = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " + quote_literal(name) + ";\n";
  script += "DROP DATABASE IF EXISTS " + quote_identifier(name) + (server.major() >= 13 ? " WITH (FORCE)" : "") + ";\n";
  return server.execute(entry.maintenance, script, run);
}

// It is all or nothing, so one database tells it of all.
Result<bool> is_swapped(const Server& server, const ClusterEntry& entry, RunContext& run) {
  if (!entry.swap_begun || entry.replacements.empty()) return false;
  const Replacement& first = entry.replacements.front();
  TRY_ASSIGN(databases, list_databases(server, run));
  return std::ranges::any_of(
      databases, [&](const Database& each) { return each.oid == first.fresh_oid && each.name == first.name; });
}

Result<> undo_swap(const Server& server, const ClusterEntry& entry, bool answered, RunContext& run) {
  if (!entry.swap_begun) return {};
  // Whether the swap happened is the server's to say: its answer may have been lost.
  if (!answered) TRY(wait_for_swap(server, run));
  TRY_ASSIGN(swapped, is_swapped(server, entry, run));
  if (!swapped) return {};
  return swap_databases(server, entry.maintenance, entry.replacements, true, entry.undo, run);
}

Result<> drop_fresh(const Server& server, const ClusterEntry& entry, RunContext& run) {
  Result<> result;
  for (const Replacement& each : entry.replacements)
    if (auto dropped = drop_database(server, entry, each.fresh_name, run); !dropped && result)
      result = std::move(dropped);
  return result;
}

Result<> undo_roles(const Server& server, const ClusterEntry& entry, RunContext& run) {
  std::string script;
  for (const std::string& name : entry.tablespaces)
    script += "DROP TABLESPACE IF EXISTS " + quote_identifier(name) + ";\n";
  for (const std::string& name : entry.roles) script += "DROP ROLE IF EXISTS " + quote_identifier(name) + ";\n";
  return script.empty() ? Result<>() : server.execute(entry.maintenance, script, run);
}

// Only empty ones go, so nothing of anybody else's can.
Result<> remove_directories(const Server& server, const ClusterEntry& entry, RunContext& run) {
  if (entry.directories.empty()) return {};
  std::vector<std::string> argv{"sh", "-c", R"sh(for d; do rmdir -- "$d" 2>/dev/null; done; :)sh", "davit"};
  argv.insert(argv.end(), entry.directories.begin(), entry.directories.end());
  return server.programs().ask(std::move(argv), run).transform([](const auto&) {});
}

}  // namespace

Result<> lead_back(const Server& server, const ClusterEntry& entry, bool answered, RunContext& run) {
  // A swap whose session was slow to begin may come between the look and the drop. Behind the drop it can't succeed.
  for (int round = 0;; ++round) {
    // While a restored database bears the name of an old one, nothing may be dropped.
    TRY(undo_swap(server, entry, answered, run));
    auto dropped = drop_fresh(server, entry, run);
    TRY_ASSIGN(swapped, is_swapped(server, entry, run));
    if (swapped && round < 3) continue;
    if (swapped) return fail(Errc::failed, "the restored databases took their places again and again");
    auto undone = undo_roles(server, entry, run);
    if (!dropped) return dropped;
    if (!undone) return undone;
    return remove_directories(server, entry, run);
  }
}

Result<> drop_old(const Server& server, const ClusterEntry& entry, RunContext& run) {
  Result<> result;
  for (const Replacement& each : entry.replacements) {
    if (!each.old_oid) continue;
    auto dropped =
        in_context(drop_database(server, entry, each.old_name, run),
                   "remove the old contents of database " + escape_for_display(each.name) + " (" + each.old_name + ")");
    if (!dropped && result) result = std::move(dropped);
  }
  return result;
}

}  // namespace davit::sources
