#pragma once
// What the texts and the JSON of several commands have in common.

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "model/item.hpp"

namespace davit::cli {

[[nodiscard]] std::string seconds(std::chrono::milliseconds took);             // "1.2 s"
[[nodiscard]] std::string plural(std::uint64_t count, std::string_view word);  // "1 item", "2 items"
// A blank line, `text` and a colon, and the body below it. Empty where there is no body.
[[nodiscard]] std::string heading(std::string_view text, const std::string& body);
[[nodiscard]] std::string render_not_covered(const std::vector<model::NotCovered>& lines,
                                             const std::vector<std::string>& needs);
[[nodiscard]] nlohmann::json not_covered_to_json(const std::vector<model::NotCovered>& lines);

}  // namespace davit::cli
