#include "sources/ldap/ldif.hpp"

#include <algorithm>
#include <format>

#include "util/base64.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 30U;  // a value that no server would take

bool is_dn(std::string_view attribute) {
  return attribute.size() == 2 && (attribute[0] == 'd' || attribute[0] == 'D') &&
         (attribute[1] == 'n' || attribute[1] == 'N');
}

// RFC 2849's SAFE-STRING, without a blank at its end, which an editor might take away.
bool is_safe(std::string_view value) {
  if (value.starts_with(' ') || value.starts_with(':') || value.starts_with('<') || value.ends_with(' ')) return false;
  return std::ranges::all_of(value, [](char c) { return c > 0x1f && c < 0x7f; });
}

}  // namespace

Result<> LdifScanner::feed(std::span<const std::byte> bytes) {
  if (!broken_) return broken_;
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
      partial_ += text;
      if (partial_.size() > kLongestLine) return broken_ = fail(Errc::corrupt, "a line of the LDIF has no end");
      return {};
    }
    if (partial_.empty()) {
      broken_ = take_physical(text.substr(0, end));
    } else {
      partial_ += text.substr(0, end);
      broken_ = take_physical(partial_);
      partial_.clear();
    }
    if (!broken_)
      return broken_ = std::unexpected(std::move(broken_).error().context(std::format("line {} of the LDIF", line_)));
    text.remove_prefix(end + 1);
  }
  return {};
}

Result<> LdifScanner::finish() {
  if (!broken_) return broken_;
  if (!partial_.empty() || in_entry_ || have_logical_)
    return fail(Errc::corrupt, std::format("the LDIF ends in the middle of an entry, behind line {}", line_));
  return {};
}

Result<> LdifScanner::take_physical(std::string_view line) {
  ++line_;
  if (line.starts_with(' ')) {
    if (!have_logical_) return fail(Errc::corrupt, "it goes on with a line that there isn't");
    if (logical_.size() + line.size() > kLongestLine) return fail(Errc::corrupt, "it has no end");
    logical_ += line.substr(1);
    return {};
  }
  TRY(take_logical());
  if (line.empty()) return end_entry();
  logical_ = line;
  have_logical_ = true;
  return {};
}

Result<> LdifScanner::take_logical() {
  if (!std::exchange(have_logical_, false)) return {};
  if (logical_.starts_with('#')) return {};
  const std::string_view line = logical_;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(Errc::corrupt, "no attribute with a value comes before it");
  const std::string_view attribute = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  const bool encoded = value.starts_with(':');
  if (encoded) value.remove_prefix(1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  std::string decoded;
  if (encoded) {
    auto bytes = decode_base64(value);
    if (!bytes) return fail(Errc::corrupt, "the value before it is not base64");
    decoded = *std::move(bytes);
    value = decoded;
  }
  const bool begins = !in_entry_;
  if (begins != is_dn(attribute)) {
    if (begins) return fail(Errc::corrupt, "the entry before it doesn't begin with its dn");
    return fail(Errc::corrupt, "the entry before it has a second dn");
  }
  in_entry_ = true;
  if (on_line_) on_line_({attribute, value, begins});
  const std::array<std::string_view, 3> parts{attribute, std::string_view(":"), value};
  return add(entry_, parts);
}

Result<> LdifScanner::end_entry() {
  if (!std::exchange(in_entry_, false)) return {};
  ++entries_;
  const std::string_view sum(reinterpret_cast<const char*>(entry_.data()), sizeof entry_);
  const std::array<std::string_view, 1> parts{sum};
  auto added = add(all_, parts);
  entry_ = {};
  return added;
}

Result<> LdifScanner::add(Sum& sum, std::span<const std::string_view> parts) {
  stream::Sha256 sha256;
  for (const std::string_view part : parts) sha256.update(std::as_bytes(std::span(part)));
  TRY_ASSIGN(hex, sha256.finish());
  for (std::size_t lane = 0; lane < sum.size(); ++lane)
    sum[lane] += std::stoull(hex.substr(16 * lane, 16), nullptr, 16);
  return {};
}

std::string LdifScanner::digest() const {
  return std::format("{:016x}{:016x}{:016x}{:016x}", all_[0], all_[1], all_[2], all_[3]);
}

std::string render_ldif_line(std::string_view attribute, std::string_view value) {
  std::string line(attribute);
  if (is_safe(value))
    line.append(": ").append(value);
  else
    line.append(":: ").append(encode_base64(value));
  return line + "\n";
}

}  // namespace davit::sources
