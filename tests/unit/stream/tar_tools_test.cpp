// Our archives under the hands of the real tar and zstd, and theirs under ours, with a file system in between.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "stream/acl.hpp"
#include "stream/encoding.hpp"
#include "stream/fd_stream.hpp"
#include "stream/zstd_source.hpp"
#include "support/process.hpp"
#include "support/streams.hpp"
#include "support/tar.hpp"
#include "support/temporary_directory.hpp"
#include "util/text.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;
using namespace std::string_literals;

namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
const std::string kCapability = "\x01\0\0\x02\0\x04\0\0"s + std::string(12, '\0');
const std::string kAccess = render_acl({{AclTag::owner, 6, 0},
                                        {AclTag::user, 7, 1000},
                                        {AclTag::user, 4, 3000000000U},
                                        {AclTag::owning_group, 4, 0},
                                        {AclTag::group, 1, 50},
                                        {AclTag::mask, 5, 0},
                                        {AclTag::other, 0, 0}});
const std::string kDefault = render_acl({{AclTag::owner, 7, 0}, {AclTag::owning_group, 5, 0}, {AclTag::other, 0, 0}});

// Owners, devices and xattrs of all kinds need root and a file system that has them.
bool may_do_everything(const TemporaryDirectory& directory) {
  const std::string probe = directory / "probe";
  write_file(probe, "");
  const bool can = ::geteuid() == 0 && ::lsetxattr(probe.c_str(), "user.probe", "x", 1, 0) == 0 &&
                   ::lsetxattr(probe.c_str(), "system.posix_acl_access", kAccess.data(), kAccess.size(), 0) == 0;
  ::unlink(probe.c_str());
  return can;
}

bool may_set_trusted(const TemporaryDirectory& directory) {
  const std::string probe = directory / "probe";
  write_file(probe, "");
  const bool can = ::lsetxattr(probe.c_str(), "trusted.probe", "x", 1, 0) == 0;
  ::unlink(probe.c_str());
  return can;
}

