#include "cli/render.hpp"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "cli/render_parts.hpp"
#include "util/escape.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

using nlohmann::json;

// Code points, which is what a column of ordinary text is made of.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::uint64_t stored_bytes(const model::Item& item) {
  std::uint64_t sum = 0;
  for (const model::Artefact& artefact : item.artefacts) sum += artefact.stored.bytes;
  return sum;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + escape_for_display(word);
  return text;
}

std::string render_items(const std::vector<model::Item>& items, bool with_sizes) {
  std::vector<std::vector<std::string>> rows{{"item", "consistency", "artefacts", "services"}};
  if (with_sizes) rows.front() = {"item", "consistency", "artefacts", "size", "stored", "services"};
  for (const model::Item& item : items) {
    std::vector<std::string> row{escape_for_display(item.id.text()), std::string(name_of(item.consistency)),
                                 std::to_string(item.artefacts.size())};
    if (with_sizes) {
      row.push_back(render_bytes(item.plain_bytes()));
      row.push_back(render_bytes(stored_bytes(item)));
    }
    row.push_back(join(item.services));
    rows.push_back(std::move(row));
  }
  return render_table(rows, 2);
}

// Whom a backup would hold, how, and for which items; and whose hooks it would run.
std::string render_quiesce(const app::QuiescePlan& plan) {
  std::vector<std::vector<std::string>> rows;
  std::vector<Finding> findings = plan.findings;
  for (std::size_t i = 0; i < plan.services.size(); ++i) {
    const app::QuiescedService& service = plan.services[i];
    std::string items;
    for (const auto& [item, quiesce] : plan.items)
      if (std::ranges::contains(quiesce.touched, i))
        items += (items.empty() ? "for " : ", ") + escape_for_display(item.text());
    std::string more;
    if (service.max) more = "at most " + seconds(*service.max);
    if (!service.before.argv.empty()) more += (more.empty() ? "" : ", ") + std::string("davit.before");
    if (!service.after.argv.empty()) more += (more.empty() ? "" : ", ") + std::string("davit.after");
    if (service.how == app::How::none && more.empty()) continue;
    rows.push_back({escape_for_display(service.name), std::string(state_of(service.how)),
                    plan.consistent ? "until everything is read" : std::move(items), std::move(more)});
  }
  for (const auto& [item, quiesce] : plan.items) std::ranges::copy(quiesce.findings, std::back_inserter(findings));
  return heading("services meanwhile", render_table(rows, 2)) + render_findings(findings);
}

json quiesce_to_json(const app::QuiescePlan& plan) {
  json held = json::array();
  for (std::size_t i = 0; i < plan.services.size(); ++i) {
    const app::QuiescedService& service = plan.services[i];
    json items = json::array();
    for (const auto& [item, quiesce] : plan.items)
      if (std::ranges::contains(quiesce.held, i)) items.push_back(escape_for_display(item.text()));
    if (service.how == app::How::none) continue;
    held.push_back(
        {{"service", escape_for_display(service.name)}, {"how", state_of(service.how)}, {"items", std::move(items)}});
    if (service.max) held.back()["max_seconds"] = static_cast<double>(service.max->count()) / 1000;
  }
  return held;
}

std::string render_held(const std::vector<catalog::HeldRecord>& held) {
  std::vector<std::vector<std::string>> rows;
  for (const catalog::HeldRecord& record : held)
    rows.push_back(
        {escape_for_display(record.service), seconds(record.time), "(" + escape_for_display(record.how) + ")"});
  return heading("held", render_table(rows, 2));
}

// Of a message, whose names are escaped already. JSON carries line ends by itself, but no bytes that aren't UTF-8.
std::string json_text(const std::string& message) { return is_utf8(message) ? message : escape_lines(message); }

}  // namespace

