#include "cli/render.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/progress.hpp"
#include "util/unique_fd.hpp"

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

// What `act` writes to standard error.
template <class Act>
std::string written_by(Act act) {
  const UniqueFd file(::memfd_create("stderr", MFD_CLOEXEC));
  const UniqueFd real(::dup(STDERR_FILENO));
  std::fflush(stderr);
  REQUIRE(::dup2(file.get(), STDERR_FILENO) == STDERR_FILENO);
  act();
  std::fflush(stderr);
  REQUIRE(::dup2(real.get(), STDERR_FILENO) == STDERR_FILENO);
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(file.get(), text.data(), text.size(), 0))));
  return text;
}

TEST_CASE("a note keeps its lines, and names that are escaped already") {
  const Clock clock;
  const auto progress = make_progress(ProgressStyle::lines, clock);
  CHECK(written_by([&] { progress->note("database a\\x0ab: its log:\n  \x1b[2Jline"); }) ==
        "database a\\x0ab: its log:\n  \\x1b[2Jline\n");
}

TEST_CASE("a warning is told in every style, and a note in all but the quiet one") {
  const Clock clock;
  for (const ProgressStyle style : {ProgressStyle::lines, ProgressStyle::none}) {
    const auto progress = make_progress(style, clock);
    CHECK(written_by([&] {
            progress->note("pulling busybox");
            progress->warning("run 4f2a had died:\x1b unpaused service app again");
          }) == (style == ProgressStyle::none ? "" : std::string("pulling busybox\n")) +
                    "warning: run 4f2a had died:\\x1b unpaused service app again\n");
  }
}

TEST_CASE("a problem as JSON keeps its lines and names") {
  app::VerifyReport report;
  report.artefacts.emplace_back();
  report.artefacts.back().problem = "database a\\x0ab:\n  pg_restore: error";
  CHECK(verify_report_to_json(report)["artefacts"][0]["problem"] == "database a\\x0ab:\n  pg_restore: error");
}

TEST_CASE("what remains of a step is its amount, time and rate") {
  CHECK(render_step("back up volume:x", 1'200'000'000, milliseconds(3400)) ==
        "back up volume:x: 1.2 GB in 3.4 s, 353 MB/s");
}

}  // namespace
}  // namespace davit::cli
