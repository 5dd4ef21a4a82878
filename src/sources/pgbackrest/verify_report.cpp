#include "sources/pgbackrest/verify_report.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "util/text.hpp"

namespace davit::sources {
namespace {

// "total files checked: 969" of a line of such pairs.
std::optional<std::uint64_t> number_behind(std::string_view line, std::string_view name) {
  const auto found = line.find(std::string(name) + ": ");
  if (found == std::string_view::npos) return {};
  const std::string_view digits = line.substr(found + name.size() + 2);
  std::uint64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) return {};
  return value;
}

std::string word_behind(std::string_view line, std::string_view name) {
  const auto found = line.find(std::string(name) + ": ");
  if (found == std::string_view::npos) return {};
  const std::string_view rest = line.substr(found + name.size() + 2);
  return std::string(trim(rest.substr(0, rest.find(','))));
}

void add_trouble(VerifyReport::Part& part, const std::string& what) {
  part.trouble += (part.trouble.empty() ? "" : ", ") + what;
}

VerifyReport::Part parse_part(std::string_view line) {
  const bool is_archive = line.starts_with("archiveId");
  VerifyReport::Part part;
  part.name = is_archive ? "archive " + word_behind(line, "archiveId") : "backup " + word_behind(line, "backup");
  part.checked = number_behind(line, is_archive ? "total WAL checked" : "total files checked").value_or(0);
  part.valid = number_behind(line, is_archive ? "total valid WAL" : "total valid files").value_or(0);
  const std::string status = word_behind(line, "status");
  if (!status.empty() && status != "valid") add_trouble(part, status);
  if (part.valid != part.checked)
    add_trouble(part, std::to_string(part.checked - std::min(part.valid, part.checked)) + " of " +
                          std::to_string(part.checked) + (is_archive ? " segments" : " files"));
  return part;
}

}  // namespace

bool VerifyReport::sound() const {
  return trouble.empty() && std::ranges::all_of(parts, [](const Part& part) { return part.trouble.empty(); });
}

Result<VerifyReport> parse_verify(std::string_view text) {
  VerifyReport report;
  std::string status;
  for (const std::string& each : split(text, '\n')) {
    const std::string_view line = trim(each);
    if (line.starts_with("status: ")) {
      status = word_behind(line, "status");
    } else if (line.starts_with("archiveId: ") || line.starts_with("backup: ")) {
      report.parts.push_back(parse_part(line));
    } else if (line.starts_with("missing: ") && !report.parts.empty()) {
      for (const char* kind : {"missing", "checksum invalid", "size invalid", "other"})
        if (const auto count = number_behind(line, kind); count && *count != 0)
          add_trouble(report.parts.back(), std::string(kind) + ": " + std::to_string(*count));
    } else if (!line.empty() && !line.starts_with("stanza: ")) {
      report.trouble.push_back(escape_for_display(line));
    }
  }
  if (status.empty())
    return fail(Errc::failed, "pgbackrest verify doesn't say what it found",
                "davit reads what pgBackRest 2.45 and newer print");
  if (status != "ok" && report.sound()) report.trouble.push_back("status " + escape_for_display(status));
  return report;
}

}  // namespace davit::sources
