#include "helper/place/place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "stream/memory_stream.hpp"
#include "support/temporary_directory.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::difference;
using davit::test::snapshot;
using davit::test::Tree;
namespace fs = std::filesystem;

namespace {

const std::string kArea = ".davit-restore-r1";

// What a place holds before a restore, and what the archive brings: names that both have, names that only one has.
void make_old(const Tree& place) {
  fs::create_directories(place / "config/deep");
  fs::create_directories(place / "gone/below");
  fs::create_directories(place / "lost+found");
  test::make_file(place / "config/app.conf", "old config");
  test::make_file(place / "config/deep/kept", "kept");
  test::make_file(place / "gone/below/file", "only the old one has it");
  test::make_file(place / "both", "old", 0640);
  test::make_file(place / std::string("odd \xff\n name"), "old");
  fs::create_symlink("both", place / "link");
  test::set_xattr(place.path(), "user.root", "old");
  test::set_xattr(place / "both", "user.x", "old");
  REQUIRE(::chown(place.path().c_str(), 11, 12) == 0);
  REQUIRE(::chmod(place.path().c_str(), 01770) == 0);
  for (const char* name : {"config/deep", "config", "gone/below", "gone", "lost+found", ""})
    test::set_time(place / name, 1'500'000'000'000'000'123);
}

void make_new(const Tree& place) {
  fs::create_directories(place / "config");
  fs::create_directories(place / "fresh/below");
  test::make_file(place / "config/app.conf", "new config");
  test::make_file(place / "fresh/below/file", "new");
  test::make_file(place / "both", "new", 0600);
  test::make_file(place / "link", "no link any more");
  test::set_xattr(place.path(), "user.other", "new");
  REQUIRE(::chown(place.path().c_str(), 21, 22) == 0);
  REQUIRE(::chmod(place.path().c_str(), 02755) == 0);
  for (const char* name : {"config", "fresh/below", "fresh", ""})
    test::set_time(place / name, 1'700'000'000'000'000'456);
}

std::string pack(const Tree& place) {
  stream::MemorySink tar;
  REQUIRE(pack_place(place.fd(), {}, tar, {}));
  return tar.take();
}

std::string archive_of_new() {
  const Tree from;
  make_new(from);
  return pack(from);
}

Result<StageResult> stage(RestoreArea& area, const std::string& tar, const std::vector<std::string>& paths = {}) {
  stream::MemorySource source(tar);
  return area.stage(source, paths, {});
}

// Runs `work` with a hook that ends it at step `n` (counted from 0): by death of the process, or by a failing
// operation.
enum class End { death, failure };
constexpr int kDied = 99;
constexpr int kDone = 0;
constexpr int kFailed = 1;

// How it ended. In a child of ours, so that dying means what it means.
int run_until(int n, End end, const std::function<Result<>(const StepHook&)>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int step = 0;
    const Result<> result = work([&](std::string_view) -> Result<> {
      if (step++ != n) return {};
      if (end == End::death) ::_exit(kDied);
      return fail(Errc::failed, "injected");
    });
    ::_exit(result ? kDone : kFailed);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a restore cut off at any step is rolled back to exactly the old contents") {
  const End end = GENERATE(End::death, End::failure);
  const std::vector<std::string> paths =
      GENERATE(std::vector<std::string>{}, std::vector<std::string>{"config/app.conf", "fresh/below", "both"});
  const std::string tar = archive_of_new();
  int ended_early = 0;
  for (int n = 0;; ++n) {
    const Tree place;
    make_old(place);
    const auto before = snapshot(place.path());
    const int how = run_until(n, end, [&](const StepHook& hook) -> Result<> {
      RestoreArea area(place.fd(), "r1", hook);
      TRY(stage(area, tar, paths));
      return area.commit();
    });
    INFO("step " << n);
    if (how == kDone) {
      const auto after = snapshot(place.path(), {kArea});
      CHECK(after.at("both") != before.at("both"));
      CHECK(after.contains("fresh/below/file"));
      CHECK(after.contains("gone/below/file") == !paths.empty());
      CHECK(test::read_text(place / "config/app.conf") == "new config");
    } else {
      ++ended_early;
    }
    // By a process that knows nothing but the directory; twice, because who dies in between does it again.
    REQUIRE(RestoreArea(place.fd(), "r1").rollback());
    // Who dies after making the area and before writing into it what time the place had takes that with him; nothing
    // else.
    if (end == End::death && n == 1) test::set_time(place.path(), 1'500'000'000'000'000'123);
    CHECK(difference(before, snapshot(place.path())) == "");
    REQUIRE(RestoreArea(place.fd(), "r1").rollback());
    CHECK(difference(before, snapshot(place.path())) == "");
    if (how == kDone) break;
  }
  // Each rename, each journal and each member is a step of its own.
  CHECK(ended_early > 20);
}

TEST_CASE("a rollback that is cut off at any step is done by the next one") {
  const bool committed = GENERATE(true, false);
  const std::string tar = archive_of_new();
  for (int n = 0;; ++n) {
    const Tree place;
    make_old(place);
    auto before = snapshot(place.path());
    int commit_steps = 0;
    const int committing = run_until(-1, End::death, [&](const StepHook&) -> Result<> {
      RestoreArea area(place.fd(), "r1", [&](std::string_view step) -> Result<> {
        // Half way: some units are swapped, one is between its two renames.
        if (step.starts_with("put in place") && ++commit_steps == 3 && !committed) ::_exit(kDied);
        return {};
      });
      TRY(stage(area, tar));
      return area.commit();
    });
    REQUIRE(committing == (committed ? kDone : kDied));
    const int how =
        run_until(n, End::death, [&](const StepHook& hook) { return RestoreArea(place.fd(), "r1", hook).rollback(); });
    INFO("step " << n);
    REQUIRE(RestoreArea(place.fd(), "r1").rollback());
    auto after = snapshot(place.path());
    // The moment between the removal of the area and the setting of the place's time can't be made up for: nothing is
    // left that knows it.
    if (how == kDied && after.at(".") != before.at(".")) {
      test::set_time(place.path(), 1'500'000'000'000'000'123);
      after = snapshot(place.path());
    }
    CHECK(difference(before, after) == "");
    if (how == kDone) break;
  }
}

TEST_CASE("a cleanup that is cut off is ended by a rollback, and the new contents stay") {
  const std::string tar = archive_of_new();
  for (int n = 0;; ++n) {
    const Tree place;
    make_old(place);
    RestoreArea area(place.fd(), "r1");
    REQUIRE(stage(area, tar));
    REQUIRE(area.commit());
    const auto after = snapshot(place.path(), {kArea});
    const int how =
        run_until(n, End::death, [&](const StepHook& hook) { return RestoreArea(place.fd(), "r1", hook).cleanup(); });
    INFO("step " << n);
    const bool journalled = n > 0;  // the first step is before the journal says that there is no way back
    if (!journalled) {
      REQUIRE(area.rollback());
      CHECK(test::read_text(place / "both") == "old");
      continue;
    }
    REQUIRE(area.rollback());
    auto left = snapshot(place.path());
    left.erase(".");  // its time, see above
    auto expected = after;
    expected.erase(".");
    CHECK(difference(expected, left) == "");
    if (how == kDone) break;
  }
}

TEST_CASE("lost+found stays where it is, and nothing is put into it") {
  const Tree place;
  make_old(place);
  struct stat before{};
  REQUIRE(::stat((place / "lost+found").c_str(), &before) == 0);
  const Tree from;
  fs::create_directories(from / "lost+found");
  test::make_file(from / "lost+found/#123", "found");
  test::make_file(from / "file", "x");
  RestoreArea area(place.fd(), "r1");
  const auto staged = stage(area, pack(from));
  REQUIRE(staged);
  REQUIRE(staged->findings.size() == 1);
  CHECK(staged->findings[0].path == "lost+found");
  REQUIRE(area.commit());
  REQUIRE(area.cleanup());
  struct stat after{};
  REQUIRE(::stat((place / "lost+found").c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(fs::is_empty(place / "lost+found"));
  CHECK(fs::exists(place / "file"));
}

TEST_CASE("a path that the archive does not have stays as it is") {
  const Tree place;
  make_old(place);
  const auto before = snapshot(place.path());
  RestoreArea area(place.fd(), "r1");
  const auto staged = stage(area, archive_of_new(), {"gone", "link"});
  REQUIRE(staged);
  REQUIRE(staged->findings.size() == 1);
  CHECK(staged->findings[0] == Finding{.item = {}, .path = "gone", .what = "not in the archive, left as it is"});
  REQUIRE(area.commit());
  REQUIRE(area.cleanup());
  auto after = snapshot(place.path());
  CHECK(test::read_text(place / "link") == "no link any more");
  auto expected = before;
  for (auto* lines : {&expected, &after}) lines->erase("link"), lines->erase(".");
  CHECK(difference(expected, after) == "");
}

TEST_CASE("a path below something that is no directory is refused before anything is touched") {
  const Tree place;
  fs::create_symlink("/etc", place / "config");
  test::set_time(place.path(), 1'500'000'000'000'000'123);
  const auto before = snapshot(place.path());
  RestoreArea area(place.fd(), "r1");
  const auto staged = stage(area, archive_of_new(), {"config/app.conf"});
  REQUIRE_FALSE(staged);
  CHECK(staged.error().code() == Errc::exists);
  CHECK(difference(before, snapshot(place.path())) == "");
}

TEST_CASE("an area that is there already is not built upon") {
  const Tree place;
  make_old(place);
  fs::create_directory(place / ".davit-restore-other");
  RestoreArea area(place.fd(), "r1");
  CHECK_FALSE(stage(area, archive_of_new()));
  CHECK_FALSE(fs::exists(place / kArea));
  const auto probe = probe_place(place.fd(), {});
  REQUIRE(probe);
  CHECK(probe->leftovers == std::vector<std::string>{"other"});
  REQUIRE(RestoreArea(place.fd(), "other").rollback());
  CHECK(stage(area, archive_of_new()));
  const auto again = stage(area, archive_of_new());
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::exists);
  REQUIRE(area.rollback());
}

TEST_CASE("two helpers on one area never move the same names at once") {
  const Tree place;
  make_old(place);
  const auto before = snapshot(place.path());
  const std::string tar = archive_of_new();
  for (int round = 0; round < 20; ++round) {
    RestoreArea area(place.fd(), "r1");
    REQUIRE(stage(area, tar));
    REQUIRE(area.commit());
    std::vector<pid_t> helpers;
    for (int i = 0; i < 3; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        // A lock belongs to an open file, and a directory of its own tells who has it.
        const UniqueFd own(::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ::_exit(RestoreArea(own.get(), "r1").rollback() ? 0 : 1);
      }
      helpers.push_back(child);
    }
    for (const pid_t helper : helpers) {
      int status = -1;
      REQUIRE(::waitpid(helper, &status, 0) == helper);
      CHECK(status == 0);
    }
    REQUIRE(difference(before, snapshot(place.path())) == "");
  }
}

TEST_CASE("an area that somebody else made, or whose journal is damaged, is left alone") {
  const Tree place;
  make_old(place);
  fs::create_directories(place / (kArea + "/old"));
  test::make_file(place / (kArea + "/journal"), "davit restore journal 1\nstate committing\nunit ..%2Fetc 1 1\nend\n");
  const auto damaged = RestoreArea(place.fd(), "r1").rollback();
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code() == Errc::corrupt);
  test::make_file(place / (kArea + "/journal"), "davit restore journal 1\nstate staged\n");
  CHECK_FALSE(RestoreArea(place.fd(), "r1").rollback());
  // Without a journal nobody knows where that belongs.
  fs::remove(place / (kArea + "/journal"));
  test::make_file(place / (kArea + "/old/kept"), "old");
  const auto lost = RestoreArea(place.fd(), "r1").rollback();
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == Errc::corrupt);
  fs::remove(place / (kArea + "/old/kept"));
  REQUIRE(::chown((place / kArea).c_str(), 1000, 1000) == 0);
  CHECK_FALSE(RestoreArea(place.fd(), "r1").rollback());
  CHECK(fs::exists(place / (kArea + "/old")));
}