std::vector<TarMember> tree(bool trusted) {
  std::vector<TarMember> members;
  const auto add = [&](TarEntry entry, std::string data = {}) {
    if (entry.mtime_ns == 0) entry.mtime_ns = 1'700'000'000'000'000'001;
    members.push_back({std::move(entry), std::move(data)});
  };
  add({.path = "acl dir/",
       .type = TarType::directory,
       .mode = 0750,
       .xattrs = {{"system.posix_acl_default", kDefault}, {"user.d", "v"}}});
  add({.path = "sticky/", .type = TarType::directory, .mode = 03755, .uid = 1000, .gid = 1001, .mtime_ns = 5});
  add({.path = "file",
       .mode = 06711,
       .uid = 3000000000U,
       .gid = 4000000000U,
       .size = 5,
       .xattrs = {{"user.on link", "too"}}},
      "hello");
  add({.path = "hard",
       .type = TarType::hardlink,
       .mode = 06711,
       .uid = 3000000000U,
       .gid = 4000000000U,
       .link_target = "file"});
  add({.path = "empty", .mode = 0});
  add({.path = "link", .type = TarType::symlink, .mode = 0777, .uid = 7, .link_target = "target \xff"});
  add({.path = "long link", .type = TarType::symlink, .mode = 0777, .link_target = std::string(3000, 't')});
  add({.path = "fifo", .type = TarType::fifo, .mode = 0600});
  add({.path = "null", .type = TarType::character_device, .mode = 0666, .device_major = 1, .device_minor = 3});
  add({.path = "disk", .type = TarType::block_device, .mode = 0660, .device_major = 259, .device_minor = 300000});
  add({.path = "xattrs",
       .mode = 0640,
       .size = 1,
       .xattrs = {{"user.empty", ""},
                  {"user.binary", "\0=\n\xff"s},
                  {"user.a=b %20\xc3\xa9 %3D", "odd name"},
                  {"security.capability", kCapability},
                  {"user." + std::string(200, 'n'), noise(1500)}}},
      "x");
  if (trusted) members.back().entry.xattrs["trusted.x"] = "t";
  add({.path = "acl", .mode = 0650, .size = 1, .xattrs = {{"system.posix_acl_access", kAccess}}}, "a");
  add({.path = "not utf-8 \xff\xfe caf\xe9", .mode = 0644, .size = 1}, "n");
  add({.path = "größe 日本", .mode = 0644, .size = 1}, "u");
  add({.path = "control\n\t\\ \"'", .mode = 0644, .size = 1}, "c");
  add({.path = std::string(90, 'd') + "/", .type = TarType::directory, .mode = 0755});
  add({.path = std::string(90, 'd') + "/" + std::string(250, 'd') + "/", .type = TarType::directory, .mode = 0755});
  add({.path = std::string(90, 'd') + "/" + std::string(250, 'd') + "/caf\xe9 " + std::string(240, 'f'),
       .mode = 0644,
       .size = 700},
      noise(700));
  add({.path = "hundred" + std::string(93, 'h'), .mode = 0644, .size = 1}, "h");
  add({.path = "more than hundred" + std::string(84, 'h'), .mode = 0644, .size = 1}, "h");
  add({.path = "before 1970", .mode = 0644, .mtime_ns = -1'250'000'000});
  add({.path = "long before", .mode = 0644, .mtime_ns = -1'999'999'999'000'000'001});
  add({.path = "far ahead", .mode = 0644, .mtime_ns = 8'999'999'999'999'999'999});
  add({.path = "sparse",
       .mode = 0644,
       .size = 1 << 20,
       .sparse = true,
       .data = {{0, 4096}, {65536, 8192}, {(1 << 20) - 4096, 4096}}},
      noise(16384));
  add({.path = "all hole", .mode = 0600, .size = 10 << 20, .sparse = true});
  add({.path = "sparse caf\xe9 " + std::string(240, 's'),
       .mode = 0644,
       .size = 10LL << 30,
       .sparse = true,
       .data = {{9LL << 30, 4096}}},
      noise(4096));
  return members;
}

// What the file system says about a file, as a TarEntry; `sparse` and `data` are not looked at.
TarEntry look(const std::filesystem::path& root, const TarEntry& expected) {
  const std::string path = (root / expected.path).string();
  std::string bare = path;
  while (bare.ends_with('/')) bare.pop_back();
  struct stat status{};
  INFO(escape_for_display(path));
  REQUIRE(::lstat(bare.c_str(), &status) == 0);
  TarEntry entry = {.path = expected.path,
                    .mode = status.st_mode & 07777,
                    .uid = status.st_uid,
                    .gid = status.st_gid,
                    .mtime_ns = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec,
                    .sparse = expected.sparse,
                    .data = expected.data};
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      entry.type = expected.type == TarType::hardlink ? TarType::hardlink : TarType::file;
      break;
    case S_IFDIR:
      entry.type = TarType::directory;
      break;
    case S_IFLNK:
      entry.type = TarType::symlink;
      break;
    case S_IFIFO:
      entry.type = TarType::fifo;
      break;
    case S_IFCHR:
      entry.type = TarType::character_device;
      break;
    case S_IFBLK:
      entry.type = TarType::block_device;
      break;
    default:
      FAIL("an unexpected type");
  }
  if (entry.type == TarType::file) entry.size = static_cast<std::uint64_t>(status.st_size);
  if (entry.type == TarType::symlink) entry.link_target = std::filesystem::read_symlink(bare).string();
  if (entry.type == TarType::character_device || entry.type == TarType::block_device) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  if (entry.type == TarType::hardlink) {
    struct stat other{};
    REQUIRE(::lstat((root / expected.link_target).c_str(), &other) == 0);
    CHECK(other.st_ino == status.st_ino);
    CHECK(status.st_nlink == 2);
    entry.link_target = expected.link_target;
    return entry;
  }
  std::string names(65536, '\0');
  const ssize_t length = ::llistxattr(bare.c_str(), names.data(), names.size());
  REQUIRE(length >= 0);
  names.resize(static_cast<std::size_t>(length));
  for (const std::string& name : split(names, '\0')) {
    if (name.empty() || name == "security.selinux") continue;
    std::string value(65536, '\0');
    const ssize_t size = ::lgetxattr(bare.c_str(), name.c_str(), value.data(), value.size());
    REQUIRE(size >= 0);
    value.resize(static_cast<std::size_t>(size));
    entry.xattrs[name] = value;
  }
  if (expected.sparse) CHECK(static_cast<std::uint64_t>(status.st_blocks) * 512 < expected.size / 2);
  return entry;
}

std::vector<TarExtent> extents_of(const TarEntry& entry) {
  return entry.sparse ? entry.data : std::vector{TarExtent{0, entry.size}};
}

std::string read_extents(const std::filesystem::path& path, const TarEntry& entry) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(fd);
  std::string data;
  for (const TarExtent& extent : extents_of(entry)) {
    std::string piece(extent.length, '\0');
    REQUIRE(::pread(fd.get(), piece.data(), piece.size(), static_cast<off_t>(extent.offset)) ==
            static_cast<ssize_t>(piece.size()));
    data += piece;
  }
  return data;
}

