#pragma once
// Streams over memory, for small things: manifests, answers of servers, tests.

#include <string>

#include "stream/byte_stream.hpp"

namespace davit::stream {

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string text) : owned_(std::move(text)), rest_(std::as_bytes(std::span(owned_))) {}
  // REQUIRES: `bytes` outlive the source.
  explicit MemorySource(std::span<const std::byte> bytes) : rest_(bytes) {}
  MemorySource(const MemorySource&) = delete;
  MemorySource& operator=(const MemorySource&) = delete;
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  std::string owned_;
  std::span<const std::byte> rest_;
};

class MemorySink : public ByteSink {
 public:
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;
  [[nodiscard]] const std::string& contents() const { return contents_; }
  [[nodiscard]] std::string take() { return std::move(contents_); }
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  std::string contents_;
  bool finished_ = false;
};

}  // namespace davit::stream
