#pragma once
// For what is handed to store_dump() and has an encoder of its own to finish: everything passes but the end, which is
// store_dump()'s.

#include "stream/byte_stream.hpp"

namespace davit::app {

class OpenSink : public stream::ByteSink {
 public:
  explicit OpenSink(stream::ByteSink& next) : next_(next) {}
  Result<> write(std::span<const std::byte> bytes) override { return next_.write(bytes); }
  Result<> finish() override { return {}; }

 private:
  stream::ByteSink& next_;
};

}  // namespace davit::app