std::string render_table(const std::vector<std::vector<std::string>>& rows, std::size_t indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - columns(row[i]) + 2, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string render_findings(const std::vector<Finding>& findings) {
  std::vector<std::vector<std::string>> rows;
  for (const Finding& finding : findings)
    rows.push_back({escape_for_display(finding.item), finding.path, finding.what});
  return heading("findings", render_table(rows, 2));
}

std::string render_error(const Error& error) {
  std::string text = "error: " + escape_lines(error.message()) + "\n";
  if (!error.hint().empty()) text += "hint: " + escape_lines(error.hint()) + "\n";
  return text;
}

json error_to_json(const Error& error) {
  return {{"error",
           {{"code", name_of(error.code())},
            {"exit_code", exit_code_of(error.code())},
            {"message", json_text(error.message())},
            {"hint", json_text(error.hint())}}}};
}

std::string render_backup_plan(const app::BackupPlan& plan) {
  return std::format("stack {}: a backup would hold\n", escape_for_display(plan.stack.name)) +
         render_items(plan.items, false) + render_quiesce(plan.quiesce) +
         render_not_covered(plan.not_covered, plan.needs);
}

json backup_plan_to_json(const app::BackupPlan& plan) {
  json items = json::array();
  for (const model::Item& item : plan.items) {
    json artefacts = json::array();
    for (const model::Artefact& artefact : item.artefacts) artefacts.push_back(artefact.path);
    json services = json::array();
    for (const std::string& service : item.services) services.push_back(escape_for_display(service));
    items.push_back({{"item", escape_for_display(item.id.text())},
                     {"consistency", name_of(item.consistency)},
                     {"services", std::move(services)},
                     {"artefacts", std::move(artefacts)}});
  }
  return {{"stack", escape_for_display(plan.stack.name)},
          {"items", std::move(items)},
          {"held", quiesce_to_json(plan.quiesce)},
          {"not_covered", not_covered_to_json(plan.not_covered)},
          {"needs", plan.needs}};
}

std::string render_backup_report(const app::BackupReport& report, std::string_view where) {
  std::uint64_t plain = 0;
  for (const model::Item& item : report.manifest.items) plain += item.plain_bytes();
  return render_manifest_for_people(report.manifest) +
         std::format("\nbackup {} of {} is in {}: {} from {} in {}\n", report.entry.id,
                     escape_for_display(report.entry.stack), where, render_bytes(report.manifest.stored_bytes()),
                     render_bytes(plain), seconds(report.took));
}

std::string render_manifest_for_people(const catalog::Manifest& manifest) {
  return std::format("backup {} of stack {}, {}\n", manifest.id, escape_for_display(manifest.stack),
                     render_rfc3339(manifest.started)) +
         render_items(manifest.items, true) + render_held(manifest.held) +
         render_not_covered(manifest.not_covered, manifest.needs) + render_findings(manifest.findings);
}

json transferred_to_json(const app::Transferred& transferred, std::string_view where) {
  return {{"stack", escape_for_display(transferred.entry.stack)},
          {"id", transferred.entry.id},
          {"where", where},
          {"bytes", transferred.bytes},
          {"was_there", transferred.was_there}};
}

std::string render_verify_report(const app::VerifyReport& report, bool deep) {
  std::vector<std::vector<std::string>> bad;
  std::uint64_t bytes = 0;
  for (const app::VerifiedArtefact& artefact : report.artefacts) {
    bytes += artefact.bytes;
    if (!artefact.problem.empty()) bad.push_back({artefact.backup, artefact.path, artefact.problem});
  }
  return std::format("{} {}: {}, {}{}\n", deep ? "verified deeply" : "verified",
                     plural(static_cast<std::uint64_t>(report.backups), "backup"),
                     plural(report.artefacts.size(), "artefact"), render_bytes(bytes),
                     bad.empty() ? ", all good" : ", " + plural(bad.size(), "problem")) +
         heading("problems", render_table(bad, 2));
}

json verify_report_to_json(const app::VerifyReport& report) {
  json artefacts = json::array();
  for (const app::VerifiedArtefact& artefact : report.artefacts)
    artefacts.push_back({{"backup", artefact.backup},
                         {"path", artefact.path},
                         {"bytes", artefact.bytes},
                         {"good", artefact.problem.empty()},
                         {"problem", json_text(artefact.problem)}});
  return {{"backups", report.backups}, {"problems", report.problems()}, {"artefacts", std::move(artefacts)}};
}

}  // namespace davit::cli
