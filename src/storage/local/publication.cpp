#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "storage/local/directory.hpp"
#include "storage/local/object.hpp"
#include "storage/local/root.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::local {
namespace {

using Root = LocalStorage::Root;

constexpr int kAttempts = 100;

// Whether `name` still is what was opened as `fd`.
Result<bool> same_file(int directory, const std::string& name, int fd, std::string_view what) {
  struct stat named{};
  struct stat opened{};
  if (::fstat(fd, &opened) != 0) return fail_errno(errno, what);
  if (::fstatat(directory, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail_errno(errno, what);
  }
  return named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

class LocalPublication : public Publication {
 public:
  LocalPublication(std::shared_ptr<const Root> root, UniqueFd current, UniqueFd staging, std::string prefix,
                   std::string run)
      : root_(std::move(root)),
        current_(std::move(current)),
        staging_(std::move(staging)),
        prefix_(std::move(prefix)),
        run_(std::move(run)) {}
  LocalPublication(const LocalPublication&) = delete;
  LocalPublication& operator=(const LocalPublication&) = delete;
  ~LocalPublication() override {
    if (auto discarded = discard(); !discarded) log_warning(discarded.error().message());
  }

  Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    TRY(check_key(key));
    TRY(check_key(prefix_ + "/" + std::string(key)));
    if (ended_) return fail(Errc::bug, "create " + escape_for_display(key) + ": the set has ended");
    return create_object(staging_.get(), key, show(root_->shown, std::string(kStaging) + "/" + run_), state_);
  }

  Result<> publish(std::string_view last_key, std::string_view bytes) override {
    const std::string what = "publish " + show(root_->shown, prefix_);
    if (ended_ || state_->writers != 0) return fail(Errc::bug, what + ": the set has ended or is still being written");
    // Every commit and every new directory of the set was synced when it was made, so with this one all of it is
    // durable.
    TRY_ASSIGN(last, create(last_key));
    TRY(last->write(std::as_bytes(std::span(bytes))));
    TRY(last->finish());
    TRY(last->commit());
    const auto [path, name] = split_path(prefix_);
    for (int attempt = 1;; ++attempt) {
      TRY_ASSIGN(parent, gone_is_failed(make_directory(root_->fd.get(), path, root_->shown)));
      auto renamed = rename_directory(current_.get(), run_, parent.get(), std::string(name), what);
      // The parent may have been removed meanwhile with the last backup in it.
      if (!renamed && renamed.error().code() == Errc::not_found && attempt < kAttempts) {
        TRY_ASSIGN(there, same_file(current_.get(), run_, staging_.get(), what));
        if (there) continue;
      }
      TRY(gone_is_failed(std::move(renamed)));
      auto synced = sync_directory(parent.get(), what);
      if (synced) synced = sync_directory(current_.get(), what);
      if (!synced) return take_back(parent.get(), std::string(name), last_key, std::move(synced).error());
      end();
      return {};
    }
  }

  Result<> discard() override {
    if (ended_) return {};
    end();
    // After a crash of the machine it may be there again; then sweep() takes it.
    return in_context(remove_tree(current_.get(), run_, show(root_->shown, kStaging)), "discard unfinished set")
        .transform([](const Removed&) {});
  }

 private:
  // It is in its place and may not last: so it must not be seen.
  std::unexpected<Error> take_back(int parent, const std::string& name, std::string_view last_key, Error error) {
    if (rename_directory(parent, name, current_.get(), run_, "take back")) return std::unexpected(std::move(error));
    if (::unlinkat(staging_.get(), std::string(last_key).c_str(), 0) == 0) {
      if (auto removed = remove_tree(parent, name, root_->shown); !removed) log_warning(removed.error().message());
      return std::unexpected(std::move(error));
    }
    return fail(error.code(), error.message() + "; it stands there nevertheless", error.hint());
  }

  void end() {
    ended_ = true;
    staging_.reset();  // with it goes the lock
  }

  std::shared_ptr<const Root> root_;
  UniqueFd current_;
  UniqueFd staging_;  // locked: that is how sweep() sees that we live
  std::string prefix_;
  std::string run_;
  std::shared_ptr<SetState> state_ = std::make_shared<SetState>();
  bool ended_ = false;
};

// What is being removed is called this and its old name, which its maker can't publish any more.
constexpr std::string_view kDead = ".dead-";

// Whether nobody holds `fd`; where that can't be told, somebody may.
bool takes_lock(int fd, const std::string& shown) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK)
      log_warning("sweep staging: " + shown +
                  " is left alone, as it can't be told whether its run lives: " + errno_text(errno));
    return false;
  }
  return true;
}

