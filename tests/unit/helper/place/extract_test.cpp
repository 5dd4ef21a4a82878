#include "helper/place/extract.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "helper/place/place.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_writer.hpp"
#include "support/temporary_directory.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::Tree;
using stream::TarEntry;
using stream::TarType;
namespace fs = std::filesystem;

namespace {

TarEntry entry(const std::string& path, TarType type, const std::string& target = {}) {
  TarEntry made;
  made.path = path;
  made.type = type;
  made.mode = type == TarType::directory ? 0755 : 0644;
  made.link_target = target;
  made.size = type == TarType::file ? 4 : 0;
  made.mtime_ns = 1'500'000'000'000'000'000;
  return made;
}

std::string archive(const std::vector<TarEntry>& entries) {
  stream::MemorySink sink;
  stream::TarWriter writer(sink);
  const std::string data = "evil";
  for (const TarEntry& member : entries) {
    REQUIRE(writer.begin(member));
    if (member.type == TarType::file) REQUIRE(writer.write_data(std::as_bytes(std::span(data))));
  }
  REQUIRE(writer.finish());
  return sink.take();
}

Result<StageResult> stage(const fs::path& place, const std::vector<TarEntry>& entries,
                          const std::vector<std::string>& paths = {}) {
  const UniqueFd fd(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  stream::MemorySource source(archive(entries));
  return RestoreArea(fd.get(), "r1").stage(source, paths, {});
}

}  // namespace

TEST_CASE("an archive that wants out of its directory is refused, and leaves nothing") {
  using enum TarType;
  const std::vector<std::vector<TarEntry>> attempts{
      {entry("../evil", file)},
      {entry("dir/../../evil", file)},
      {entry("..", directory)},
      {entry("/evil", file)},
      {entry("//evil", file)},
      {entry("link", symlink, "../.."), entry("link/evil", file)},
      {entry("link", symlink, ".."), entry("link/", directory), entry("link/evil", file)},
      {entry("link", symlink, "../outside"), entry("link", file)},
      {entry("dir/", directory), entry("dir/link", symlink, "../../.."), entry("dir/link/sub/evil", file)},
      {entry("stolen", hardlink, "../../outside")},
      {entry("stolen", hardlink, "/etc/passwd")},
      {entry("link", symlink, "../.."), entry("stolen", hardlink, "link/outside")},
      {entry("stolen", hardlink, "not there")},
      {entry("dir/", directory), entry("stolen", hardlink, "dir")},
      {entry("file", file), entry("file/evil", file)},
      {entry("file", file), entry("file", file)},
      {entry("./", file)},
  };
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    INFO("attempt " << i);
    const Tree around;
    test::make_file(around / "outside", "untouched");
    fs::create_directory(around / "place");
    test::set_time(around / "place", 1'500'000'000'000'000'000);
    const auto before = test::snapshot(around.path());
    const auto staged = stage(around / "place", attempts[i]);
    REQUIRE_FALSE(staged);
    INFO(staged.error().message());
    CHECK(staged.error().code() == Errc::corrupt);
    CHECK(test::difference(before, test::snapshot(around.path())) == "");
  }
}

TEST_CASE("a hard link to a symlink links the symlink, not what it points to") {
  const Tree around;
  test::make_file(around / "outside", "untouched");
  fs::create_directory(around / "place");
  REQUIRE(stage(around / "place",
                {entry("link", TarType::symlink, "../../../outside"), entry("again", TarType::hardlink, "link")}));
  CHECK(fs::is_symlink(around / "place/.davit-restore-r1/new/again"));
  CHECK(fs::hard_link_count(around / "outside") == 1);
}

