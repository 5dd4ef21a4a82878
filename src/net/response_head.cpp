#include "net/response_head.hpp"

#include <charconv>

#include "util/text.hpp"

namespace davit::net {

Result<std::optional<ResponseHead>> parse_response_head(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  ResponseHead head;
  head.bytes = end + 4;
  std::string_view rest = text.substr(0, end + 2);
  bool first = true;
  while (!rest.empty()) {
    const std::size_t line_end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line_end + 2);
    if (std::exchange(first, false)) {
      int status = 0;
      if (!line.starts_with("HTTP/1.") || line.size() < 12 ||
          std::from_chars(line.data() + 9, line.data() + 12, status).ptr != line.data() + 12)
        return fail(Errc::failed, "answer is not HTTP");
      head.response.status = status;
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      head.response.headers.push_back(
          {std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    }
  }
  return head;
}

std::optional<std::string> join_chunks(std::string_view text) {
  std::string body;
  for (;;) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, 16);
    const std::size_t line_end = text.find("\r\n");
    if (error != std::errc{} || line_end == std::string_view::npos) return std::nullopt;
    if (size == 0) return body;
    text.remove_prefix(line_end + 2);
    if (text.size() < 2 || size > text.size() - 2) return std::nullopt;
    body += text.substr(0, size);
    text.remove_prefix(size + 2);
  }
}

}  // namespace davit::net