void make(const std::filesystem::path& root, const TarMember& member) {
  const TarEntry& entry = member.entry;
  std::string path = (root / entry.path).string();
  while (path.ends_with('/')) path.pop_back();
  INFO(escape_for_display(path));
  switch (entry.type) {
    case TarType::directory:
      REQUIRE(::mkdir(path.c_str(), 0700) == 0);
      break;
    case TarType::symlink:
      REQUIRE(::symlink(entry.link_target.c_str(), path.c_str()) == 0);
      break;
    case TarType::hardlink:
      REQUIRE(::link((root / entry.link_target).c_str(), path.c_str()) == 0);
      return;
    case TarType::fifo:
      REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
      break;
    case TarType::character_device:
    case TarType::block_device:
      REQUIRE(::mknod(path.c_str(), entry.type == TarType::block_device ? S_IFBLK : S_IFCHR,
                      makedev(entry.device_major, entry.device_minor)) == 0);
      break;
    case TarType::file: {
      const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      REQUIRE(fd);
      REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(entry.size)) == 0);
      std::size_t at = 0;
      for (const TarExtent& extent : extents_of(entry)) {
        REQUIRE(::pwrite(fd.get(), member.data.data() + at, extent.length, static_cast<off_t>(extent.offset)) ==
                static_cast<ssize_t>(extent.length));
        at += extent.length;
      }
    }
  }
  REQUIRE(::lchown(path.c_str(), entry.uid, entry.gid) == 0);
  if (entry.type != TarType::symlink) REQUIRE(::chmod(path.c_str(), entry.mode) == 0);
  for (const auto& [name, value] : entry.xattrs)
    REQUIRE(::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0);
}

void set_time(const std::filesystem::path& root, const TarEntry& entry) {
  std::string path = (root / entry.path).string();
  while (path.ends_with('/')) path.pop_back();
  std::int64_t seconds = entry.mtime_ns / kNanoseconds;
  std::int64_t fraction = entry.mtime_ns % kNanoseconds;
  if (fraction < 0) --seconds, fraction += kNanoseconds;
  const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, timespec{seconds, static_cast<long>(fraction)}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0);
}

void check_same(const TarEntry& found, const TarEntry& expected) {
  INFO(escape_for_display(expected.path));
  CHECK(found.type == expected.type);
  CHECK(found.mode == expected.mode);
  CHECK(found.uid == expected.uid);
  CHECK(found.gid == expected.gid);
  CHECK(found.size == expected.size);
  CHECK(found.mtime_ns == expected.mtime_ns);
  CHECK(found.link_target == expected.link_target);
  CHECK(found.device_major == expected.device_major);
  CHECK(found.device_minor == expected.device_minor);
  CHECK((found.xattrs == expected.xattrs));
  CHECK(found.sparse == expected.sparse);
  CHECK(found.data == expected.data);
}

}  // namespace

