#include "storage/local/local_storage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "storage/local/directory.hpp"
#include "storage/local/object.hpp"
#include "storage/local/root.hpp"
#include "util/text.hpp"

namespace davit::storage {
namespace {

constexpr int kOpenRoot = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

Result<UniqueFd> make_root(const std::string& path, const std::string& what) {
  if (::mkdir(path.c_str(), 0700) != 0)
    return std::unexpected(
        fail_errno(errno, what + ": create it").error().hint_if_none("create the directory above it, or mount it"));
  if (::chmod(path.c_str(), 0700) != 0 && errno != EPERM) return fail_errno(errno, what + ": create it");
  UniqueFd fd(::open(path.c_str(), kOpenRoot));
  if (!fd) return fail_errno(errno, what);
  UniqueFd parent(::openat(fd.get(), "..", kOpenRoot));
  // A parent that may be passed but not read cannot be synced, and that is no reason to refuse.
  if (parent) TRY(local::sync_directory(parent.get(), what));
  return fd;
}

// Collects the objects below `directory`, whose key is `path`, that begin with `prefix`.
Result<> collect(int directory, const std::string& path, std::string_view prefix, std::string_view shown,
                 std::vector<ObjectInfo>& found) {
  return local::for_each_entry(
      directory, local::show(shown, path), [&](const std::string& name, const struct stat& status) -> Result<> {
        std::string key = path.empty() ? name : path + "/" + name;
        if (name.starts_with('.') || key.size() > kMaxKeyBytes) return {};
        if (S_ISREG(status.st_mode)) {
          if (key.starts_with(prefix))
            found.push_back({std::move(key), static_cast<std::uint64_t>(status.st_size), local::modified_of(status)});
          return {};
        }
        if (!S_ISDIR(status.st_mode)) return {};
        const std::string below = key + "/";
        if (!below.starts_with(prefix) && !prefix.starts_with(below)) return {};
        auto child = local::open_directory(directory, name, local::show(shown, path));
        if (!child && child.error().code() == Errc::not_found) return {};  // removed meanwhile
        if (!child) return std::unexpected(std::move(child).error());
        return collect(child->get(), key, prefix, shown, found);
      });
}

}  // namespace

LocalStorage::LocalStorage(std::shared_ptr<const Root> root) : root_(std::move(root)) {}

Result<std::unique_ptr<LocalStorage>> LocalStorage::open(const std::filesystem::path& root, Access access,
                                                         std::string_view noun) {
  const std::string what = std::string(noun) + " " + escape_for_display(root.native());
  if (root.empty()) return fail(Errc::usage, std::string(noun) + ": the path is empty");
  UniqueFd fd(::open(root.c_str(), kOpenRoot));
  if (!fd && errno == ENOENT && access == Access::write) {
    // A trailing slash would make the name of the parent the name of the root.
    const std::filesystem::path name = root.has_filename() ? root : root.parent_path();
    TRY_ASSIGN(made, make_root(name.native(), what));
    fd = std::move(made);
  }
  if (!fd && errno == ENOTDIR) return fail(Errc::usage, what + ": not a directory");
  if (!fd) return fail_errno(errno, what);
  if (access == Access::write && ::faccessat(fd.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
    return fail_errno(errno, what + ": it is not writable");
  return std::unique_ptr<LocalStorage>(
      new LocalStorage(std::make_shared<const Root>(Root{std::move(fd), escape_for_display(root.native())})));
}

std::string LocalStorage::describe() const { return root_->shown; }

Result<std::unique_ptr<stream::ByteSource>> LocalStorage::open(std::string_view key, std::uint64_t offset) const {
  TRY(check_key(key));
  return local::open_object(root_->fd.get(), key, root_->shown, offset);
}

Result<ObjectInfo> LocalStorage::stat(std::string_view key) const {
  TRY(check_key(key));
  const auto [path, name] = local::split_path(key);
  const std::string what = "stat " + local::show(root_->shown, key);
  TRY_ASSIGN(directory, local::open_directory(root_->fd.get(), path, root_->shown));
  struct stat status{};
  if (::fstatat(directory.get(), std::string(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, what);
  if (!S_ISREG(status.st_mode)) return fail(Errc::not_found, what + ": it is no file");
  return ObjectInfo{std::string(key), static_cast<std::uint64_t>(status.st_size), local::modified_of(status)};
}

Result<std::vector<ObjectInfo>> LocalStorage::list(std::string_view prefix) const {
  std::vector<ObjectInfo> found;
  // Begins where the prefix leads to, so that what lies beside it (lost+found) need not be readable.
  const std::string_view path = local::split_path(prefix).directory;
  if (prefix.starts_with('/') || (!path.empty() && !check_key(path))) return found;
  auto directory = local::open_directory(root_->fd.get(), path, root_->shown);
  if (!directory && directory.error().code() == Errc::not_found) return found;
  if (!directory) return std::unexpected(std::move(directory).error());
  TRY(collect(directory->get(), std::string(path), prefix, root_->shown, found));
  std::ranges::sort(found, {}, &ObjectInfo::key);
  return found;
}

Result<std::unique_ptr<ObjectWriter>> LocalStorage::create(std::string_view key) {
  TRY(check_key(key));
  return local::create_object(root_->fd.get(), key, root_->shown, nullptr);
}

Result<std::unique_ptr<Publication>> LocalStorage::stage(std::string_view prefix, std::string_view run) {
  return local::begin_publication(root_, prefix, run);
}

Result<> LocalStorage::remove(std::string_view key) {
  TRY(check_key(key));
  const std::string what = "remove " + local::show(root_->shown, key);
  auto [path, name] = local::split_path(key);
  auto directory = local::open_directory(root_->fd.get(), path, root_->shown);
  if (!directory && directory.error().code() == Errc::not_found) return {};
  if (!directory) return std::unexpected(std::move(directory).error());
  if (::unlinkat(directory->get(), std::string(name).c_str(), 0) != 0) {
    if (errno == ENOENT || errno == EISDIR) return {};
    return fail_errno(errno, what);
  }
  // Whoever removes a manifest first and then its artefacts relies on this order after a crash, too.
  TRY(local::sync_directory(directory->get(), what));
  while (!path.empty()) {
    const auto [parent, last] = local::split_path(path);
    auto above = local::open_directory(root_->fd.get(), parent, root_->shown);
    if (!above || ::unlinkat(above->get(), std::string(last).c_str(), AT_REMOVEDIR) != 0) break;
    path = parent;
  }
  return {};
}

Result<std::vector<std::string>> LocalStorage::sweep(const std::vector<std::string>& alive) {
  TRY_ASSIGN(lines, local::sweep_staging(*root_, alive));
  TRY_ASSIGN(temporaries, local::sweep_temporaries(root_->fd.get(), root_->shown));
  lines.insert(lines.end(), temporaries.begin(), temporaries.end());
  return lines;
}

}  // namespace davit::storage