TEST_CASE("steps out of their order are bugs and change nothing") {
  const Tree place;
  make_old(place);
  const auto before = snapshot(place.path());
  RestoreArea area(place.fd(), "r1");
  CHECK(area.commit().error().code() == Errc::bug);
  CHECK(area.cleanup().error().code() == Errc::failed);
  REQUIRE(area.rollback());
  REQUIRE(stage(area, archive_of_new()));
  CHECK(area.seal().error().code() == Errc::bug);
  CHECK(area.cleanup().error().code() == Errc::bug);
  REQUIRE(area.rollback());
  CHECK(difference(before, snapshot(place.path())) == "");
}

TEST_CASE("something that appears between the renames is not overwritten") {
  const Tree place;
  make_old(place);
  RestoreArea area(place.fd(), "r1", [&](std::string_view step) -> Result<> {
    if (step == "put in place both") test::make_file(place / "both", "a stranger's");
    return {};
  });
  REQUIRE(stage(area, archive_of_new()));
  CHECK_FALSE(area.commit());
  CHECK(test::read_text(place / "both") == "a stranger's");
  // Not before it is gone can the old one come back.
  const auto refused = RestoreArea(place.fd(), "r1").rollback();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().contains("both"));
  fs::remove(place / "both");
  REQUIRE(RestoreArea(place.fd(), "r1").rollback());
  CHECK(test::read_text(place / "both") == "old");
}