TEST_CASE("members in any order give the same directories") {
  using enum TarType;
  const Tree place;
  TarEntry closed = entry("dir/", directory);
  closed.mode = 0500;
  closed.xattrs["system.posix_acl_default"] = test::acl_blob();
  // Comes back to a directory that was left, and to one that no member stands for.
  REQUIRE(stage(place.path(), {closed, entry("dir/a", file), entry("other/x", file), entry("dir/b", file),
                               entry("late/", directory), entry("other/", directory)}));
  const fs::path made = place / ".davit-restore-r1/new";
  struct stat status{};
  REQUIRE(::stat((made / "dir").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0500);
  CHECK(status.st_mtim.tv_sec == 1'500'000'000);
  REQUIRE(::stat((made / "other").c_str(), &status) == 0);
  CHECK(status.st_mtim.tv_sec == 1'500'000'000);
  // What was made in a directory did not inherit its default ACL.
  CHECK(::lgetxattr((made / "dir").c_str(), "system.posix_acl_default", nullptr, 0) > 0);
  CHECK(::lgetxattr((made / "dir/b").c_str(), "system.posix_acl_access", nullptr, 0) < 0);
  REQUIRE(::stat((made / "dir/b").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0644);
}

TEST_CASE("a default ACL and a setgid bit of the place are not inherited by what is unpacked") {
  const Tree place;
  test::set_xattr(place.path(), "system.posix_acl_default", test::acl_blob());
  REQUIRE(::chown(place.path().c_str(), 0, 4321) == 0);
  REQUIRE(::chmod(place.path().c_str(), 02777) == 0);
  REQUIRE(stage(place.path(), {entry("dir/", TarType::directory), entry("dir/file", TarType::file)}));
  for (const char* name : {"", "/new", "/new/dir", "/new/dir/file"}) {
    const fs::path path = place / (std::string(".davit-restore-r1") + name);
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    INFO(path);
    CHECK((status.st_mode & 07000) == 0);
    CHECK(::lgetxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) < 0);
    CHECK(::lgetxattr(path.c_str(), "system.posix_acl_default", nullptr, 0) < 0);
  }
}

TEST_CASE("an attribute that the file system can't hold is a finding") {
  const Tree place;
  TarEntry made = entry("file", TarType::file);
  made.xattrs["user.huge"] = std::string(60000, 'x');
  made.xattrs["user.fits"] = "x";
  const auto staged = stage(place.path(), {made});
  REQUIRE(staged);
  if (staged->findings.empty()) {
    WARN("not tested here: this file system holds xattrs of 60000 bytes");
    return;
  }
  REQUIRE(staged->findings.size() == 1);
  CHECK(staged->findings[0].path == "file");
  CHECK(staged->findings[0].what.starts_with("user.huge could not be set: "));
  CHECK(::lgetxattr((place / ".davit-restore-r1/new/file").c_str(), "user.fits", nullptr, 0) == 1);
}

TEST_CASE("of a file whose other name is not asked for there is no silent half") {
  const Tree place;
  const std::vector<TarEntry> entries{entry("a", TarType::file), entry("b", TarType::hardlink, "a")};
  const auto staged = stage(place.path(), entries, {"b"});
  REQUIRE_FALSE(staged);
  CHECK(staged.error().message() == "member b: is a hard link to a, which is not among the paths to restore");
  CHECK(fs::is_empty(place.path()));
  CHECK(stage(place.path(), entries, {"a", "b"}));
}

TEST_CASE("an archive that is cut short leaves nothing") {
  const Tree place;
  const std::string tar = archive({entry("a", TarType::file), entry("b", TarType::file)});
  for (std::size_t length = 0; length < tar.size(); length += 512) {
    stream::MemorySource source(tar.substr(0, length));
    const auto staged = RestoreArea(place.fd(), "r1").stage(source, {}, {});
    // The second of the two end-of-archive blocks may be missing, but not both.
    INFO(length << " of " << tar.size());
    if (staged) CHECK(length > 4 * 512);
    if (staged) REQUIRE(RestoreArea(place.fd(), "r1").rollback());
    CHECK(fs::is_empty(place.path()));
  }
}

TEST_CASE("a file system that runs full makes the restore fail, with a hint and without leftovers") {
  struct statvfs space{};
  constexpr std::uint64_t kSmall = 256U << 20U;
  if (::statvfs("/dev/shm", &space) != 0 || space.f_bavail * space.f_frsize > kSmall) {
    WARN("not tested here: a small file system");
    return;
  }
  const test::TemporaryDirectory place("/dev/shm");
  test::make_file(place.path() / "old", "old");
  test::set_time(place.path(), 1'500'000'000'000'000'000);
  const auto before = test::snapshot(place.path());
  TarEntry large = entry("large", TarType::file);
  large.size = space.f_bavail * space.f_frsize + (4U << 20U);
  stream::MemorySink sink;
  stream::TarWriter writer(sink);
  REQUIRE(writer.begin(large));
  REQUIRE(writer.pad_to_end());
  REQUIRE(writer.finish());
  const UniqueFd fd(::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  stream::MemorySource source(sink.take());
  const auto staged = RestoreArea(fd.get(), "r1").stage(source, {}, {});
  REQUIRE_FALSE(staged);
  CHECK(staged.error().message() == "write large: no space left on device");
  CHECK_FALSE(staged.error().hint().empty());
  CHECK(test::difference(before, test::snapshot(place.path())) == "");
}
