#include "net/http_types.hpp"

#include <strings.h>

namespace davit::net {

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (header->name.size() == name.size() && ::strncasecmp(header->name.data(), name.data(), name.size()) == 0)
      return header->value;
  }
  return std::nullopt;
}

}  // namespace davit::net