TEST_CASE("zstd and tar restore everything that we wrote") {
  const TemporaryDirectory directory;
  if (!may_do_everything(directory)) SKIP("needs root, and a file system with xattrs and ACLs");
  const std::vector<TarMember> members = tree(may_set_trusted(directory));
  const std::string stored = directory / "volume.tar.zst";
  {
    FdSink sink(UniqueFd(::open(stored.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), stored);
    Encoder encoder({.codec = Codec::zstd, .level = 3, .workers = 2}, sink);
    REQUIRE(encoder.write(bytes_of(write_tar(members))));
    REQUIRE(encoder.finish());
  }
  const Finished tested = run_tool({"zstd", "-qt", stored});
  CHECK(tested.exit_code == 0);
  const auto root = directory / "root";
  std::filesystem::create_directory(root);
  const Finished extracted = run_tool({"tar", "--zstd", "--warning=no-timestamp", "--xattrs", "--xattrs-include=*",
                                       "--acls", "--numeric-owner", "-xpf", stored, "-C", root});
  CHECK(extracted.output == "");
  REQUIRE(extracted.exit_code == 0);
  for (const TarMember& member : members) {
    check_same(look(root, member.entry), member.entry);
    if (member.entry.type == TarType::file)
      CHECK((read_extents(root / member.entry.path, member.entry) == member.data));
  }
  // tar would read ten gigabytes of hole.
  CHECK(run_tool({"tar", "--zstd", "--exclude=sparse ca*", "-df", stored, "-C", root}).output == "");
}

TEST_CASE("we read everything that tar and zstd wrote") {
  const TemporaryDirectory directory;
  if (!may_do_everything(directory)) SKIP("needs root, and a file system with xattrs and ACLs");
  const auto root = directory / "root";
  std::filesystem::create_directory(root);
  const std::vector<TarMember> members = tree(may_set_trusted(directory));
  for (const TarMember& member : members) make(root, member);
  for (const TarMember& member : members) set_time(root, member.entry);

  // "--no-recursion" and a list keep the order, in which a hard link comes after its file.
  std::string list;
  for (const TarMember& member : members) list += member.entry.path + '\0';
  write_file(directory / "list", list);
  const std::string stored = directory / "volume.tar.zst";
  const Finished packed =
      run_tool({"tar", "--zstd", "--format=pax", "--sparse", "--xattrs", "--xattrs-include=*", "--acls",
                "--numeric-owner", "-cf", stored, "-C", root, "--no-recursion", "--null", "-T", directory / "list"});
  CHECK(packed.output == "");
  REQUIRE(packed.exit_code == 0);

  FdSource file(UniqueFd(::open(stored.c_str(), O_RDONLY | O_CLOEXEC)), stored);
  ZstdSource zstd(file);
  const auto contents = read_tar(zstd);
  REQUIRE(contents);
  CHECK(contents->findings.empty());
  REQUIRE(contents->members.size() == members.size());
  for (std::size_t at = 0; at < members.size(); ++at) {
    TarEntry expected = members[at].entry;
    CHECK(contents->members[at].entry.path == expected.path);
    // tar tells the attributes of a hard link again, and finds the extents of a sparse file by itself.
    TarEntry found = contents->members[at].entry;
    if (found.type == TarType::hardlink) found.xattrs.clear(), found.mtime_ns = expected.mtime_ns;
    check_same(found, expected);
    CHECK((contents->members[at].data == members[at].data));
  }
}

TEST_CASE("we read tar's older formats") {
  const TemporaryDirectory directory;
  const auto root = directory / "root";
  std::filesystem::create_directory(root);
  const std::string long_name = std::string(90, 'd') + "/" + std::string(200, 'f') + " caf\xe9";
  std::filesystem::create_directory(root / std::string(90, 'd'));
  write_file(root / long_name, "long");
  write_file(root / "sparse", "start");
  std::filesystem::resize_file(root / "sparse", 1 << 20);
  const std::string format = GENERATE("gnu", "oldgnu", "pax", "posix");
  const std::string archive = directory / "a.tar";
  const Finished packed =
      run_tool({"tar", "--format=" + format, "-S", "-cf", archive, "-C", root, long_name, "sparse"});
  REQUIRE(packed.exit_code == 0);
  const auto contents = read_tar(read_file(archive));
  REQUIRE(contents);
  REQUIRE(contents->members.size() == 2);
  CHECK(contents->members[0].entry.path == long_name);
  CHECK(contents->members[0].data == "long");
  CHECK(contents->members[1].entry.size == 1 << 20);
  CHECK(contents->members[1].entry.sparse);
  CHECK(contents->members[1].data.substr(0, 5) == "start");
}

TEST_CASE("zstd takes our frames and we take its") {
  const TemporaryDirectory directory;
  const std::string text = noise(300000) + std::string(5 << 20, 'x');
  MemorySink sink;
  Encoder encoder({.codec = Codec::zstd, .level = 19, .workers = 2}, sink);
  REQUIRE(encoder.write(bytes_of(text)));
  REQUIRE(encoder.finish());
  write_file(directory / "ours.zst", sink.contents());
  const Finished unpacked = run_tool({"zstd", "-qd", directory / "ours.zst", "-o", directory / "ours"});
  CHECK(unpacked.output == "");
  REQUIRE(unpacked.exit_code == 0);
  CHECK((read_file(directory / "ours") == text));

  write_file(directory / "theirs", text);
  for (const char* option : {"-1", "-19", "--ultra", "--long=27", "--no-check", "-T2"}) {
    REQUIRE(run_tool({"zstd", "-qf", option, directory / "theirs", "-o", directory / "theirs.zst"}).exit_code == 0);
    MemorySource source(read_file(directory / "theirs.zst"));
    ZstdSource zstd(source);
    const auto back = read_all(zstd, text.size());
    REQUIRE(back);
    CHECK((*back == text));
  }
}
