#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "helper/place/place.hpp"
#include "stream/encoding.hpp"
#include "stream/memory_stream.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::difference;
using davit::test::snapshot;
using davit::test::Tree;
namespace fs = std::filesystem;

namespace {

std::string pack(int directory, const PackOptions& options = {}, std::vector<Finding>* findings = nullptr) {
  stream::MemorySink tar;
  const auto report = pack_place(directory, options, tar, {});
  REQUIRE(report);
  REQUIRE(tar.finished());
  if (findings != nullptr) *findings = report->findings;
  return tar.take();
}

}  // namespace

TEST_CASE("everything a place holds comes back") {
  const Tree from;
  test::make_oddities(from.path());
  const auto before = snapshot(from.path());
  std::vector<Finding> findings;
  const std::string tar = pack(from.fd(), {}, &findings);
  CHECK(findings == std::vector<Finding>{{.item = {}, .path = "socket", .what = "socket, not stored"}});
  CHECK(difference(before, snapshot(from.path())) == "");
  // Holes are not in the archive.
  CHECK(tar.size() < (8 << 20));

  const Tree to;
  test::make_file(to / "plain", "something else");
  fs::create_directories(to / "only here/below");
  test::set_xattr(to.path(), "user.only-here", "x");
  RestoreArea area(to.fd(), "r1");
  stream::MemorySource source(tar);
  std::uint64_t told = 0;
  const auto staged = area.stage(source, {}, [&](std::uint64_t bytes) -> Result<> {
    told += bytes;
    return {};
  });
  REQUIRE(staged);
  CHECK(staged->findings == std::vector<Finding>{});
  CHECK(staged->entries == before.size());
  CHECK(told > (3 << 20));
  CHECK(test::read_text(to / "plain") == "something else");
  REQUIRE(area.commit());
  CHECK(difference(before, snapshot(to.path(), {".davit-restore-r1"})) == "");
  REQUIRE(area.cleanup());
  CHECK(difference(before, snapshot(to.path())) == "");
}

TEST_CASE("the same tree makes the same archive") {
  const Tree from;
  test::make_oddities(from.path());
  CHECK(pack(from.fd()) == pack(from.fd()));
}

TEST_CASE("only the paths asked for are packed, with the directories that lead to them") {
  const Tree from;
  test::make_oddities(from.path());
  std::vector<Finding> findings;
  const std::string tar =
      pack(from.fd(), {.encoding = {}, .paths = {"./dir/deeper/", "plain", "no such", "plain/below"}, .exclude = {}},
           &findings);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].path == "no such");
  const Tree to;
  RestoreArea area(to.fd(), "r1");
  stream::MemorySource source(tar);
  REQUIRE(area.stage(source, {}, {}));
  REQUIRE(area.commit());
  REQUIRE(area.cleanup());
  auto expected = snapshot(from.path());
  std::erase_if(expected, [](const auto& line) {
    const std::string& path = line.first;
    return path != "." && path != "plain" && path != "dir" && !path.starts_with("dir/deeper");
  });
  auto found = snapshot(to.path());
  // Its other names were not asked for.
  expected.erase("plain"), found.erase("plain");
  CHECK(test::read_text(to / "plain") == "some text\n");
  CHECK(difference(expected, found) == "");
}

TEST_CASE("what is excluded is left out with what is below it") {
  const Tree from;
  fs::create_directories(from / "cache/deep");
  fs::create_directories(from / "keep/cache");
  test::make_file(from / "cache/deep/file", "x");
  test::make_file(from / "keep/a.log", "x");
  test::make_file(from / "keep/a.txt", "x");
  const std::string tar = pack(from.fd(), {.encoding = {}, .paths = {}, .exclude = {"./cache/", "*.log"}});
  const Tree to;
  RestoreArea area(to.fd(), "r1");
  stream::MemorySource source(tar);
  REQUIRE(area.stage(source, {}, {}));
  REQUIRE(area.commit());
  REQUIRE(area.cleanup());
  auto expected = snapshot(from.path());
  for (const char* gone : {"cache", "cache/deep", "cache/deep/file", "keep/a.log"}) expected.erase(gone);
  CHECK(difference(expected, snapshot(to.path())) == "");
}
