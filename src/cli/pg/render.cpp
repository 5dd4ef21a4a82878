#include "cli/pg/render.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

using nlohmann::json;
using Kind = app::ServerSetName::Kind;

std::string shown(const sources::Database& database, std::string_view property) {
  return escape_for_display(model::attribute(database.properties, property));
}

std::string files(std::size_t count) { return std::to_string(count) + (count == 1 ? " file" : " files"); }

std::string owner_of(const sources::Database& database) { return shown(database, "owner"); }

// Of a dump that somebody else has named, the time of its file.
std::string time_of(const app::StoredDump& dump) {
  return dump.name.time.empty() ? render_rfc3339(dump.modified) : dump.name.time;
}

}  // namespace

std::string render_databases(const sources::Server& server, const std::vector<sources::Database>& databases) {
  std::vector<std::vector<std::string>> rows{{"database", "size", "owner", "encoding", "version", "remark"}};
  for (const sources::Database& each : databases)
    rows.push_back({escape_for_display(each.name), render_bytes(each.bytes), owner_of(each), shown(each, "encoding"),
                    escape_for_display(server.version_text()), each.obstacle().value_or("")});
  return render_table(rows);
}

json databases_to_json(const sources::Server& server, const std::vector<sources::Database>& databases) {
  json list = json::array();
  for (const sources::Database& each : databases) {
    list.push_back({{"database", escape_for_display(each.name)},
                    {"bytes", each.bytes},
                    {"owner", owner_of(each)},
                    {"encoding", shown(each, "encoding")},
                    {"version", escape_for_display(server.version_text())}});
    if (const auto obstacle = each.obstacle()) list.back()["remark"] = *obstacle;
  }
  return list;
}

std::string render_pg_dump(const app::PgDumpReport& report, std::string_view where) {
  std::vector<std::vector<std::string>> rows{{"database", "size", "dump"}};
  std::uint64_t bytes = 0;
  for (const app::PgDumpReport::Dump& dump : report.dumps) {
    bytes += dump.bytes;
    rows.push_back({escape_for_display(dump.database), render_bytes(dump.bytes), dump.key});
  }
  return render_table(rows) +
         std::format("{} {} in {}: {}\n", report.dumps.size(), report.dumps.size() == 1 ? "dump" : "dumps", where,
                     render_bytes(bytes)) +
         render_findings(report.findings);
}

std::string render_stored_dumps(const std::vector<app::StoredDump>& dumps,
                                const std::vector<app::StoredServerSet>& sets) {
  std::vector<std::vector<std::string>> rows{{"database", "time", "size", "dump"}};
  for (const app::StoredDump& dump : dumps)
    rows.push_back({escape_for_display(dump.name.database), time_of(dump), render_bytes(dump.bytes),
                    escape_for_display(dump.key)});
  for (const app::StoredServerSet& set : sets)
    rows.push_back({set.name.kind == Kind::base ? "(all, as files)" : "(all, as a script)", set.name.time,
                    render_bytes(set.bytes), escape_for_display(set.key)});
  return render_table(rows);
}

json stored_dumps_to_json(const std::vector<app::StoredDump>& dumps, const std::vector<app::StoredServerSet>& sets) {
  json list = json::array();
  for (const app::StoredDump& dump : dumps)
    list.push_back({{"kind", "dump"},
                    {"database", escape_for_display(dump.name.database)},
                    {"time", time_of(dump)},
                    {"bytes", dump.bytes},
                    {"dump", escape_for_display(dump.key)}});
  for (const app::StoredServerSet& set : sets)
    list.push_back({{"kind", set.name.kind == Kind::base ? "basebackup" : "dumpall"},
                    {"time", set.name.time},
                    {"bytes", set.bytes},
                    {"dump", escape_for_display(set.key)}});
  return list;
}

json pg_dump_to_json(const app::PgDumpReport& report, std::string_view where) {
  json dumps = json::array();
  for (const app::PgDumpReport::Dump& dump : report.dumps)
    dumps.push_back({{"database", escape_for_display(dump.database)}, {"dump", dump.key}, {"bytes", dump.bytes}});
  json findings = json::array();
  for (const Finding& finding : report.findings)
    findings.push_back({{"database", escape_for_display(finding.path)}, {"what", escape_for_display(finding.what)}});
  return {
      {"where", where}, {"dumps", std::move(dumps)}, {"globals", report.globals}, {"findings", std::move(findings)}};
}

std::string render_transfer(const app::TransferReport& report, std::string_view where) {
  std::uint64_t bytes = 0;
  for (const auto& object : report.moved) bytes += object.bytes;
  const std::string present = report.present == 0 ? "" : std::format(", {} were there already", report.present);
  return std::format("{} copied to {}: {}{}\n", files(report.moved.size()), where, render_bytes(bytes), present);
}

json transfer_to_json(const app::TransferReport& report, std::string_view where) {
  json moved = json::array();
  for (const auto& object : report.moved)
    moved.push_back({{"file", escape_for_display(object.key)}, {"bytes", object.bytes}});
  return {{"where", where}, {"copied", std::move(moved)}, {"present", report.present}};
}

std::string render_pg_restore(const app::PgRestoreReport& report) {
  std::vector<std::vector<std::string>> rows{{"database", "from", ""}};
  for (const auto& each : report.databases)
    rows.push_back({escape_for_display(each.name), escape_for_display(each.key), each.created ? "made" : "was there"});
  std::string roles;
  for (const std::string& role : report.roles) roles += (roles.empty() ? "" : ", ") + escape_for_display(role);
  return render_table(rows) + (roles.empty() ? "" : "roles that were made: " + roles + "\n");
}

json pg_restore_to_json(const app::PgRestoreReport& report) {
  json databases = json::array();
  for (const auto& each : report.databases)
    databases.push_back({{"database", escape_for_display(each.name)},
                         {"dump", escape_for_display(each.key)},
                         {"created", each.created}});
  json roles = json::array();
  for (const std::string& role : report.roles) roles.push_back(escape_for_display(role));
  return {{"databases", std::move(databases)}, {"roles", std::move(roles)}};
}

}  // namespace davit::cli
