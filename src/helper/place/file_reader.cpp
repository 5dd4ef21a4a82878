#include "helper/place/file_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace davit::helper {
namespace {

constexpr std::size_t kBuffer = 1 << 20;

// Where the file has data, as the file system tells it; where it can't tell, all of it is data.
void find_holes(OpenFile& file) {
  const auto size = static_cast<off_t>(file.status.size);
  std::vector<stream::TarExtent> data;
  for (off_t at = 0; at < size;) {
    const off_t begin = ::lseek(file.fd.get(), at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) break;  // only a hole is left
    if (begin < 0) return;
    const off_t end = ::lseek(file.fd.get(), begin, SEEK_HOLE);
    if (end <= begin) return;
    // The file may have grown since its size was taken.
    if (begin >= size) break;
    data.push_back({.offset = static_cast<std::uint64_t>(begin),
                    .length = static_cast<std::uint64_t>(std::min(end, size) - begin)});
    at = end;
  }
  const bool no_hole = data.size() == 1 && data.front().length == file.status.size;
  if (no_hole) return;
  file.sparse = true;
  file.data = std::move(data);
}

std::string sizes(std::uint64_t before, std::uint64_t after) {
  return "changed while it was read: " + std::to_string(before) + " bytes became " + std::to_string(after);
}

}  // namespace

Sys<OpenFile> open_file(int directory, const std::string& name) {
  // O_NONBLOCK: the name may have become a fifo since it was looked at.
  Sys<UniqueFd> fd = open_at(directory, name, O_RDONLY | O_NOATIME | O_NONBLOCK);
  // Somebody holds a lease on the file: only an open that blocks breaks it.
  if (!fd && fd.error() == EWOULDBLOCK) fd = open_at(directory, name, O_RDONLY | O_NOATIME);
  if (!fd) return std::unexpected(fd.error());
  const Sys<Status> status = status_of(fd->get());
  if (!status) return std::unexpected(status.error());
  if (!status->is_file()) return std::unexpected(ESTALE);
  OpenFile file{.fd = std::move(*fd), .status = *status, .sparse = false, .data = {}};
  if (file.status.blocks * 512 < file.status.size) find_holes(file);
  return file;
}

FileReader::FileReader() : buffer_(kBuffer) {}

Result<std::string> FileReader::read(const OpenFile& file, stream::TarWriter& tar, Meter& meter) {
  const std::vector<stream::TarExtent> whole{{.offset = 0, .length = file.status.size}};
  if (file.status.size > kBuffer) ::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  int error = 0;
  bool ended = false;
  for (const stream::TarExtent& extent : file.sparse ? file.data : whole) {
    std::uint64_t at = extent.offset;
    const std::uint64_t end = extent.offset + extent.length;
    while (at < end) {
      const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, end - at));
      const ssize_t got = ::pread(file.fd.get(), buffer_.data(), want, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        error = got < 0 ? errno : 0;
        ended = got == 0;
        break;
      }
      TRY(tar.write_data(std::span(buffer_).first(static_cast<std::size_t>(got))));
      TRY(meter.add(static_cast<std::uint64_t>(got)));
      at += static_cast<std::uint64_t>(got);
    }
    if (error != 0 || ended) break;
  }
  TRY_ASSIGN(padded, tar.pad_to_end());
  TRY(meter.add(padded));
  const std::string zeros = padded == 0 ? "" : ", " + std::to_string(padded) + " bytes of it are zeros";
  if (error != 0) return "could not be read: " + errno_text(error) + zeros;
  const Sys<Status> after = status_of(file.fd.get());
  if (!after) return "could not be read: " + errno_text(after.error());
  if (after->size != file.status.size) return sizes(file.status.size, after->size) + zeros;
  if (ended || after->mtime_ns != file.status.mtime_ns || after->ctime_ns != file.status.ctime_ns)
    return "changed while it was read" + (zeros.empty() ? "" : ":" + zeros.substr(1));
  return std::string();
}

}  // namespace davit::helper
