#include "storage/local/local_storage.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "support/storage_access.hpp"
#include "support/temporary_directory.hpp"

using davit::Errc;
using davit::storage::LocalStorage;
using namespace davit::test;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<LocalStorage> open_root(const fs::path& root) {
  auto opened = LocalStorage::open(root, LocalStorage::Access::write);
  REQUIRE(opened);
  return std::move(*opened);
}

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

std::size_t files_below(const fs::path& root) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (!entry.is_directory()) ++count;
  return count;
}

}  // namespace

TEST_CASE("a missing root is made for writing, its parents are not", "[storage][local]") {
  TemporaryDirectory directory;
  const fs::path root = directory.path() / "repository";
  auto absent = LocalStorage::open(root, LocalStorage::Access::read);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);
  CHECK(absent.error().message().contains(root.string()));
  CHECK_FALSE(fs::exists(root));
  auto made = LocalStorage::open(root / "", LocalStorage::Access::write);
  REQUIRE(made);
  CHECK(mode_of(root) == 0700);
  CHECK(LocalStorage::open(root, LocalStorage::Access::read));
  CHECK_FALSE(LocalStorage::open(directory.path() / "a/b", LocalStorage::Access::write));
  CHECK_FALSE(fs::exists(directory.path() / "a"));
  write_file(directory.path() / "file", "x");
  CHECK(LocalStorage::open(directory.path() / "file", LocalStorage::Access::write).error().code() == Errc::usage);
  CHECK(LocalStorage::open("", LocalStorage::Access::write).error().code() == Errc::usage);
}

TEST_CASE("a root that cannot be written to is said so at once, and can be read", "[storage][local]") {
  TemporaryDirectory directory;
  REQUIRE(put(*open_root(directory.path()), "object", "text"));
  fs::permissions(directory.path(), fs::perms(0755));
  fs::permissions(directory.path() / "object", fs::perms(0644));
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(65534) == 0);
  if (!root) fs::permissions(directory.path(), fs::perms(0555));
  auto refused = LocalStorage::open(directory.path(), LocalStorage::Access::write);
  auto readable = LocalStorage::open(directory.path(), LocalStorage::Access::read);
  const auto text = readable ? get(**readable, "object") : "";
  const auto written = readable ? put(**readable, "other", "x") : davit::fail(Errc::bug, "");
  if (root) REQUIRE(::seteuid(0) == 0);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::failed);
  CHECK(refused.error().message().contains("not writable: permission denied"));
  CHECK_FALSE(refused.error().hint().empty());
  CHECK(*text == "text");
  REQUIRE_FALSE(written);
  CHECK(written.error().code() == Errc::failed);
}

TEST_CASE("what is stored is private, whatever the umask", "[storage][local]") {
  TemporaryDirectory directory;
  for (const mode_t mask : {0000, 0022, 0777}) {
    const fs::path root = directory.path() / std::to_string(mask);
    const mode_t before = ::umask(mask);
    auto storage = open_root(root);
    auto set = storage->stage("backups/shop/1", "run");
    const bool made = set && put(**set, "volumes/a", "a") && (*set)->publish("manifest.json", "{}");
    ::umask(before);
    REQUIRE(made);
    for (const std::string path :
         {"", ".current", "backups", "backups/shop", "backups/shop/1", "backups/shop/1/volumes"})
      CHECK(mode_of(root / path) == 0700);
    CHECK(mode_of(root / "backups/shop/1/manifest.json") == 0600);
    CHECK(mode_of(root / "backups/shop/1/volumes/a") == 0600);
  }
}

TEST_CASE("a set in the making lies in .current, and is no object", "[storage][local]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory.path());
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(put(**set, "volumes/a", "a"));
  CHECK(read_file(directory.path() / ".current/run/volumes/a") == "a");
  CHECK_FALSE(fs::exists(directory.path() / "backups"));
  CHECK(contents(*storage).empty());
  REQUIRE((*set)->publish("manifest.json", "{}"));
  CHECK(fs::is_empty(directory.path() / ".current"));
  CHECK(read_file(directory.path() / "backups/shop/1/volumes/a") == "a");
}

TEST_CASE("what does not belong to a repository is left out and left alone", "[storage][local]") {
  TemporaryDirectory directory;
  const fs::path& root = directory.path();
  auto storage = open_root(root);
  REQUIRE(put(*storage, "backups/shop/1/manifest.json", "{}"));
  fs::create_directories(root / ".db/data");
  write_file(root / ".db/data/x", "x");
  write_file(root / "backups/.DS_Store", "x");
  write_file(root / "backups/shop/1/.davit-0123", "half");
  fs::create_directories(root / "backups/shop/1/.hidden");
  write_file(root / "backups/shop/1/.hidden/x", "x");
  fs::create_directories(root / "backups/empty/2");
  REQUIRE(::mkfifo((root / "backups/fifo").c_str(), 0600) == 0);
  fs::create_symlink("/etc/passwd", root / "backups/link");
  fs::create_symlink("/etc", root / "backups/shop/etc");
  CHECK(contents(*storage) == std::map<std::string, std::string>{{"backups/shop/1/manifest.json", "{}"}});
  CHECK(storage->open("backups/fifo").error().code() == Errc::not_found);
  CHECK(storage->sweep({})->empty());
  CHECK(fs::exists(root / ".db/data/x"));
  CHECK(fs::exists(root / "backups/shop/1/.davit-0123"));
}

