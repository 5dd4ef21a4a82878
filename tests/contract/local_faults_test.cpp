// The local storage under failing system calls and under SIGKILL: the calls are taken over here, for the whole
// executable, and pass on to the kernel unless a test has armed them.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <map>

#include "storage/local/local_storage.hpp"
#include "support/sample_backup.hpp"
#include "support/temporary_directory.hpp"

using davit::storage::LocalStorage;
using namespace davit::test;
namespace fs = std::filesystem;

namespace {

enum class Mode { off, fail_once, fail_on, kill, trace };

struct Calls {
  Mode mode = Mode::off;
  std::uint64_t at = 0;
  std::uint64_t count = 0;
  std::string failed;                     // the name of the call that failed
  std::map<ino_t, std::string> unsynced;  // what a crash of the machine may undo, by inode
  std::function<void()> before_publish;
};
Calls calls;

// Whether the call is to fail; errno is set then.
bool inject(const char* name) {
  if (calls.mode == Mode::off || calls.mode == Mode::trace) return false;
  ++calls.count;
  if (calls.count < calls.at || (calls.count > calls.at && calls.mode != Mode::fail_on)) return false;
  if (calls.mode == Mode::kill) ::kill(::getpid(), SIGKILL);
  if (calls.failed.empty()) calls.failed = name;
  errno = EIO;
  return true;
}

void changed(int fd, const char* how) {
  struct stat status{};
  if (calls.mode == Mode::trace && ::syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0)
    calls.unsynced[status.st_ino] = how;
}

struct Armed {
  explicit Armed(Mode mode, std::uint64_t at = 0) {
    calls = {};
    calls.mode = mode;
    calls.at = at;
  }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
  ~Armed() { calls.mode = Mode::off; }
};

}  // namespace

extern "C" {
int fsync(int fd) {
  if (inject("fsync")) return -1;
  struct stat status{};
  if (calls.mode == Mode::trace && ::syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0)
    calls.unsynced.erase(status.st_ino);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
ssize_t write(int fd, const void* bytes, size_t count) {
  if (inject("write")) return -1;
  changed(fd, "written");
  return ::syscall(SYS_write, fd, bytes, count);
}
int close(int fd) {
  const bool fails = inject("close");
  const auto rc = static_cast<int>(::syscall(SYS_close, fd));
  if (!fails) return rc;
  errno = EIO;
  return -1;
}
int openat(int directory, const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    changed(directory, "got a file");
  }
  if (inject("openat")) return -1;
  return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
}
int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  if (inject("mkdirat")) return -1;
  changed(directory, "got a directory");
  return static_cast<int>(::syscall(SYS_mkdirat, directory, path, mode));
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept {
  if (inject("renameat2")) return -1;
  if (calls.mode == Mode::trace && from_directory != to_directory && calls.before_publish) calls.before_publish();
  changed(from_directory, "lost a name");
  changed(to_directory, "got a name");
  return static_cast<int>(::syscall(SYS_renameat2, from_directory, from, to_directory, to, flags));
}
int unlinkat(int directory, const char* path, int flags) noexcept {
  if (inject("unlinkat")) return -1;
  return static_cast<int>(::syscall(SYS_unlinkat, directory, path, flags));
}
int fchmod(int fd, mode_t mode) noexcept {
  if (inject("fchmod")) return -1;
  return static_cast<int>(::syscall(SYS_fchmod, fd, mode));
}
int fchmodat(int directory, const char* path, mode_t mode, int) noexcept {
  if (inject("fchmodat")) return -1;
  return static_cast<int>(::syscall(SYS_fchmodat, directory, path, mode));
}
int fstat(int fd, struct stat* status) noexcept {
  if (inject("fstat")) return -1;
  return static_cast<int>(::syscall(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH));
}
int fstatat(int directory, const char* path, struct stat* status, int flags) noexcept {
  if (inject("fstatat")) return -1;
  return static_cast<int>(::syscall(SYS_newfstatat, directory, path, status, flags));
}
}

