#include "engine/answers.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "util/base64.hpp"

namespace davit::engine {
namespace {

TEST_CASE("times are read as Go writes them, in whatever zone") {
  const auto text = [](const char* time) {
    const auto parsed = parse_time(time);
    REQUIRE(parsed);
    return render_rfc3339(*parsed);
  };
  CHECK(text("2026-11-22T10:33:16.236526847Z") == "2026-11-22T10:33:16Z");
  CHECK(text("2026-11-22T10:33:16+01:30") == "2026-11-22T09:03:16Z");
  CHECK(text("2026-11-22T23:33:16.5-08:00") == "2026-11-23T07:33:16Z");
  const auto* wrong =
      GENERATE("", "Z", "now", "2026-11-22T10:33:16", "2026-11-22T10:33:16+0100", "2026-11-22T10:33:16+aa:00");
  CHECK(parse_time(wrong).error().code() == Errc::failed);
}

TEST_CASE("what a path is stands in Go's bits of its mode") {
  const auto stat = [](const std::string& mode) {
    return parse_path_stat(encode_base64(R"({"size":1,"mtime":"2026-11-22T10:33:16.5Z","mode":)" + mode + "}"));
  };
  REQUIRE(stat("420"));
  CHECK(stat("420")->regular);
  CHECK_FALSE(stat("420")->whole_second);
  CHECK_FALSE(stat("2147484141")->regular);  // a directory
  CHECK_FALSE(stat("134218239")->regular);   // a symbolic link
  CHECK(stat("\"x\"").error().code() == Errc::failed);
  CHECK(parse_path_stat("").error().code() == Errc::failed);
  CHECK(parse_path_stat("?").error().code() == Errc::failed);
}

}  // namespace
}  // namespace davit::engine
