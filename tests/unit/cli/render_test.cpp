#include "cli/render.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "cli/progress.hpp"

namespace davit::cli {
namespace {

using std::chrono::milliseconds;

TEST_CASE("columns are as wide as their widest cell, counted in code points") {
  CHECK(render_table({{"a", "grün", "x"}, {"bbb", "c", ""}}, 1) == " a    grün  x\n bbb  c\n");
}

TEST_CASE("an error shows its message, and its hint where it has one") {
  CHECK(render_error(Error(Errc::failed, "no")) == "error: no\n");
  CHECK(render_error(Error(Errc::usage, "no", "yes")) == "error: no\nhint: yes\n");
}

TEST_CASE("an error as JSON survives bytes that are no UTF-8") {
  const auto json = error_to_json(Error(Errc::not_found, "no \xff"));
  CHECK(json["error"]["code"] == "not-found");
  CHECK(json["error"]["exit_code"] == 10);
  CHECK(json.dump().contains("no \\\\xff"));
}

TEST_CASE("a bar shows part, amount and rate, and never overflows its line") {
  CHECK(render_bar("back up volume:x", 500'000'000, 1'000'000'000, milliseconds(2000), 200) ==
        "back up volume:x [##########          ] 500 MB, 250 MB/s");
  CHECK(render_bar("back up volume:x", 500'000'000, 1'000'000'000, milliseconds(2000), 20).size() == 20);
}

TEST_CASE("what remains of a step is its amount, time and rate") {
  CHECK(render_step("back up volume:x", 1'200'000'000, milliseconds(3400)) ==
        "back up volume:x: 1.2 GB in 3.4 s, 353 MB/s");
}

}  // namespace
}  // namespace davit::cli