namespace {

std::unique_ptr<LocalStorage> open_root(const TemporaryDirectory& directory) {
  auto opened = LocalStorage::open(directory.path(), LocalStorage::Access::write);
  REQUIRE(opened);
  return std::move(*opened);
}

// Names below the root that are neither objects nor directories on the way to one.
std::vector<std::string> leftovers(const fs::path& root) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path().lexically_relative(root);
    if (path != ".current" && (path.starts_with(".") || path.contains("/."))) found.push_back(path);
  }
  return found;
}

// After any end of a run: a new one finds its way.
void check_recovers(const TemporaryDirectory& directory, bool whole) {
  auto storage = open_root(directory);
  REQUIRE(storage->sweep({}));
  CHECK(leftovers(directory.path()).empty());
  CHECK(make_sample_backup(*storage, "run").has_value() == !whole);
  CHECK(look_for_sample_backup(*storage).value_or(Seen::nothing) == Seen::whole);
  CHECK(leftovers(directory.path()).empty());
}

}  // namespace

TEST_CASE("a local backup under every failing system call", "[storage][local][faults]") {
  const Mode mode = GENERATE(Mode::fail_once, Mode::fail_on);
  std::uint64_t k = 0;
  std::size_t errors = 0;
  for (bool failed = true; failed;) {
    ++k;
    TemporaryDirectory directory;
    auto storage = open_root(directory);
    davit::Result<> made;
    {
      const Armed armed(mode, k);
      made = make_sample_backup(*storage, "run");
    }
    failed = !calls.failed.empty();
    INFO("call " << k << ", " << calls.failed << (mode == Mode::fail_on ? " and all after it" : ""));
    INFO("error: " << (made ? "none" : made.error().message()));
    const auto seen = look_for_sample_backup(*storage);
    REQUIRE(seen);
    // A device that dies between the rename and its sync leaves nobody able to take the backup back; it is whole, and
    // the error says that it stands.
    const bool stands = !made && made.error().message().ends_with("it stands there nevertheless");
    if (stands) CHECK(mode == Mode::fail_on);
    CHECK((*seen == Seen::whole) == (made.has_value() || stands));
    if (!made) {
      ++errors;
      CHECK(made.error().code() == davit::Errc::failed);
      // What is done to tidy up may be what fails, and then a sweep finds it. All else leaves nothing.
      if (mode == Mode::fail_once) CHECK(leftovers(directory.path()).empty());
    }
    // Whoever ignores an error of these loses a backup one day.
    if (calls.failed == "fsync" || calls.failed == "write" || calls.failed == "renameat2" || calls.failed == "mkdirat")
      CHECK_FALSE(made);
    storage.reset();
    check_recovers(directory, *seen == Seen::whole);
  }
  CHECK(k > 60);
  CHECK(errors > 40);
}

TEST_CASE("a local backup killed before every system call", "[storage][local][faults]") {
  bool finished = false;
  std::size_t whole = 0;
  std::uint64_t k = 0;
  while (!finished) {
    ++k;
    INFO("killed before call " << k);
    TemporaryDirectory directory;
    auto storage = open_root(directory);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const Armed armed(Mode::kill, k);
      ::_exit(make_sample_backup(*storage, "run") ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    finished = WIFEXITED(status);
    if (finished) CHECK(WEXITSTATUS(status) == 0);
    const auto seen = look_for_sample_backup(*storage);
    REQUIRE(seen);
    if (finished) CHECK(*seen == Seen::whole);
    if (*seen == Seen::whole) ++whole;
    check_recovers(directory, *seen == Seen::whole);
  }
  CHECK(k > 60);
  // Some die after the rename: then the backup stands.
  CHECK(whole > 1);
  CHECK(whole < k / 2);
}

TEST_CASE("everything of a local backup is synced before it is seen", "[storage][local][faults]") {
  TemporaryDirectory directory;
  auto storage = open_root(directory);
  const Armed armed(Mode::trace);
  bool published = false;
  std::map<ino_t, std::string> unsynced;
  calls.before_publish = [&] {
    published = true;
    unsynced = calls.unsynced;
  };
  REQUIRE(make_sample_backup(*storage, "run"));
  calls.mode = Mode::off;
  CHECK(published);
  for (const auto& [inode, how] : unsynced) FAIL_CHECK("at the rename, not synced: " << inode << " " << how);
  for (const auto& [inode, how] : calls.unsynced) FAIL_CHECK("at the end, not synced: " << inode << " " << how);
}
