#pragma once
// The data frames of a job as a byte stream, on either side.

#include <vector>

#include "helper/channel/link.hpp"
#include "stream/byte_stream.hpp"
#include "stream/digest.hpp"

namespace davit::helper {

// Puts what is written into data frames. Small writes are gathered; memory is bounded by one frame. finish() sends what
// is gathered, nothing more: that the stream is whole is for the trailer to say.
class DataSink : public stream::ByteSink {
 public:
  explicit DataSink(Link& link) : link_(link) {}
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;

 private:
  [[nodiscard]] Result<> flush();
  Link& link_;
  std::vector<std::byte> gathered_;
};

// Gives the data frames of a stage job up to davit's trailer, which must agree with what came: only then read() returns
// 0. A trailer with an error (davit could not read on), and everything else, is an error.
class DataSource : public stream::ByteSource {
 public:
  explicit DataSource(Link& link) : link_(link) {}
  Result<std::size_t> read(std::span<std::byte> into) override;
  // Drops what still comes, up to the trailer: after a job failed, so that davit's writing never blocks.
  [[nodiscard]] Result<> skip_rest();

 private:
  [[nodiscard]] Result<bool> next_frame();  // false: the trailer came
  [[nodiscard]] Result<> hold_against(const Frame& trailer);
  Link& link_;
  std::span<const std::byte> rest_;
  stream::Sha256 sha256_;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;     // the trailer came
  bool verified_ = false;  // and agreed
};

}  // namespace davit::helper