// Removes `name`; nothing if it lives, or has gone meanwhile.
Result<std::optional<Removed>> sweep_one(int current, const std::string& name, const std::string& shown) {
  const UniqueFd fd(::openat(current, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd && errno != ENOTDIR && errno != ELOOP) return fail_errno(errno, "open " + show(shown, name));
  if (fd && !takes_lock(fd.get(), show(shown, name))) return std::nullopt;
  std::string dead = name;
  if (!name.starts_with(kDead)) {
    // A run on another host lives and its lock isn't seen here, on some network file systems. Under another name its
    // publish fails; else it could put into place what is half removed.
    dead = std::string(kDead) + name;
    auto renamed = rename_directory(current, name, current, dead, "remove " + show(shown, name));
    if (!renamed && renamed.error().code() == Errc::not_found) return std::nullopt;
    TRY(std::move(renamed));
  }
  return remove_tree(current, dead, shown).transform([](const Removed& removed) { return std::optional(removed); });
}

void lock_shared(int fd) {
  // Where directories cannot be locked (NFS), what lives is known from `alive` alone.
  while (::flock(fd, LOCK_SH) != 0 && errno == EINTR) {
  }
}

}  // namespace

Result<std::unique_ptr<Publication>> begin_publication(std::shared_ptr<const Root> root, std::string_view prefix,
                                                       std::string_view run) {
  TRY(check_key(prefix));
  TRY(check_run(run));
  const std::string name(run);
  const std::string what = "stage " + show(root->shown, std::string(kStaging) + "/" + name);
  TRY_ASSIGN(current, gone_is_failed(make_directory(root->fd.get(), kStaging, root->shown)));
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    auto staging = create_directory(current.get(), name, show(root->shown, kStaging));
    // A sweep may have come between, before the lock was taken, and taken it for dead.
    if (!staging && staging.error().code() == Errc::not_found) continue;
    if (!staging) return in_context<std::unique_ptr<Publication>>(std::unexpected(std::move(staging).error()), what);
    lock_shared(staging->get());
    auto there = same_file(current.get(), name, staging->get(), what);
    if (!there) {
      ::unlinkat(current.get(), name.c_str(), AT_REMOVEDIR);
      return std::unexpected(std::move(there).error());
    }
    if (!*there) continue;
    return std::make_unique<LocalPublication>(std::move(root), std::move(current), std::move(*staging),
                                              std::string(prefix), name);
  }
  return fail(Errc::failed, what + ": it is removed again and again");
}

Result<std::vector<std::string>> sweep_staging(const Root& root, const std::vector<std::string>& alive) {
  const std::string shown = show(root.shown, kStaging);
  auto current = open_directory(root.fd.get(), kStaging, root.shown);
  if (!current && current.error().code() == Errc::not_found) return std::vector<std::string>{};
  if (!current) return std::unexpected(std::move(current).error());
  std::vector<std::string> names;
  TRY(for_each_entry(current->get(), shown, [&](const std::string& name, const struct stat&) -> Result<> {
    if (std::ranges::find(alive, name) == alive.end()) names.push_back(name);
    return {};
  }));
  std::ranges::sort(names);
  std::vector<std::string> lines;
  std::optional<Error> first;
  for (const std::string& name : names) {
    auto removed = sweep_one(current->get(), name, shown);
    if (!removed) {
      if (!first) first = std::move(removed).error().context("sweep staging");
    } else if (*removed) {
      lines.push_back(show(shown, name) + ": " + std::to_string((*removed)->files) + " files, " +
                      render_bytes((*removed)->bytes));
    }
  }
  if (first) return std::unexpected(std::move(*first));
  return lines;
}

}  // namespace davit::storage::local
