#pragma once
// Diagnostics for `-v`, on standard error, through spdlog (kept out of this header: it costs compile time).
// What a user must see goes through Reporter or an Error instead. Never log a secret.

#include <string_view>

namespace davit {

enum class LogLevel { quiet, warning, info, debug };

void set_log_level(LogLevel level);
void log_debug(std::string_view text);
void log_info(std::string_view text);
void log_warning(std::string_view text);

}  // namespace davit
