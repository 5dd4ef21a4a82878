#include "storage/local/object.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "storage/local/directory.hpp"
#include "util/text.hpp"

namespace davit::storage::local {
namespace {

// Writing back begins while the object is still growing, so that the fsync at its end has little left to wait for.
constexpr std::uint64_t kWriteBackEvery = 8U << 20U;
// The kernel looks for memory in pieces as large as the write: 1 MiB at once took it 4 times as long as 256 KiB
// (ext4, 6.18).
constexpr std::size_t kWriteAtOnce = 256U << 10U;
constexpr std::string_view kTemporary = ".davit-";

class FileWriter : public ObjectWriter {
 public:
  FileWriter(UniqueFd directory, UniqueFd file, std::string temporary, std::string key, std::string shown,
             std::shared_ptr<SetState> set)
      : directory_(std::move(directory)),
        file_(std::move(file)),
        temporary_(std::move(temporary)),
        key_(std::move(key)),
        shown_(std::move(shown)),
        set_(std::move(set)) {
    if (set_) ++set_->writers;
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter() override {
    if (!temporary_.empty()) ::unlinkat(directory_.get(), temporary_.c_str(), 0);
    leave_set();
  }

  Result<> write(std::span<const std::byte> bytes) override {
    if (state_ != State::open) return fail(Errc::bug, "write " + shown_ + ": it is finished or has failed");
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.get(), bytes.data(), std::min(bytes.size(), kWriteAtOnce));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        state_ = State::failed;
        return fail_errno(errno, "write " + shown_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      bytes_ += static_cast<std::uint64_t>(count);
    }
    if (bytes_ - written_back_ >= kWriteBackEvery) {
      // Advice only: whether the bytes arrived is what fsync says.
      ::sync_file_range(file_.get(), static_cast<off_t>(written_back_), static_cast<off_t>(bytes_ - written_back_),
                        SYNC_FILE_RANGE_WRITE);
      written_back_ = bytes_;
    }
    return {};
  }

  Result<> finish() override {
    if (state_ != State::open) return fail(Errc::bug, "finish " + shown_ + ": it is finished or has failed");
    state_ = State::finished;
    return {};
  }

  Result<ObjectInfo> commit() override {
    if (state_ != State::finished) return fail(Errc::bug, "commit " + shown_ + ": it is not finished, or committed");
    state_ = State::failed;
    // Never tried again: after a failed fsync the kernel may have thrown the bytes away and report success the next
    // time.
    while (::fsync(file_.get()) != 0)
      if (errno != EINTR) return fail_errno(errno, "write " + shown_ + ": sync");
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return fail_errno(errno, "stat " + shown_);
    if (static_cast<std::uint64_t>(status.st_size) != bytes_)
      return fail(Errc::failed, "write " + shown_ + ": the file has " + std::to_string(status.st_size) + " of " +
                                    std::to_string(bytes_) + " bytes");
    if (const int err = file_.close_checked(); err != 0) return fail_errno(err, "write " + shown_ + ": close");
    const std::string name(split_path(key_).name);
    TRY(gone_is_failed(rename_file(directory_.get(), temporary_, name, "store " + shown_)));
    temporary_.clear();
    if (auto synced = sync_directory(directory_.get(), "store " + shown_); !synced) {
      // It may be gone after a crash, so it must not be taken for stored now.
      ::unlinkat(directory_.get(), name.c_str(), 0);
      return std::unexpected(std::move(synced).error());
    }
    state_ = State::committed;
    leave_set();
    return ObjectInfo{key_, bytes_, modified_of(status)};
  }

 private:
  enum class State { open, failed, finished, committed };

  void leave_set() {
    if (auto set = std::exchange(set_, nullptr)) --set->writers;
  }