TEST_CASE("no symbolic link leads out of the root", "[storage][local]") {
  TemporaryDirectory directory;
  TemporaryDirectory outside;
  write_file(outside.path() / "secret", "secret");
  auto storage = open_root(directory.path());
  fs::create_directory_symlink(outside.path(), directory.path() / "backups");
  fs::create_symlink(outside.path() / "secret", directory.path() / "object");
  for (const std::string key : {"backups/secret", "object"}) {
    auto opened = storage->open(key);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == Errc::failed);
    CHECK(opened.error().message().contains("symbolic link"));
  }
  CHECK_FALSE(put(*storage, "backups/new", "x"));
  CHECK_FALSE(storage->list("backups/"));
  CHECK_FALSE(storage->remove("backups/secret"));
  auto set = storage->stage("backups/1", "run");
  REQUIRE(set);
  CHECK_FALSE((*set)->publish("manifest.json", "{}"));
  set->reset();
  // A link in staging is removed, what it leads to is not.
  fs::create_directory_symlink(outside.path(), directory.path() / ".current/dead");
  CHECK(storage->sweep({})->size() == 1);
  CHECK(fs::is_empty(directory.path() / ".current"));
  CHECK(read_file(outside.path() / "secret") == "secret");
  CHECK(files_below(outside.path()) == 1);
}

TEST_CASE("the root itself may be a symbolic link", "[storage][local]") {
  TemporaryDirectory directory;
  fs::create_directory(directory.path() / "disk");
  fs::create_directory_symlink("disk", directory.path() / "root");
  REQUIRE(put(*open_root(directory.path() / "root"), "a/b", "x"));
  CHECK(read_file(directory.path() / "disk/a/b") == "x");
}

TEST_CASE("a sweep removes what dead runs have left, but for those said to live", "[storage][local]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory.path());
  CHECK(storage->sweep({})->empty());
  for (const std::string run : {"dead", "alive", "other"}) {
    fs::create_directories(directory.path() / ".current" / run / "volumes/deep/er");
    write_file(directory.path() / ".current" / run / "volumes/a", "12345");
    write_file(directory.path() / ".current" / run / "volumes/deep/er/.davit-1", "123");
  }
  write_file(directory.path() / ".current/stray", "x");
  CHECK(storage->stage("backups/shop/1", "dead").error().code() == Errc::exists);
  auto living = storage->stage("backups/shop/1", "living");
  REQUIRE(put(**living, "volumes/a", "a"));
  auto lines = storage->sweep({"alive"});
  REQUIRE(lines);
  REQUIRE(lines->size() == 3);
  CHECK((*lines)[0].contains(".current/dead: 2 files, 8 B"));
  CHECK((*lines)[1].contains(".current/other"));
  CHECK((*lines)[2].contains(".current/stray"));
  CHECK(fs::exists(directory.path() / ".current/alive/volumes/deep/er/.davit-1"));
  CHECK_FALSE(fs::exists(directory.path() / ".current/dead"));
  REQUIRE((*living)->publish("manifest.json", "{}"));
  CHECK(read_file(directory.path() / "backups/shop/1/volumes/a") == "a");
  CHECK(storage->sweep({})->size() == 1);
  CHECK(fs::is_empty(directory.path() / ".current"));
}

TEST_CASE("a set that is half swept away by a host that can't see its lock is not published", "[storage][local]") {
  TemporaryDirectory directory;
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::chown(directory.path().c_str(), 65534, 65534) == 0);
  if (root) REQUIRE(::seteuid(65534) == 0);
  auto storage = open_root(directory.path());
  auto set = storage->stage("backups/shop/1", "run");
  const bool made = set && put(**set, "config/a", "a") && put(**set, "volumes/a", "a");
  // As on a network share without common locks: nobody else sees ours.
  int unlocked = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    if (fs::read_symlink(entry, ignored) == directory.path() / ".current/run")
      unlocked += ::flock(std::stoi(entry.path().filename()), LOCK_UN) == 0 ? 1 : 0;
  }
  // The sweep does not come to its end.
  ::chmod((directory.path() / ".current/run/volumes").c_str(), 0500);
  const auto swept = storage->sweep({});
  const auto published = (*set)->publish("manifest.json", "{}");
  const auto listed = contents(*storage);
  ::chmod((directory.path() / ".current/.dead-run/volumes").c_str(), 0700);
  const auto swept_again = storage->sweep({});
  if (root) REQUIRE(::seteuid(0) == 0);
  REQUIRE(made);
  CHECK(unlocked == 1);
  CHECK_FALSE(swept);
  REQUIRE_FALSE(published);
  CHECK(published.error().code() == Errc::failed);
  CHECK(listed.empty());
  REQUIRE(swept_again);
  CHECK(swept_again->size() == 1);
  CHECK(fs::is_empty(directory.path() / ".current"));
}

