#include "net/line_sink.hpp"

namespace davit::net {

LineSink::LineSink(OnLine on_line, std::size_t limit) : on_line_(std::move(on_line)), limit_(limit) {}

Result<> LineSink::give(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return {};
  return on_line_(line);
}

Result<> LineSink::write(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    partial_ += text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::string line = std::exchange(partial_, {});
    if (line.size() > limit_) return fail(Errc::failed, "line of the answer is too long");
    TRY(give(line));
  }
  partial_ += text;
  if (partial_.size() > limit_) return fail(Errc::failed, "line of the answer is too long");
  return {};
}

Result<> LineSink::finish() { return give(std::exchange(partial_, {})); }

}  // namespace davit::net
