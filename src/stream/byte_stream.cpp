#include "stream/byte_stream.hpp"

#include <vector>

namespace davit::stream {
namespace {

constexpr std::size_t kBuffer = 1 << 20;

}  // namespace

Result<std::uint64_t> copy_without_finish(ByteSource& source, ByteSink& sink) {
  std::vector<std::byte> buffer(kBuffer);
  std::uint64_t total = 0;
  for (;;) {
    TRY_ASSIGN(got, source.read(buffer));
    if (got == 0) return total;
    TRY(sink.write(std::span(buffer).first(got)));
    total += got;
  }
}

Result<std::uint64_t> copy(ByteSource& source, ByteSink& sink) {
  TRY_ASSIGN(total, copy_without_finish(source, sink));
  TRY(sink.finish());
  return total;
}

Result<std::string> read_all(ByteSource& source, std::size_t limit) {
  std::string text;
  std::vector<std::byte> buffer(limit < kBuffer ? limit + 1 : kBuffer);
  for (;;) {
    TRY_ASSIGN(got, source.read(buffer));
    if (got == 0) return text;
    if (got > limit - text.size())
      return fail(Errc::corrupt, "more than " + std::to_string(limit) + " bytes, where that is the most it can have");
    text.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
}

}  // namespace davit::stream