TEST_CASE("a set that is swept away in the making is not published", "[storage][local]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory.path());
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(put(**set, "a", "a"));
  fs::remove_all(directory.path() / ".current");
  auto late = put(**set, "b", "b");
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::failed);
  auto published = (*set)->publish("manifest.json", "{}");
  REQUIRE_FALSE(published);
  CHECK(published.error().code() == Errc::failed);
  CHECK(contents(*storage).empty());
}

TEST_CASE("an object that changes length while it is read is corrupt", "[storage][local]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory.path());
  REQUIRE(put(*storage, "object", sample_bytes(100'000)));
  auto shrinks = storage->open("object");
  REQUIRE(::truncate((directory.path() / "object").c_str(), 99'999) == 0);
  CHECK(davit::stream::read_all(**shrinks, 1U << 20U).error().code() == Errc::corrupt);
  auto grows = storage->open("object");
  REQUIRE(::truncate((directory.path() / "object").c_str(), 100'001) == 0);
  CHECK(davit::stream::read_all(**grows, 1U << 20U).error().code() == Errc::corrupt);
}

TEST_CASE("removing the last object of a directory removes the directory", "[storage][local]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory.path());
  REQUIRE(put(*storage, "backups/shop/1/volumes/a", "a"));
  REQUIRE(put(*storage, "backups/shop/2/volumes/a", "a"));
  REQUIRE(storage->remove("backups/shop/1/volumes/a"));
  CHECK_FALSE(fs::exists(directory.path() / "backups/shop/1"));
  CHECK(fs::exists(directory.path() / "backups/shop/2/volumes/a"));
  REQUIRE(storage->remove("backups/shop/2"));
  CHECK(fs::exists(directory.path() / "backups/shop/2/volumes/a"));
  REQUIRE(storage->remove("backups/shop/2/volumes/a"));
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("a limit in mid-object leaves nothing", "[storage][local]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory.path());
  struct rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{100'000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  auto stored = put(*storage, "dir/object", sample_bytes(200'000));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, handler);
  REQUIRE_FALSE(stored);
  CHECK(stored.error().message().contains("write "));
  CHECK(files_below(directory.path()) == 0);
}

TEST_CASE("a full disk in mid-set leaves nothing and says what to do", "[storage][local]") {
  struct statvfs space{};
  const std::uint64_t limit = 256U << 20U;
  if (::statvfs("/dev/shm", &space) != 0 || space.f_bavail * space.f_frsize > limit || ::access("/dev/shm", W_OK) != 0)
    SKIP("no small file system to fill");
  TemporaryDirectory directory("/dev/shm");
  auto storage = open_root(directory.path());
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(put(**set, "volumes/small", "small"));
  auto writer = (*set)->create("volumes/big");
  REQUIRE(writer);
  const std::string chunk = sample_bytes(1U << 20U);
  davit::Result<> written;
  for (std::uint64_t at = 0; written && at <= limit; at += chunk.size()) written = write_text(**writer, chunk);
  REQUIRE_FALSE(written);
  CHECK(written.error().code() == Errc::failed);
  CHECK(written.error().message().contains("no space left on device"));
  CHECK(written.error().hint().contains("free space"));
  writer->reset();
  CHECK(files_below(directory.path()) == 1);
  set->reset();
  CHECK(files_below(directory.path()) == 0);
  CHECK(contents(*storage).empty());
  REQUIRE(put(*storage, "object", "fits again"));
}

TEST_CASE("a sweep removes objects that dead processes had begun, and none that is being written", "[storage][local]") {
  const TemporaryDirectory directory;
  const auto storage = open_root(directory.path());
  write_file(directory / ".davit-0123456789abcdef", "half of something");
  write_file(directory / ".other", "somebody's");
  auto writer = storage->create("object");
  REQUIRE(writer);
  REQUIRE((*writer)->write(std::as_bytes(std::span(std::string_view("whole")))));
  const auto swept = storage->sweep({});
  REQUIRE(swept);
  REQUIRE(swept->size() == 1);
  CHECK(swept->front().contains(".davit-0123456789abcdef"));
  CHECK_FALSE(fs::exists(directory / ".davit-0123456789abcdef"));
  CHECK(fs::exists(directory / ".other"));
  REQUIRE((*writer)->finish());
  REQUIRE((*writer)->commit());
  CHECK(read_file(directory / "object") == "whole");
}
