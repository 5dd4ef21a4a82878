#pragma once
// Cuts a stream into lines, for answers that are a sequence of JSON texts.

#include <functional>
#include <string>
#include <string_view>

#include "stream/byte_stream.hpp"

namespace davit::net {

class LineSink : public stream::ByteSink {
 public:
  // A line comes without its "\n" or "\r\n"; empty ones are left out.
  using OnLine = std::function<Result<>(std::string_view line)>;
  // A line longer than `limit` is Errc::failed.
  explicit LineSink(OnLine on_line, std::size_t limit = std::size_t{1} << 20U);

  [[nodiscard]] Result<> write(std::span<const std::byte> bytes) override;
  // Gives out a last line that has no newline.
  [[nodiscard]] Result<> finish() override;

 private:
  [[nodiscard]] Result<> give(std::string_view line);

  OnLine on_line_;
  std::size_t limit_;
  std::string partial_;
};

}  // namespace davit::net
