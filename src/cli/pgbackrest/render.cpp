#include "cli/pgbackrest/render.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "util/clock.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

using nlohmann::json;

json set_to_json(const sources::BackupSet& set) {
  json object{{"label", escape_for_display(set.label)},
              {"type", escape_for_display(set.type)},
              {"start", render_rfc3339(set.start)},
              {"stop", render_rfc3339(set.stop)},
              {"databaseBytes", set.database_bytes},
              {"copiedBytes", set.delta_bytes},
              {"damaged", set.damaged},
              {"repository", set.repository}};
  if (set.repository_bytes != 0) object["repositoryBytes"] = set.repository_bytes;
  if (!set.prior.empty()) object["prior"] = escape_for_display(set.prior);
  return object;
}

}  // namespace

std::string render_made(const sources::PgBackRest::Made& made, const std::string& stanza) {
  const sources::BackupSet& set = made.set;
  return std::format(
      "made {} ({}{}{}) of stanza {} in {} s: {} of {} copied\n", escape_for_display(set.label),
      escape_for_display(set.type), made.became_full ? ", as there was none to build on" : "",
      made.timeline_switched ? ", the first since the cluster was restored: every file was compared" : "",
      escape_for_display(stanza), (set.stop - set.start).count(), render_bytes(set.delta_bytes),
      render_bytes(set.database_bytes));
}

json made_to_json(const sources::PgBackRest::Made& made, const std::string& stanza) {
  json object{{"stanza", escape_for_display(stanza)},
              {"set", set_to_json(made.set)},
              {"becameFull", made.became_full},
              {"timelineSwitched", made.timeline_switched}};
  object["warnings"] = json::array();
  for (const std::string& warning : made.warnings) object["warnings"].push_back(escape_for_display(warning));
  return object;
}

std::string render_stanza(const sources::Stanza& stanza) {
  std::string text = "stanza " + escape_for_display(stanza.name);
  const sources::WalRange* archive = stanza.archive();
  text += archive == nullptr ? ": no WAL in the archive\n"
                             : ": WAL " + escape_for_display(archive->min) + " to " + escape_for_display(archive->max) +
                                   " in the archive\n";
  if (stanza.backups.empty()) return text + "no backups yet: davit pgbackrest backup --type full\n";
  std::vector<std::vector<std::string>> rows{{"set", "type", "until", "database", "copied", ""}};
  for (const sources::BackupSet& set : stanza.backups)
    rows.push_back({escape_for_display(set.label), escape_for_display(set.type), render_rfc3339(set.stop),
                    render_bytes(set.database_bytes), render_bytes(set.delta_bytes),
                    set.damaged ? "damaged pages" : ""});
  return text + render_table(rows);
}

json stanza_to_json(const sources::Stanza& stanza) {
  json sets = json::array();
  for (const sources::BackupSet& set : stanza.backups) sets.push_back(set_to_json(set));
  json object{{"stanza", escape_for_display(stanza.name)}, {"sets", std::move(sets)}, {"wal", nullptr}};
  if (const sources::WalRange* archive = stanza.archive())
    object["wal"] = {{"min", escape_for_display(archive->min)}, {"max", escape_for_display(archive->max)}};
  return object;
}

std::string render_verify(const sources::VerifyReport& report) {
  std::vector<std::vector<std::string>> rows{{"part", "checked", "valid", ""}};
  for (const auto& part : report.parts)
    rows.push_back({escape_for_display(part.name), std::to_string(part.checked), std::to_string(part.valid),
                    part.trouble.empty() ? "sound" : escape_for_display(part.trouble)});
  std::string text = render_table(rows);
  for (const std::string& line : report.trouble) text += line + "\n";
  return text;
}

json verify_to_json(const sources::VerifyReport& report, const std::string& stanza) {
  json parts = json::array();
  for (const auto& part : report.parts)
    parts.push_back({{"part", escape_for_display(part.name)},
                     {"checked", part.checked},
                     {"valid", part.valid},
                     {"trouble", escape_for_display(part.trouble)}});
  return {{"stanza", escape_for_display(stanza)},
          {"sound", report.sound()},
          {"parts", std::move(parts)},
          {"trouble", report.trouble}};
}

}  // namespace davit::cli
