#pragma once
// Streams that misbehave in one chosen way.

#include <algorithm>
#include <cstddef>
#include <string>

#include "stream/byte_stream.hpp"
#include "stream/memory_stream.hpp"

namespace davit::test {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// Fails at the n-th write, counted from 1, and keeps what came before; finish() counts as a write.
class FailingSink : public stream::ByteSink {
 public:
  explicit FailingSink(std::size_t n) : left_(n) {}
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;
  [[nodiscard]] const std::string& contents() const { return contents_; }
  [[nodiscard]] std::size_t calls_after_failure() const { return calls_after_failure_; }

 private:
  Result<> count();
  std::size_t left_;
  bool failed_ = false;
  std::size_t calls_after_failure_ = 0;
  std::string contents_;
};

// Gives `bytes` bytes of `text`, then fails with Errc::unavailable.
class FailingSource : public stream::ByteSource {
 public:
  FailingSource(std::string text, std::size_t bytes) : text_(std::move(text)), left_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  std::string text_;
  std::size_t given_ = 0;
  std::size_t left_;
};

// Gives one byte at a time.
class StutterSource : public stream::ByteSource {
 public:
  explicit StutterSource(std::string text) : source_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> into) override { return source_.read(into.first(1)); }

 private:
  stream::MemorySource source_;
};

// Ends after `bytes` bytes as if that were a verified end: what a filter above it must not believe.
class CutSource : public stream::ByteSource {
 public:
  CutSource(const std::string& text, std::size_t bytes) : source_(text.substr(0, bytes)) {}
  Result<std::size_t> read(std::span<std::byte> into) override { return source_.read(into); }

 private:
  stream::MemorySource source_;
};

// `size` bytes that no codec can make smaller, the same for the same seed.
[[nodiscard]] std::string noise(std::size_t size, unsigned seed = 1);

}  // namespace davit::test
