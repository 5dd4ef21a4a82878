#include "app/install.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <vector>

#include "util/text.hpp"
#include "util/unique_fd.hpp"

namespace davit::app {
namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";
constexpr const char* kName = "davit";
constexpr const char* kLink = "bak";
constexpr std::string_view kTemporary = ".davit-new-";
constexpr mode_t kMode = 0755;
constexpr std::size_t kPiece = std::size_t{256} << 10U;

// As many bytes as there are, up to those that fit.
Result<std::size_t> read_piece(int fd, std::vector<char>& into, std::string_view what) {
  std::size_t length = 0;
  while (length < into.size()) {
    const ssize_t count = ::read(fd, into.data() + length, into.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "read " + std::string(what));
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  return length;
}

Result<bool> is_same(int own, int directory, const std::string& path) {
  struct stat there{};
  if (::fstatat(directory, kName, &there, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (!S_ISREG(there.st_mode) || (there.st_mode & 07777U) != kMode) return false;
  const UniqueFd fd(::openat(directory, kName, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // Whatever keeps us from reading it: then it is replaced.
  if (!fd) return false;
  std::vector<char> ours(kPiece);
  std::vector<char> theirs(kPiece);
  if (::lseek(own, 0, SEEK_SET) != 0) return fail_errno(errno, "read the program that runs");
  while (true) {
    TRY_ASSIGN(count, read_piece(own, ours, "the program that runs"));
    TRY_ASSIGN(other, read_piece(fd.get(), theirs, path));
    if (count != other || !std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(count), theirs.begin()))
      return false;
    if (count == 0) return true;
  }
}

Result<> copy(int own, int to, const std::string& path) {
  if (::lseek(own, 0, SEEK_SET) != 0) return fail_errno(errno, "read the program that runs");
  std::vector<char> piece(kPiece);
  while (true) {
    TRY_ASSIGN(count, read_piece(own, piece, "the program that runs"));
    if (count == 0) break;
    for (std::size_t done = 0; done < count;) {
      const ssize_t put = ::write(to, piece.data() + done, count - done);
      if (put < 0 && errno != EINTR) return fail_errno(errno, "write " + path);
      if (put > 0) done += static_cast<std::size_t>(put);
    }
  }
  // Whatever the umask is: all users of the container start it.
  if (::fchmod(to, kMode) != 0) return fail_errno(errno, "set the mode of " + path);
  if (::fsync(to) != 0) return fail_errno(errno, "sync " + path);
  return {};
}

// A name in the directory that goes unless it was given another.
class Temporary {
 public:
  explicit Temporary(int directory) : directory_(directory), name_(std::string(kTemporary) + random_hex(6)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { ::unlinkat(directory_, name_.c_str(), 0); }
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  [[nodiscard]] Result<> become(const char* name, const std::string& path) const {
    if (::renameat(directory_, name_.c_str(), directory_, name) == 0) return {};
    if (errno == EISDIR) return fail(Errc::exists, path + " is a directory");
    return fail_errno(errno, "put " + path + " in place");
  }

 private:
  int directory_;
  std::string name_;
};

// What a killed install has left goes. One that lives has its file locked; its link is there for a moment only, and is
// made again. Where there are no locks everything stays, and whatever else keeps us from it is no reason to stop.
void clear_temporaries(int directory) {
  const std::unique_ptr<DIR, decltype([](DIR* stream) { ::closedir(stream); })> stream(
      ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!stream) return;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get()))
    if (std::string_view(entry->d_name).starts_with(kTemporary)) names.emplace_back(entry->d_name);
  for (const std::string& name : names) {
    struct stat there{};
    if (::fstatat(directory, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) continue;
    UniqueFd file;
    if (S_ISREG(there.st_mode)) {
      file = UniqueFd(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
      if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    } else if (!S_ISLNK(there.st_mode)) {
      continue;
    }
    ::unlinkat(directory, name.c_str(), 0);
  }
}

// Another install may clear away what has no lock yet: then it is made again.
constexpr int kAttempts = 100;

// The lock has a descriptor of its own: a program that is open for writing can't be started.
struct NewFile {
  UniqueFd file;
  UniqueFd lock;
};

Result<NewFile> create_locked(int directory, const Temporary& temporary, const std::string& path) {
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    NewFile made;
    made.file = UniqueFd(::openat(directory, temporary.name(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
    if (!made.file) return fail_errno(errno, "create a file for " + path);
    made.lock = UniqueFd(::openat(directory, temporary.name(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    // Where there are no locks, nobody clears anything away.
    const bool locked = made.lock && (::flock(made.lock.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
    if (locked && ::fstat(made.file.get(), &status) == 0 && status.st_nlink > 0) return made;
    ::unlinkat(directory, temporary.name(), 0);
  }
  return fail(Errc::failed, "create a file for " + path + ": it is removed again and again");
}

Result<> put_program(int own, int directory, const std::string& path) {
  const Temporary temporary(directory);
  TRY_ASSIGN(made, create_locked(directory, temporary, path));
  TRY(copy(own, made.file.get(), path));
  if (const int error = made.file.close_checked(); error != 0) return fail_errno(error, "close " + path);
  return temporary.become(kName, path);
}

bool is_linked(int directory) {
  std::array<char, 16> target{};
  const ssize_t length = ::readlinkat(directory, kLink, target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) == kName;
}

Result<> put_link(int directory, const std::string& path) {
  for (int attempt = 1;; ++attempt) {
    const Temporary temporary(directory);
    if (::symlinkat(kName, directory, temporary.name()) != 0) return fail_errno(errno, "create a link for " + path);
    auto put = temporary.become(kLink, path);
    if (put || put.error().code() != Errc::not_found || attempt == kAttempts) return put;
  }
}

}  // namespace

Result<Installed> install_program(const std::string& directory) {
  const std::string shown = escape_for_display(directory);
  if (::mkdir(directory.c_str(), kMode) != 0 && errno != EEXIST) return fail_errno(errno, "make directory " + shown);
  const UniqueFd place(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place) return fail_errno(errno, "open directory " + shown);
  const UniqueFd own(::open(kOwnProgram, O_RDONLY | O_CLOEXEC));
  if (!own) return fail_errno(errno, "open the program that runs");
  clear_temporaries(place.get());
  Installed installed{.path = shown + (shown.ends_with('/') ? "" : "/") + kName};
  TRY_ASSIGN(same, is_same(own.get(), place.get(), installed.path));
  if (!same) TRY(put_program(own.get(), place.get(), installed.path));
  const bool linked = is_linked(place.get());
  if (!linked) TRY(put_link(place.get(), shown + "/" + kLink));
  installed.changed = !same || !linked;
  if (installed.changed && ::fsync(place.get()) != 0) return fail_errno(errno, "sync directory " + shown);
  return installed;
}

}  // namespace davit::app
