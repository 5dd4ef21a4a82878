#include "storage/local/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "util/text.hpp"

namespace davit::storage::local {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Result<UniqueFd> duplicate(int fd, std::string_view shown) {
  UniqueFd copy(::openat(fd, ".", kOpenDirectory));
  if (!copy) return fail_errno(errno, "open directory " + std::string(shown));
  return copy;
}

// Says why `name` could not be opened as a directory: a symbolic link deserves more than "not a directory".
std::unexpected<Error> refuse(int parent, const std::string& name, int err, const std::string& what) {
  struct stat status{};
  if ((err == ENOTDIR || err == ELOOP) && ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(status.st_mode))
    return fail(Errc::failed, what + ": it is a symbolic link, which is not followed inside a repository",
                "mount the other place there, or name it as the repository");
  return fail_errno(err, what);
}

// Opens `name`, which `shown` stands for whole.
Result<UniqueFd> open_one(int parent, const std::string& name, const std::string& shown) {
  UniqueFd fd(::openat(parent, name.c_str(), kOpenDirectory));
  if (!fd) return refuse(parent, name, errno, "open directory " + shown);
  return fd;
}

Result<UniqueFd> create_one(int parent, const std::string& name, const std::string& shown) {
  const std::string what = "create directory " + shown;
  if (::mkdirat(parent, name.c_str(), 0700) != 0) return fail_errno(errno, what);
  // The umask may have taken bits away; without them it could not even be opened.
  const int err = ::fchmodat(parent, name.c_str(), 0700, 0) == 0 || errno == EPERM ? 0 : errno;
  Result<> made = err == 0 ? sync_directory(parent, what) : fail_errno(err, what);
  auto fd = made ? open_one(parent, name, shown) : Result<UniqueFd>(std::unexpected(std::move(made).error()));
  if (!fd) ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  return fd;
}

Result<UniqueFd> make_one(int parent, const std::string& name, const std::string& shown) {
  auto fd = open_one(parent, name, shown);
  if (fd || fd.error().code() != Errc::not_found) return fd;
  fd = create_one(parent, name, shown);
  if (fd || fd.error().code() != Errc::exists) return fd;
  return open_one(parent, name, shown);  // somebody else was faster
}

}  // namespace

std::string show(std::string_view shown, std::string_view path) {
  std::string text(shown);
  if (path.empty()) return text;
  if (!text.ends_with('/')) text += '/';
  return text + escape_for_display(path);
}

SplitPath split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

TimePoint modified_of(const struct stat& status) {
  const auto since_epoch =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return TimePoint(std::chrono::floor<std::chrono::milliseconds>(since_epoch));
}

// Both walks are this one; they differ in how one name is opened.
template <class OpenOne>
Result<UniqueFd> walk(int base, std::string_view path, std::string_view shown, OpenOne open_next) {
  TRY_ASSIGN(at, duplicate(base, shown));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    TRY_ASSIGN(next,
               open_next(at.get(), std::string(path.substr(begin, end - begin)), show(shown, path.substr(0, end))));
    at = std::move(next);
    begin = end + 1;
  }
  return at;
}

Result<UniqueFd> open_directory(int base, std::string_view path, std::string_view shown) {
  return walk(base, path, shown, open_one);
}

Result<UniqueFd> create_directory(int parent, const std::string& name, std::string_view shown) {
  return create_one(parent, name, show(shown, name));
}

Result<UniqueFd> make_directory(int base, std::string_view path, std::string_view shown) {
  return walk(base, path, shown, make_one);
}

Result<> sync_directory(int directory, std::string_view what) {
  while (::fsync(directory) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL) return {};
    return fail_errno(errno, std::string(what) + ": sync directory");
  }
  return {};
}

Result<> rename_file(int directory, const std::string& from, const std::string& to, std::string_view what) {
  if (::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return fail_errno(errno, what);
  if (::linkat(directory, from.c_str(), directory, to.c_str(), 0) != 0) return fail_errno(errno, what);
  if (::unlinkat(directory, from.c_str(), 0) != 0) {
    const int err = errno;
    ::unlinkat(directory, to.c_str(), 0);
    return fail_errno(err, what);
  }
  return {};
}

Result<> rename_directory(int from_directory, const std::string& from, int to_directory, const std::string& to,
                          std::string_view what) {
  int rc = ::renameat2(from_directory, from.c_str(), to_directory, to.c_str(), RENAME_NOREPLACE);
  if (rc != 0 && (errno == EINVAL || errno == ENOSYS))
    rc = ::renameat(from_directory, from.c_str(), to_directory, to.c_str());
  if (rc == 0) return {};
  if (errno == ENOTEMPTY) return fail_errno(EEXIST, what);
  if (errno == EXDEV)
    return std::unexpected(
        fail_errno(EXDEV, what).error().hint_if_none("keep .current and backups on one file system"));
  return fail_errno(errno, what);
}

Result<> for_each_entry(int directory, std::string_view shown, const Visit& visit) {
  TRY_ASSIGN(fd, duplicate(directory, shown));
  const std::unique_ptr<DIR, decltype([](DIR* stream) { ::closedir(stream); })> stream(::fdopendir(fd.get()));
  if (!stream) return fail_errno(errno, "list " + std::string(shown));
  (void)fd.release();  // belongs to the stream now
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return fail_errno(errno, "list " + std::string(shown));
      return {};
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status{};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return fail_errno(errno, "stat " + show(shown, name));
    }
    TRY(visit(name, status));
  }
}

Result<Removed> remove_tree(int parent, const std::string& name, std::string_view shown) {
  const std::string here = show(shown, name);
  struct stat status{};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Removed{};
    return fail_errno(errno, "remove " + here);
  }
  if (!S_ISDIR(status.st_mode)) {
    if (::unlinkat(parent, name.c_str(), 0) != 0 && errno != ENOENT) return fail_errno(errno, "remove " + here);
    return Removed{1, static_cast<std::uint64_t>(status.st_size)};
  }
  Removed sum;
  std::optional<Error> first;
  const auto keep = [&](Error error) {
    if (!first) first = std::move(error);
  };
  if (UniqueFd fd(::openat(parent, name.c_str(), kOpenDirectory)); fd) {
    auto all = for_each_entry(fd.get(), here, [&](const std::string& child, const struct stat&) -> Result<> {
      if (auto removed = remove_tree(fd.get(), child, here)) {
        sum.files += removed->files;
        sum.bytes += removed->bytes;
      } else {
        keep(std::move(removed).error());
      }
      return {};
    });
    if (!all) keep(std::move(all).error());
  } else {
    keep(fail_errno(errno, "remove " + here).error());
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    keep(fail_errno(errno, "remove " + here).error());
  if (first) return std::unexpected(std::move(*first));
  return sum;
}

}  // namespace davit::storage::local
