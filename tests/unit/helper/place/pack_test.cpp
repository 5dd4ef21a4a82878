#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>

#include "helper/place/place.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::Tree;
namespace fs = std::filesystem;

namespace {

// Does something to the place while it is packed: when the n-th write arrives.
class MeddlingSink : public stream::ByteSink {
 public:
  explicit MeddlingSink(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
  Result<> write(std::span<const std::byte> bytes) override {
    // The first file of the test trees is larger than every buffer on the way, so this is while it is read.
    if (written_ > (2U << 20U) && meddle_) std::exchange(meddle_, nullptr)();
    written_ += bytes.size();
    return memory_.write(bytes);
  }
  Result<> finish() override { return memory_.finish(); }
  [[nodiscard]] const std::string& contents() const { return memory_.contents(); }
  [[nodiscard]] bool meddled() const { return !meddle_; }

 private:
  stream::MemorySink memory_;
  std::function<void()> meddle_;
  std::size_t written_ = 0;
};

// Every member and its contents; the archive has to be whole.
std::map<std::string, std::string> members_of(const std::string& tar) {
  std::map<std::string, std::string> members;
  stream::MemorySource source(tar);
  stream::TarReader reader(source);
  while (true) {
    const auto entry = reader.next();
    REQUIRE(entry);
    if (!*entry) return members;
    std::string& contents = members[(*entry)->path];
    while (true) {
      const auto data = reader.read_data();
      REQUIRE(data);
      if (data->bytes.empty()) break;
      contents.resize(data->offset, '\0');
      contents.append(reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size());
    }
    contents.resize((*entry)->size, '\0');
  }
}

struct Packed {
  std::vector<Finding> findings;
  std::map<std::string, std::string> members;
  std::uint64_t entries = 0;
};

Packed pack(const Tree& place, std::function<void()> meddle = nullptr) {
  MeddlingSink sink(std::move(meddle));
  const auto report = pack_place(place.fd(), {}, sink, {});
  REQUIRE(report);
  REQUIRE(sink.meddled());
  return {report->findings, members_of(sink.contents()), report->entries};
}

const std::string kLarge(8 << 20, 'a');

}  // namespace

TEST_CASE("a file that shrinks while it is read is padded, and what follows is whole") {
  const Tree place;
  test::make_file(place / "a", kLarge);
  test::make_file(place / "b", "next");
  const Packed packed = pack(place, [&] { REQUIRE(::truncate((place / "a").c_str(), 7 << 20) == 0); });
  REQUIRE(packed.findings.size() == 1);
  CHECK(packed.findings[0].path == "a");
  CHECK(packed.findings[0].what ==
        "changed while it was read: 8388608 bytes became 7340032, 1048576 bytes of it are zeros");
  CHECK(packed.members.at("a") == std::string(7 << 20, 'a') + std::string(1 << 20, '\0'));
  CHECK(packed.members.at("b") == "next");
}

TEST_CASE("of a file that grows while it is read, what was announced is stored") {
  const Tree place;
  test::make_file(place / "a", kLarge);
  test::make_file(place / "b", "next");
  const Packed packed = pack(place, [&] {
    const UniqueFd fd(::open((place / "a").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    REQUIRE(::write(fd.get(), "more", 4) == 4);
  });
  REQUIRE(packed.findings.size() == 1);
  CHECK(packed.findings[0].what == "changed while it was read: 8388608 bytes became 8388612");
  CHECK(packed.members.at("a") == kLarge);
  CHECK(packed.members.at("b") == "next");
}

TEST_CASE("a file that is written to without changing its length is a finding") {
  const Tree place;
  test::make_file(place / "a", kLarge);
  const Packed packed = pack(place, [&] {
    const UniqueFd fd(::open((place / "a").c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "b", 1, 0) == 1);
  });
  REQUIRE(packed.findings.size() == 1);
  CHECK(packed.findings[0] == Finding{.item = {}, .path = "a", .what = "changed while it was read"});
}

TEST_CASE("what vanishes, or becomes something else, between listing and reading is a finding") {
  const Tree place;
  test::make_file(place / "a", kLarge);
  test::make_file(place / "gone", "x");
  fs::create_directory(place / "gone too");
  test::make_file(place / "z", "last");
  const Packed packed = pack(place, [&] {
    fs::remove(place / "gone");
    fs::remove(place / "gone too");
  });
  REQUIRE(packed.findings.size() == 2);
  CHECK(packed.findings[0] == Finding{.item = {}, .path = "gone", .what = "vanished before it was read"});
  CHECK(packed.findings[1] == Finding{.item = {}, .path = "gone too", .what = "vanished before it was read"});
  CHECK_FALSE(packed.members.contains("gone"));
  CHECK(packed.members.at("z") == "last");
  CHECK(packed.entries == packed.members.size());
}

TEST_CASE("what can't be read is a finding, and the rest is there") {
  const Tree place;
  test::make_file(place / "closed", "secret", 0);
  fs::create_directory(place / "closed directory");
  test::make_file(place / "closed directory/file", "secret");
  fs::permissions(place / "closed directory", fs::perms::none);
  test::make_file(place / "open", "text");
  fs::permissions(place.path(), fs::perms(0755));
  // As somebody who may not read everything; descriptors that are open stay so.
  const auto packed = [&] {
    REQUIRE(::seteuid(65534) == 0);
    stream::MemorySink tar;
    const auto report = pack_place(place.fd(), {}, tar, {});
    REQUIRE(::seteuid(0) == 0);
    REQUIRE(report);
    return Packed{report->findings, members_of(tar.contents()), report->entries};
  }();
  fs::permissions(place / "closed directory", fs::perms(0755));
  REQUIRE(packed.findings.size() == 2);
  CHECK(packed.findings[0] == Finding{.item = {}, .path = "closed", .what = "could not be read: permission denied"});
  CHECK(packed.findings[1] ==
        Finding{.item = {}, .path = "closed directory", .what = "could not be read: permission denied"});
  CHECK(packed.members.at("open") == "text");
  CHECK(packed.members.contains("closed directory/"));
}

TEST_CASE("an unreadable first name does not take the others of the file with it") {
  const Tree place;
  test::make_file(place / "a", kLarge);
  test::make_file(place / "m", "linked");
  fs::create_hard_link(place / "m", place / "n");
  // "m" is gone when it is its turn: "n" has to bring the contents.
  const Packed packed = pack(place, [&] { fs::remove(place / "m"); });
  CHECK(packed.members.at("n") == "linked");
}

TEST_CASE("mount points are not entered, bind mounts of the same file system neither") {
  const Tree place;
  fs::create_directories(place / "mounted");
  fs::create_directories(place / "source");
  test::make_file(place / "source/file", "below");
  test::make_file(place / "after", "x");
  if (::mount((place / "source").c_str(), (place / "mounted").c_str(), nullptr, MS_BIND, nullptr) != 0) {
    WARN("not tested here: mount points: " << std::strerror(errno));
    return;
  }
  const Packed packed = pack(place);
  stream::MemorySink empty;
  RestoreArea area(place.fd(), "r1");
  REQUIRE(pack_place(place.fd(), {}, empty, {}));
  stream::MemorySource source(empty.contents());
  const auto staged = area.stage(source, {}, {});
  REQUIRE(::umount2((place / "mounted").c_str(), MNT_DETACH) == 0);
  REQUIRE(packed.findings.size() == 1);
  CHECK(packed.findings[0] == Finding{.item = {}, .path = "mounted", .what = "mount point, not entered"});
  CHECK(packed.members.contains("mounted/"));
  CHECK_FALSE(packed.members.contains("mounted/file"));
  CHECK(packed.members.contains("source/file"));
  REQUIRE_FALSE(staged);
  CHECK(staged.error().message().contains("mounted"));
}

TEST_CASE("leftovers of a restore and an empty lost+found are not packed") {
  const Tree place;
  fs::create_directories(place / ".davit-restore-dead/old");
  fs::create_directory(place / "lost+found");
  fs::create_directories(place / "below/lost+found");
  const Packed packed = pack(place);
  REQUIRE(packed.findings.size() == 1);
  CHECK(packed.findings[0].path == ".davit-restore-dead");
  CHECK(packed.members.size() == 3);  // the root, "below/" and "below/lost+found/"
  test::make_file(place / "lost+found/#1", "found");
  CHECK(pack(place).members.at("lost+found/#1") == "found");
}

TEST_CASE("a place that may hold half a restore is not packed, and one whose restore only left its rests is") {
  const Tree source;
  test::make_file(source / "new", "new");
  stream::MemorySink tar;
  REQUIRE(pack_place(source.fd(), {}, tar, {}));
  const Tree place;
  test::make_file(place / "old", "old");
  RestoreArea area(place.fd(), "dead");
  stream::MemorySource from(tar.contents());
  REQUIRE(area.stage(from, {}, {}));
  const bool committed = GENERATE(false, true);
  if (committed) REQUIRE(area.commit());
  stream::MemorySink sink;
  const auto refused = pack_place(place.fd(), {}, sink, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::failed);
  CHECK(refused.error().message().contains(".davit-restore-dead"));
  CHECK_FALSE(refused.error().hint().empty());
  if (!committed) return;
  REQUIRE(area.seal());
  CHECK(pack(place).members.at("new") == "new");
}

TEST_CASE("directories nested deeper than any path may be long, and than descriptors last") {
  const Tree place;
  constexpr int kDepth = 1200;
  const std::string name(20, 'd');
  {
    UniqueFd at(::dup(place.fd()));
    for (int i = 0; i < kDepth; ++i) {
      REQUIRE(::mkdirat(at.get(), name.c_str(), 0755) == 0);
      at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      REQUIRE(at);
      // On the way back up there is something left to visit, so the directories above have to be found again.
      if (i % 400 == 0) REQUIRE(::mkdirat(at.get(), "z", 0700) == 0);
    }
    const UniqueFd file(::openat(at.get(), "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::write(file.get(), "deep", 4) == 4);
  }
  const auto probe = probe_place(place.fd(), {});
  REQUIRE(probe);
  CHECK(probe->entries == kDepth + kDepth / 400 + 1);
  stream::MemorySink tar;
  const auto report = pack_place(place.fd(), {}, tar, {});
  REQUIRE(report);
  CHECK(report->findings.empty());
  CHECK(report->entries == probe->entries + 1);
  const Tree to;
  RestoreArea area(to.fd(), "r1");
  stream::MemorySource source(tar.contents());
  const auto staged = area.stage(source, {}, {});
  REQUIRE(staged);
  CHECK(staged->entries == report->entries);
  REQUIRE(area.commit());
  REQUIRE(area.cleanup());
  stream::MemorySink again;
  REQUIRE(pack_place(to.fd(), {.encoding = {}, .paths = {}, .exclude = {}}, again, {}));
  CHECK(again.contents().size() == tar.contents().size());
  // Restoring nothing removes it all, which no path string could.
  const Tree nothing;
  stream::MemorySink empty;
  REQUIRE(pack_place(nothing.fd(), {}, empty, {}));
  for (const Tree* place_of : {&place, &to}) {
    RestoreArea clear(place_of->fd(), "r2");
    stream::MemorySource none(empty.contents());
    REQUIRE(clear.stage(none, {}, {}));
    REQUIRE(clear.commit());
    REQUIRE(clear.cleanup());
    CHECK(fs::is_empty(place_of->path()));
  }
}

TEST_CASE("progress may stop a pack and a restore") {
  const Tree place;
  test::make_file(place / "a", kLarge);
  const Progress stop = [](std::uint64_t) -> Result<> { return fail(Errc::cancelled, "cancelled"); };
  stream::MemorySink tar;
  const auto stopped = pack_place(place.fd(), {}, tar, stop);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == Errc::cancelled);
  CHECK_FALSE(tar.finished());
  stream::MemorySink whole;
  REQUIRE(pack_place(place.fd(), {}, whole, {}));
  const Tree to;
  stream::MemorySource source(whole.contents());
  const auto staged = RestoreArea(to.fd(), "r1").stage(source, {}, stop);
  REQUIRE_FALSE(staged);
  CHECK(staged.error().code() == Errc::cancelled);
  CHECK(fs::is_empty(to.path()));
}

TEST_CASE("a probe counts what is there") {
  const Tree place;
  const auto empty = probe_place(place.fd(), {"a"});
  REQUIRE(empty);
  CHECK(empty->empty);
  CHECK(empty->free_bytes > 0);
  CHECK(empty->present.empty());
  fs::create_directory(place / "lost+found");
  fs::create_directory(place / ".davit-restore-dead");
  CHECK(probe_place(place.fd(), {})->empty);
  fs::create_directories(place / "dir/below");
  test::make_file(place / "dir/file", std::string(10000, 'x'));
  fs::create_hard_link(place / "dir/file", place / "dir/same");
  fs::create_symlink("dir", place / "link");
  const auto full =
      probe_place(place.fd(), {"dir", "dir/file", "link", "link/file", "none", "dir/file/below", "dir/below/"});
  REQUIRE(full);
  CHECK_FALSE(full->empty);
  CHECK(full->entries == 5);
  CHECK(full->used_bytes == 10000);
  CHECK(full->leftovers == std::vector<std::string>{"dead"});
  CHECK(full->present == std::vector<std::string>{"dir", "dir/file", "link", "dir/below/"});
  CHECK(full->directories == std::vector<std::string>{"dir", "dir/below/"});
  CHECK(full->links == std::vector<std::string>{"link"});
  CHECK(probe_place(place.fd(), {"../x"}).error().code() == Errc::usage);
}
