#include "catalog/closing.hpp"

#include "stream/digest.hpp"

namespace davit::catalog {

Result<std::string> render_closing(std::string_view head) {
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(head))));
  return std::string(kClosingBegin) + extent.sha256 + std::string(kClosingEnd);
}

Result<> check_closing(std::string_view text) {
  if (text.size() < kClosingBytes) return fail(Errc::corrupt, "it is cut short");
  const std::string_view head = text.substr(0, text.size() - kClosingBytes);
  TRY_ASSIGN(closing, render_closing(head));
  if (!head.ends_with('\n') || !text.ends_with(closing))
    return fail(Errc::corrupt, "its bytes do not match its closing SHA-256: it was altered or damaged");
  return {};
}

}  // namespace davit::catalog
