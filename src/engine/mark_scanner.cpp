#include "engine/mark_scanner.hpp"

#include <algorithm>
#include <charconv>

namespace davit::engine {
namespace {

constexpr std::size_t kPreambleBytes = std::size_t{64} << 10U;

Result<> write(stream::ByteSink& out, std::string_view text) {
  if (text.empty()) return {};
  return out.write(std::as_bytes(std::span(text)));
}

}  // namespace

MarkScanner::MarkScanner(std::string_view mark) : begin_(mark), end_("\n") {
  begin_ += '\n';
  end_ += mark;
  end_ += ' ';
}

Result<> MarkScanner::feed(std::span<const std::byte> bytes, stream::ByteSink& out) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (state_ == State::before) text = find_begin(text);
  if (state_ == State::inside) {
    TRY_ASSIGN(rest, pass_output(text, out));
    text = rest;
  }
  if (state_ == State::code) TRY(take_code(text));
  return {};
}

// Returns what follows the first mark.
std::string_view MarkScanner::find_begin(std::string_view text) {
  const std::size_t before = preamble_.size();
  preamble_ += text;
  const std::size_t found = preamble_.find(begin_);
  if (found == std::string::npos) {
    // The beginning explains an error best, and the end may be half a mark.
    if (preamble_.size() > kPreambleBytes) preamble_.erase(kPreambleBytes / 2, preamble_.size() - kPreambleBytes);
    return {};
  }
  state_ = State::inside;
  const std::size_t consumed = found + begin_.size() - before;
  preamble_.resize(found);
  return text.substr(consumed);
}

// Returns what follows the first part of the last mark.
Result<std::string_view> MarkScanner::pass_output(std::string_view text, stream::ByteSink& out) {
  if (held_ > 0) {
    const std::string_view expected = std::string_view(end_).substr(held_);
    const std::size_t size = std::min(expected.size(), text.size());
    if (text.substr(0, size) == expected.substr(0, size)) {
      held_ += size;
      text.remove_prefix(size);
      if (held_ == end_.size()) state_ = State::code;
      return text;
    }
    // It was output after all. No mark can begin inside what was held, because that has only one newline, its first
    // byte: so the search goes on with the new bytes.
    TRY(write(out, std::string_view(end_).substr(0, std::exchange(held_, 0))));
  }
  if (const std::size_t found = text.find(end_); found != std::string_view::npos) {
    TRY(write(out, text.substr(0, found)));
    state_ = State::code;
    return text.substr(found + end_.size());
  }
  if (const std::size_t newline = text.rfind('\n'); newline != std::string_view::npos) {
    const std::string_view tail = text.substr(newline);
    if (tail.size() < end_.size() && std::string_view(end_).starts_with(tail)) {
      held_ = tail.size();
      text.remove_suffix(tail.size());
    }
  }
  TRY(write(out, text));
  return std::string_view();
}

Result<> MarkScanner::take_code(std::string_view text) {
  constexpr std::size_t kMaxDigits = 3;
  const std::size_t newline = text.find('\n');
  code_ += text.substr(0, newline);
  if (newline == std::string_view::npos && code_.size() <= kMaxDigits) return {};
  const auto [end, error] = std::from_chars(code_.data(), code_.data() + code_.size(), exit_code_);
  if (error != std::errc{} || end != code_.data() + code_.size() || exit_code_ < 0 || exit_code_ > 255)
    return fail(Errc::failed, "the shell of the command did not tell its exit code");
  state_ = State::after;
  return {};
}

}  // namespace davit::engine
