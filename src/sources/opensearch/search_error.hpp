#pragma once
// What keeps a search server from doing as it was asked, by its kind. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::sources {

// Of curl, by its exit code (curl's manual, EXIT CODES); `said` is what it printed.
[[nodiscard]] Error curl_failure(int exit_code, const std::string& said, const std::string& url);

// Of an answer beyond 2xx, with the server's own reason: not_found (404), credentials (401, 403), unavailable (408,
// 429, 502, 503, 504), failed (all else, and an index that a block of its own keeps from being changed).
[[nodiscard]] Error status_failure(std::string_view doing, int status, std::string_view body);

// "reason: deeper reason" of an error as the REST API answers it (`error`, or `error.reason` and its `caused_by`);
// empty if it is none.
[[nodiscard]] std::string reason_of(const nlohmann::json& answer);

}  // namespace davit::sources
