#pragma once
// Sessions of helpers on an Engine of the tests' own, whose containers are threads of this process.

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "helper/session.hpp"
#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
#include "support/quiet_run.hpp"

namespace davit::test {

struct SessionFixture {
  HelperEngine engine;
  QuietRun run;
  SessionFixture();
  // Wherever the test runs, davit runs in the container "davit".
  static helper::Host::Options options(bool attach_only = false) {
    return {.image = {}, .self_container = "davit", .attach_only = attach_only, .program = {}};
  }
  helper::Session open(helper::Host& host, const helper::Place& place, helper::Access access);
};

[[nodiscard]] helper::Place volume(const std::string& name);
[[nodiscard]] helper::Place directory(const std::filesystem::path& path, bool create = false);
[[nodiscard]] helper::StageOptions stage_options(const helper::PackResult& packed);

// What was packed from a directory.
struct Archive {
  helper::PackResult result;
  std::string bytes;
};
[[nodiscard]] Archive archive_of(SessionFixture& fixture, helper::Host& host, const std::filesystem::path& path);

// Calls back at the first write past `at` bytes.
class HookSink : public stream::ByteSink {
 public:
  HookSink(std::uint64_t at, std::function<Result<>()> hook) : at_(at), hook_(std::move(hook)) {}
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override { return sink.finish(); }
  stream::MemorySink sink;

 private:
  std::uint64_t at_;
  std::uint64_t seen_ = 0;
  std::function<Result<>()> hook_;
};

// The same at the first read past `at` bytes. REQUIRES: `text` outlives it.
class HookSource : public stream::ByteSource {
 public:
  HookSource(const std::string& text, std::uint64_t at, std::function<Result<>()> hook)
      : source_(std::as_bytes(std::span(text))), at_(at), hook_(std::move(hook)) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  stream::MemorySource source_;
  std::uint64_t at_;
  std::uint64_t seen_ = 0;
  std::function<Result<>()> hook_;
};

}  // namespace davit::test