TEST_CASE("a restore can be rolled back on a file system without a byte of room") {
  struct statvfs space{};
  if (::statvfs("/dev/shm", &space) != 0 || space.f_bavail * space.f_frsize > (256U << 20U)) {
    WARN("not tested here: a small file system");
    return;
  }
  const bool commit_first = GENERATE(true, false);
  const std::string tar = archive_of_new();
  const test::TemporaryDirectory place("/dev/shm");
  const UniqueFd fd(::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  test::make_file(place.path() / "both", "old");
  test::make_file(place.path() / "gone", "old");
  test::set_time(place.path(), 1'500'000'000'000'000'123);
  const auto before = snapshot(place.path());
  RestoreArea area(fd.get(), "r1");
  REQUIRE(stage(area, tar));
  if (commit_first) REQUIRE(area.commit());
  {
    const test::TemporaryDirectory beside("/dev/shm");
    const UniqueFd filler(::open((beside.path() / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string zeros(4096, '\0');
    while (::write(filler.get(), zeros.data(), zeros.size()) > 0) continue;
    REQUIRE(errno == ENOSPC);
    if (!commit_first) CHECK_FALSE(area.commit());
    REQUIRE(area.rollback());
  }
  CHECK(difference(before, snapshot(place.path())) == "");
}