  UniqueFd directory_;
  UniqueFd file_;
  std::string temporary_;  // empty once it has its name
  std::string key_;
  std::string shown_;
  std::shared_ptr<SetState> set_;
  State state_ = State::open;
  std::uint64_t bytes_ = 0;
  std::uint64_t written_back_ = 0;
};

class FileSource : public stream::ByteSource {
 public:
  FileSource(UniqueFd file, std::string shown, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), shown_(std::move(shown)), at_(offset), size_(size) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (at_ == size_) return verify_end();
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - at_));
    for (;;) {
      const ssize_t count = ::read(file_.get(), into.data(), wanted);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_errno(errno, "read " + shown_);
      if (count == 0)
        return fail(Errc::corrupt, "read " + shown_ + ": it ends after " + std::to_string(at_) + " of " +
                                       std::to_string(size_) + " bytes");
      at_ += static_cast<std::uint64_t>(count);
      return static_cast<std::size_t>(count);
    }
  }

 private:
  Result<std::size_t> verify_end() {
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return fail_errno(errno, "stat " + shown_);
    if (static_cast<std::uint64_t>(status.st_size) != size_)
      return fail(Errc::corrupt, "read " + shown_ + ": it had " + std::to_string(size_) + " bytes and has " +
                                     std::to_string(status.st_size) + " now");
    return 0;
  }

  UniqueFd file_;
  std::string shown_;
  std::uint64_t at_;
  std::uint64_t size_;
};

// A directory without objects may be removed while something is about to be stored in it: then it is made again.
constexpr int kAttempts = 100;

Result<std::unique_ptr<ObjectWriter>> try_create(int base, std::string_view key, std::string_view shown,
                                                 const std::shared_ptr<SetState>& set) {
  const auto [path, name] = split_path(key);
  TRY_ASSIGN(directory, make_directory(base, path, shown));
  const std::string what = "create " + show(shown, key);
  struct stat status{};
  if (::fstatat(directory.get(), std::string(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
    return fail_errno(EEXIST, what);
  std::string temporary = std::string(kTemporary) + random_hex(8);
  UniqueFd file(
      ::openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return fail_errno(errno, what);
  const int fd = file.get();
  // From here on the writer removes the file.
  auto writer = std::make_unique<FileWriter>(std::move(directory), std::move(file), std::move(temporary),
                                             std::string(key), show(shown, key), set);
  // By this a sweep sees that we live. One may have come before, and removes it: then it is made again. Where there are
  // no locks, nobody sweeps.
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) return fail_errno(ENOENT, what);
  if (::fstat(fd, &status) == 0 && status.st_nlink == 0) return fail_errno(ENOENT, what);
  // Where modes belong to the mount (CIFS, vfat), nobody may change them.
  if (::fchmod(fd, 0600) != 0 && errno != EPERM) return fail_errno(errno, what);
  return writer;
}

}  // namespace

Result<std::unique_ptr<ObjectWriter>> create_object(int base, std::string_view key, std::string_view shown,
                                                    const std::shared_ptr<SetState>& set) {
  for (int attempt = 1;; ++attempt) {
    auto writer = try_create(base, key, shown, set);
    if (writer || writer.error().code() != Errc::not_found) return writer;
    if (attempt == kAttempts) return gone_is_failed(std::move(writer));
  }
}

Result<std::vector<std::string>> sweep_temporaries(int base, std::string_view shown) {
  std::vector<std::string> lines;
  TRY(for_each_entry(base, std::string(shown), [&](const std::string& name, const struct stat& status) -> Result<> {
    if (!name.starts_with(kTemporary) || !S_ISREG(status.st_mode)) return {};
    const UniqueFd file(::openat(base, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return {};
    if (::unlinkat(base, name.c_str(), 0) != 0) return {};
    lines.push_back(show(shown, name) + ": " + render_bytes(static_cast<std::uint64_t>(status.st_size)));
    return {};
  }));
  return lines;
}

Result<std::unique_ptr<stream::ByteSource>> open_object(int base, std::string_view key, std::string_view shown,
                                                        std::uint64_t offset) {
  const auto [path, name] = split_path(key);
  const std::string what = "open " + show(shown, key);
  TRY_ASSIGN(directory, open_directory(base, path, shown));
  // O_NONBLOCK: a fifo that lies around must not hold us.
  UniqueFd file(::openat(directory.get(), std::string(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ELOOP)
    return fail(Errc::failed, what + ": it is a symbolic link, which is not followed inside a repository");
  if (!file) return fail_errno(errno, what);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno(errno, what);
  if (!S_ISREG(status.st_mode)) return fail(Errc::not_found, what + ": it is no file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset > size) return fail(Errc::usage, what + ": offset " + std::to_string(offset) + " is behind its end");
  if (offset > 0 && ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) return fail_errno(errno, what);
  return std::make_unique<FileSource>(std::move(file), show(shown, key), offset, size);
}

}  // namespace davit::storage::local
