#pragma once
// Streams that tell the reporter of every byte that passes, and end when the run is to stop.

#include "stream/byte_stream.hpp"
#include "util/run_context.hpp"

namespace davit::stream {

// Errc::cancelled once the run is to stop; otherwise what the other stream says. It and `run` must outlive this one.
class ReportingSource : public ByteSource {
 public:
  ReportingSource(ByteSource& source, RunContext& run) : source_(source), run_(run) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    TRY(run_.check());
    TRY_ASSIGN(count, source_.read(into));
    run_.reporter.progress(count);
    return count;
  }

 private:
  ByteSource& source_;
  RunContext& run_;
};

class ReportingSink : public ByteSink {
 public:
  ReportingSink(ByteSink& next, RunContext& run) : next_(next), run_(run) {}
  Result<> write(std::span<const std::byte> bytes) override {
    TRY(run_.check());
    TRY(next_.write(bytes));
    run_.reporter.progress(bytes.size());
    return {};
  }
  Result<> finish() override { return next_.finish(); }

 private:
  ByteSink& next_;
  RunContext& run_;
};

}  // namespace davit::stream
