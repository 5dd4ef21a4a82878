#include "supervise/claim.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace davit::supervise {
namespace {

// Somebody may have removed the directory by hand, and made it anew.
bool is_same(int fd, const std::string& directory) {
  struct stat held{};
  struct stat there{};
  return ::fstat(fd, &held) == 0 && ::stat(directory.c_str(), &there) == 0 && held.st_dev == there.st_dev &&
         held.st_ino == there.st_ino;
}

}  // namespace

DirectoryClaim::Holder DirectoryClaim::take(const std::string& directory) {
  if (directory.empty()) return Holder::unknown;
  if (lock_ && is_same(lock_.get(), directory)) return Holder::us;
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Holder::unknown;
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return errno == EWOULDBLOCK ? Holder::another : Holder::unknown;
  lock_ = std::move(fd);
  return Holder::us;
}

}  // namespace davit::supervise
