#include "util/atomic_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "util/text.hpp"

namespace davit {
namespace {

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// rename(2) that refuses to replace. File systems without RENAME_NOREPLACE get a link and an unlink: a crash between
// the two leaves the temporary name behind, never a wrong file under the real one.
int rename_fresh(const char* from, const char* to) {
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::link(from, to) != 0) return errno;
  return ::unlink(from) == 0 ? 0 : errno;
}

}  // namespace

Result<> sync_directory(const std::filesystem::path& directory) {
  const std::string doing = "sync directory " + directory.string();
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, doing);
  // EINVAL: this file system has no fsync for directories; then there is nothing to wait for.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return fail_errno(errno, doing);
  return {};
}

AtomicFile::AtomicFile(std::filesystem::path path, std::filesystem::path temporary, UniqueFd fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), fd_(std::move(other.fd_)) {
  other.temporary_.clear();  // a moved-from path may keep its value, and this one is unlinked by the destructor
}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    path_.swap(other.path_);
    temporary_.swap(other.temporary_);
    std::swap(fd_, other.fd_);
  }
  return *this;
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(std::filesystem::path path) {
  // A name of its own, not one derived from `path`, which may be as long as a name can be.
  std::filesystem::path temporary = directory_of(path) / (".davit-tmp-" + random_hex(8));
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "create " + path.string());
  return AtomicFile(std::move(path), std::move(temporary), std::move(fd));
}

Result<> AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write " + path_.string());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> AtomicFile::commit(bool replace) {
  if (::fsync(fd_.get()) != 0) return fail_errno(errno, "sync " + path_.string());
  if (const int err = fd_.close_checked(); err != 0) return fail_errno(err, "close " + path_.string());
  int err = 0;
  if (!replace)
    err = rename_fresh(temporary_.c_str(), path_.c_str());
  else if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    err = errno;
  if (err != 0) return fail_errno(err, "publish " + path_.string());
  temporary_.clear();
  return sync_directory(directory_of(path_));
}

}  // namespace davit
