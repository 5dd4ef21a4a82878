#include "catalog/exported/exported_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "storage/local/directory.hpp"
#include "stream/fd_stream.hpp"
#include "stream/reporting_stream.hpp"
#include "util/text.hpp"

namespace davit::catalog::exported {

struct ExportedFile::Opened {
  UniqueFd fd;
  std::string shown;
  struct stat status{};  // when it was opened

  // What tells that somebody has written into it since.
  [[nodiscard]] Result<> check_unchanged() const {
    struct stat now{};
    if (::fstat(fd.get(), &now) != 0) return fail_errno(errno, "stat " + shown);
    const auto same = [](const timespec& a, const timespec& b) {
      return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    if (now.st_size == status.st_size && same(now.st_mtim, status.st_mtim)) return {};
    return fail(Errc::failed, shown + " was changed while it was read", "run again when nobody writes into it");
  }
};

namespace {

class RangeSource : public stream::ByteSource {
 public:
  RangeSource(std::shared_ptr<const ExportedFile::Opened> file, std::uint64_t at, std::uint64_t end)
      : file_(std::move(file)), at_(at), end_(end) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (at_ == end_) {
      TRY(file_->check_unchanged());
      return 0;
    }
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end_ - at_));
    for (;;) {
      const ssize_t count = ::pread(file_->fd.get(), into.data(), wanted, static_cast<off_t>(at_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_errno(errno, "read " + file_->shown);
      if (count == 0)
        return fail(Errc::corrupt, "read " + file_->shown + ": it ends after " + std::to_string(at_) + " bytes");
      at_ += static_cast<std::uint64_t>(count);
      return static_cast<std::size_t>(count);
    }
  }

 private:
  std::shared_ptr<const ExportedFile::Opened> file_;
  std::uint64_t at_;
  std::uint64_t end_;
};

}  // namespace

Result<UniqueFd> open_file(const std::string& path) {
  const std::string what = "open " + escape_for_display(path);
  // O_NONBLOCK: a fifo must not hold us.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(errno, what);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, what);
  if (S_ISREG(status.st_mode)) return fd;
  if (S_ISDIR(status.st_mode))
    return fail(Errc::usage, what + ": it is a directory",
                "name a file that `davit export` wrote, or a backup of a repository by its id");
  return fail(Errc::usage, what + ": it is no regular file, and is read more than once",
              "take it into a repository (davit import -), or write it to a disk first");
}

Result<std::unique_ptr<ExportedFile>> ExportedFile::open(const std::string& path, RunContext& run) {
  const std::string shown = escape_for_display(path);
  TRY_ASSIGN(fd, open_file(path));
  auto opened = std::make_shared<Opened>();
  opened->fd = std::move(fd);
  opened->shown = shown;
  if (::fstat(opened->fd.get(), &opened->status) != 0) return fail_errno(errno, "stat " + shown);
  const auto bytes = static_cast<std::uint64_t>(opened->status.st_size);

  std::unique_ptr<ExportedFile> file(new ExportedFile());
  run.reporter.step("verify " + shown, bytes);
  stream::FdSource source(opened->fd.get(), shown);
  stream::ReportingSource reporting(source, run);
  Reader reader(reporting, shown, bytes);
  TRY(reader.begin());
  file->entry_ = reader.entry();
  const auto add = [&file](const Member& member) {
    file->objects_.emplace(file->entry_.key + "/" + member.path, Place{member.offset, member.bytes});
  };
  add(reader.manifest_member());
  while (true) {
    TRY_ASSIGN(member, reader.next());
    if (!member) break;
    add(*member);
  }
  TRY(opened->check_unchanged());
  file->file_ = std::move(opened);
  return file;
}

std::string ExportedFile::describe() const { return file_->shown; }

Result<ExportedFile::Place> ExportedFile::find(std::string_view key, std::string_view doing) const {
  TRY(storage::check_key(key));
  const auto found = objects_.find(key);
  if (found != objects_.end()) return found->second;
  return fail(Errc::not_found, std::string(doing) + " " + file_->shown + ": it has no " + escape_for_display(key));
}

Result<std::unique_ptr<stream::ByteSource>> ExportedFile::open(std::string_view key, std::uint64_t offset) const {
  TRY_ASSIGN(place, find(key, "open"));
  if (offset > place.bytes)
    return fail(Errc::usage,
                "open " + escape_for_display(key) + ": offset " + std::to_string(offset) + " is behind its end");
  TRY(file_->check_unchanged());
  return std::make_unique<RangeSource>(file_, place.offset + offset, place.offset + place.bytes);
}

Result<storage::ObjectInfo> ExportedFile::stat(std::string_view key) const {
  TRY_ASSIGN(place, find(key, "stat"));
  return storage::ObjectInfo{std::string(key), place.bytes, storage::local::modified_of(file_->status)};
}

Result<std::vector<storage::ObjectInfo>> ExportedFile::list(std::string_view prefix) const {
  std::vector<storage::ObjectInfo> found;
  for (const auto& [key, place] : objects_)
    if (key.starts_with(prefix)) found.push_back({key, place.bytes, storage::local::modified_of(file_->status)});
  return found;
}

}  // namespace davit::catalog::exported
