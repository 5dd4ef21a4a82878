#include "helper/place/restore_journal.hpp"

#include <catch2/catch_test_macros.hpp>

#include "helper/place/finding_list.hpp"
#include "helper/place/mounts.hpp"
#include "helper/place/path_selection.hpp"

using namespace davit;
using namespace davit::helper;

TEST_CASE("a journal says the same after it was written and read") {
  RestoreJournal journal;
  journal.state = RestoreJournal::State::committing;
  journal.root = {.mode = 02755,
                  .uid = 4294967294U,
                  .gid = 7,
                  .mtime_ns = -5,
                  .xattrs = {{"user.a b\n", std::string("\0= %\xff", 5)}, {"user.empty", ""}}};
  journal.replace_root = true;
  journal.paths = {"a/b", "-x"};
  journal.units = {{{"a", "b \n\xff"}, true, false}, {{"..."}, false, true}};
  journal.parents = {{{"a"}, 1'234'567'890'123'456'789}};
  const auto read = parse_journal(render_journal(journal));
  REQUIRE(read);
  CHECK(*read == journal);
}

TEST_CASE("a journal that is cut short anywhere, or leads out of the place, is damaged") {
  RestoreJournal journal;
  journal.units = {{{"a"}, true, true}};
  const std::string text = render_journal(journal);
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto read = parse_journal(text.substr(0, length));
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::corrupt);
  }
  for (const char* line : {"unit %2E%2E 1 1", "unit %2Fetc 1 1", "unit a%2F%2E%2E%2Fb 1 1", "unit % 1 1", "unit a 1",
                           "state done", "root 1 2 3", "root x 0 0 0 0", "", "something else", "parent a later"}) {
    INFO(line);
    const auto read = parse_journal("davit restore journal 1\n" + std::string(line) + "\nend\n");
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::corrupt);
  }
}

TEST_CASE("paths are taken apart, and refused where they lead out") {
  CHECK(*split_relative("./a//b/./c/") == std::vector<std::string>{"a", "b", "c"});
  CHECK(split_relative("./")->empty());
  CHECK(*split_relative("...") == std::vector<std::string>{"..."});
  for (const std::string& bad : {std::string(), std::string("/a"), std::string("a/.."), std::string(".."),
                                 std::string("a\0b", 3), std::string(256, 'x')})
    CHECK(split_relative(bad).error().code() == Errc::usage);
}

TEST_CASE("a selection knows what is in it and what leads to it") {
  using enum PathSelection::Relation;
  const auto selection = PathSelection::of({"a/b", "c", "c/d"});
  REQUIRE(selection);
  CHECK(selection->relation({}) == leads_to);
  CHECK(selection->relation({"a"}) == leads_to);
  CHECK(selection->relation({"a", "b"}) == inside);
  CHECK(selection->relation({"a", "b", "x"}) == inside);
  CHECK(selection->relation({"a", "x"}) == outside);
  CHECK(selection->relation({"c", "e"}) == inside);
  CHECK(selection->relation({"x"}) == outside);
  CHECK(PathSelection::of({})->everything());
  CHECK(PathSelection::of({"a", "."})->everything());
}

TEST_CASE("mount points below a directory are found by their unescaped names") {
  const std::string mountinfo =
      "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "21 20 8:1 /x /place rw - ext4 /dev/sda rw\n"
      "22 21 8:1 /x /place/a\\040b\\134c rw - ext4 /dev/sda rw\n"
      "23 21 8:1 /x /placebo rw - ext4 /dev/sda rw\n"
      "cut short\n";
  CHECK(mount_points_in(mountinfo, "/place") == std::vector<std::string>{"a b\\c"});
  CHECK(mount_points_in(mountinfo, "/") == std::vector<std::string>{"place", "place/a b\\c", "placebo"});
}

TEST_CASE("many findings of a kind are counted rather than told") {
  FindingList findings;
  for (std::size_t i = 0; i < FindingList::kMostOfAKind + 5; ++i)
    findings.add("p" + std::to_string(i), "could not be read: reason " + std::to_string(i));
  findings.add("odd \n", "socket, not stored");
  const auto taken = findings.take();
  REQUIRE(taken.size() == FindingList::kMostOfAKind + 2);
  CHECK(taken[FindingList::kMostOfAKind].path == "odd \\x0a");
  CHECK(taken.back() == Finding{.item = {}, .path = {}, .what = "could not be read: and 5 more"});
}
