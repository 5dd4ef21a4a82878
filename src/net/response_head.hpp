#pragma once
// The head of an HTTP/1.1 answer, for connections that libcurl does not read. Pure functions.

#include <optional>
#include <string_view>

#include "net/http_types.hpp"
#include "util/error.hpp"

namespace davit::net {

struct ResponseHead {
  HttpResponse response;
  std::size_t bytes = 0;  // its length, with the empty line
};
// Nothing while the empty line has not come. Errc::failed if it is no HTTP.
[[nodiscard]] Result<std::optional<ResponseHead>> parse_response_head(std::string_view text);
// Takes the chunks of a chunked body apart, as far as they are there; nothing while the last one is missing.
[[nodiscard]] std::optional<std::string> join_chunks(std::string_view text);

}  // namespace davit::net
