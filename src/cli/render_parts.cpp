#include "cli/render_parts.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "util/text.hpp"

namespace davit::cli {

using nlohmann::json;

std::string seconds(std::chrono::milliseconds took) {
  return std::format("{:.1f} s", static_cast<double>(took.count()) / 1000.0);
}

std::string plural(std::uint64_t count, std::string_view word) {
  return std::to_string(count) + " " + std::string(word) + (count == 1 ? "" : "s");
}

std::string heading(std::string_view text, const std::string& body) {
  return body.empty() ? std::string() : "\n" + std::string(text) + ":\n" + body;
}

std::string render_not_covered(const std::vector<model::NotCovered>& lines, const std::vector<std::string>& needs) {
  std::vector<std::vector<std::string>> rows;
  for (const model::NotCovered& line : lines)
    rows.push_back({escape_for_display(line.what), escape_for_display(line.why)});
  std::vector<std::vector<std::string>> need_rows;
  for (const std::string& need : needs) need_rows.push_back({escape_for_display(need)});
  return heading("not covered", render_table(rows, 2)) +
         heading("needed for a restore, and not captured", render_table(need_rows, 2));
}

json not_covered_to_json(const std::vector<model::NotCovered>& lines) {
  json array = json::array();
  for (const model::NotCovered& line : lines)
    array.push_back({{"what", escape_for_display(line.what)}, {"why", escape_for_display(line.why)}});
  return array;
}

}  // namespace davit::cli
