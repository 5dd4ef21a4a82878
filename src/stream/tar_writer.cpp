#include "stream/tar_writer.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <optional>

#include "stream/tar_acl.hpp"
#include "util/text.hpp"

namespace davit::stream {
namespace {

constexpr int kBlock = 128 << 10;
constexpr std::int64_t kNanoseconds = 1'000'000'000;
// libarchive refuses to read an extended header above 1 MiB; what else is in it is at most two paths.
constexpr std::size_t kLargestXattrs = 960 << 10;

std::array<std::byte, 1 << 20> zeros;  // not const, so that it lies in .bss and not in the binary

unsigned type_bits(TarType type) {
  switch (type) {
    case TarType::file:
    case TarType::hardlink:
      return AE_IFREG;
    case TarType::directory:
      return AE_IFDIR;
    case TarType::symlink:
      return AE_IFLNK;
    case TarType::fifo:
      return AE_IFIFO;
    case TarType::character_device:
      return AE_IFCHR;
    case TarType::block_device:
      return AE_IFBLK;
  }
  return AE_IFREG;
}

// libarchive writes "-1.25" for -1 s and 250 ms, and means -1.25 s as everybody else does. Only the second before 1970
// has no such pair: it loses its fraction.
void put_mtime(archive_entry* to, std::int64_t ns) {
  std::int64_t seconds = ns / kNanoseconds;
  std::int64_t fraction = ns < 0 ? -(ns % kNanoseconds) : ns % kNanoseconds;
  if (ns < 0 && seconds == 0) seconds = -1, fraction = 0;
  archive_entry_set_mtime(to, static_cast<time_t>(seconds), static_cast<long>(fraction));
}

// The extents without empty ones and with neighbours joined, which is how libarchive will see them.
Result<std::vector<TarExtent>> normalize(const TarEntry& entry) {
  std::vector<TarExtent> extents;
  if (entry.type != TarType::file || entry.size == 0) return extents;
  if (!entry.sparse) return std::vector{TarExtent{.offset = 0, .length = entry.size}};
  std::uint64_t end = 0;
  for (const TarExtent& extent : entry.data) {
    if (extent.offset < end || extent.offset > entry.size || extent.length > entry.size - extent.offset)
      return fail(Errc::bug, "extents of a sparse file out of order or beyond its end");
    end = extent.offset + extent.length;
    if (extent.length == 0) continue;
    if (!extents.empty() && extents.back().offset + extents.back().length == extent.offset)
      extents.back().length += extent.length;
    else
      extents.push_back(extent);
  }
  return extents;
}

struct FreeArchive {
  void operator()(archive* writer) const noexcept {
    // Marked as failed first, so that neither padding nor the end-of-archive blocks are made up; closed, because only
    // that frees its buffers.
    archive_write_fail(writer);
    archive_write_close(writer);
    archive_write_free(writer);
  }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};

}  // namespace

struct TarWriter::Impl {
  explicit Impl(ByteSink& sink_) : sink(sink_) {}
  ~Impl() { discard = true; }

  Result<> open();
  Result<> put(const TarEntry& from);
  void put_xattrs(const TarEntry& from);
  Result<> write(std::span<const std::byte> bytes);
  Result<> skip_hole(std::uint64_t until);
  Result<> skip_last_hole();
  std::unexpected<Error> error(std::string_view doing);
  void note(std::string what);
  static la_ssize_t on_write(archive*, void* self, const void* bytes, std::size_t size) noexcept;

  ByteSink& sink;
  std::optional<Error> sink_error;
  bool discard = false;
  std::string path;
  std::uint64_t size = 0;
  std::vector<TarExtent> extents;  // of the current member; those before `current` are written
  std::size_t current = 0;
  std::uint64_t position = 0;   // in the file
  std::uint64_t remaining = 0;  // data still to come
  std::vector<Finding> findings;
  std::unique_ptr<archive_entry, FreeEntry> entry;
  std::unique_ptr<archive, FreeArchive> writer;  // last, so that it goes first: its destructor may call on_write
};

la_ssize_t TarWriter::Impl::on_write(archive* writer, void* self, const void* bytes, std::size_t size) noexcept {
  Impl& impl = *static_cast<Impl*>(self);
  if (impl.discard) return static_cast<la_ssize_t>(size);
  try {
    if (Result<> written = impl.sink.write({static_cast<const std::byte*>(bytes), size}); written)
      return static_cast<la_ssize_t>(size);
    else
      impl.sink_error = std::move(written).error();
  } catch (const std::exception& thrown) {
    impl.sink_error = Error(Errc::failed, thrown.what());
  }
  impl.discard = true;
  archive_set_error(writer, EIO, "the sink failed");
  return -1;
}

std::unexpected<Error> TarWriter::Impl::error(std::string_view doing) {
  if (sink_error) return std::unexpected(*sink_error);
  const char* why = archive_error_string(writer.get());
  return fail(Errc::failed,
              std::string(doing) + " " + escape_for_display(path) + ": " + (why != nullptr ? why : "unknown"));
}

void TarWriter::Impl::note(std::string what) {
  findings.push_back({.item = {}, .path = escape_for_display(path), .what = std::move(what)});
}

Result<> TarWriter::Impl::open() {
  if (sink_error) return std::unexpected(*sink_error);
  if (writer) return {};
  entry.reset(archive_entry_new());
  std::unique_ptr<archive, FreeArchive> made(archive_write_new());
  if (!entry || !made) return fail(Errc::failed, "write tar: out of memory");
  archive* raw = made.get();
  writer = std::move(made);
  // The last block is not filled up: the two end-of-archive blocks are all that follows the last member.
  if (archive_write_set_format_pax(raw) != ARCHIVE_OK ||
      archive_write_set_options(raw, "pax:hdrcharset=BINARY,pax:xattrheader=SCHILY") != ARCHIVE_OK ||
      archive_write_add_filter_none(raw) != ARCHIVE_OK ||
      archive_write_set_bytes_per_block(raw, kBlock) != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(raw, 1) != ARCHIVE_OK ||
      archive_write_open(raw, this, nullptr, &on_write, nullptr) != ARCHIVE_OK)
    return error("set up tar");
  return {};
}

void TarWriter::Impl::put_xattrs(const TarEntry& from) {
  std::size_t total = 0;
  for (const auto& [name, value] : from.xattrs) {
    if (is_acl(name)) {
      // Symbolic links have none, and of a hard link it stands with the first name.
      if (Result<> put = put_acl(entry.get(), name, value); !put)
        note("its ACL is not stored: " + put.error().message());
      continue;
    }
    total += 3 * name.size() + value.size() + 32;  // a name may be escaped
    if (total > kLargestXattrs) {
      note("extended attribute " + escape_for_display(name) +
           " is not stored: together they are too large for a tar archive");
      total -= 3 * name.size() + value.size() + 32;
      continue;
    }
    archive_entry_xattr_add_entry(entry.get(), name.c_str(), value.data(), value.size());
  }
}

Result<> TarWriter::Impl::put(const TarEntry& from) {
  archive_entry* to = archive_entry_clear(entry.get());
  archive_entry_copy_pathname(to, from.path.c_str());
  archive_entry_set_mode(to, static_cast<mode_t>(type_bits(from.type) | (from.mode & 07777U)));
  archive_entry_set_uid(to, from.uid);
  archive_entry_set_gid(to, from.gid);
  put_mtime(to, from.mtime_ns);
  archive_entry_set_size(to, static_cast<la_int64_t>(size));
  if (from.type == TarType::symlink) archive_entry_copy_symlink(to, from.link_target.c_str());
  if (from.type == TarType::hardlink) archive_entry_copy_hardlink(to, from.link_target.c_str());
  if (from.type == TarType::character_device || from.type == TarType::block_device) {
    archive_entry_set_rdevmajor(to, from.device_major);
    archive_entry_set_rdevminor(to, from.device_minor);
  }
  put_xattrs(from);
  if (from.sparse) {
    for (const TarExtent& extent : extents)
      archive_entry_sparse_add_entry(to, static_cast<la_int64_t>(extent.offset),
                                     static_cast<la_int64_t>(extent.length));
    // All hole: an empty extent at the end says so, as GNU tar writes it.
    if (extents.empty() && size > 0) archive_entry_sparse_add_entry(to, static_cast<la_int64_t>(size), 0);
  }
  const int rc = archive_write_header(writer.get(), to);
  if (rc == ARCHIVE_WARN) {
    const char* why = archive_error_string(writer.get());
    note(why != nullptr ? why : "a warning of libarchive without a text");
  } else if (rc != ARCHIVE_OK) {
    return error("write the tar header of");
  }
  return {};
}

Result<> TarWriter::Impl::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written = archive_write_data(writer.get(), bytes.data(), bytes.size());
    if (written <= 0) return error("write to tar the data of");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// libarchive wants to be handed a hole as data that it drops.
Result<> TarWriter::Impl::skip_hole(std::uint64_t until) {
  while (position < until) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(until - position, zeros.size()));
    TRY(write(std::span(zeros).first(step)));
    position += step;
  }
  return {};
}

// At once after the last data: it also makes libarchive write the map of a file that is all hole.
Result<> TarWriter::Impl::skip_last_hole() { return remaining == 0 ? skip_hole(size) : Result<>{}; }

TarWriter::TarWriter(ByteSink& sink) : impl_(std::make_unique<Impl>(sink)) {}
TarWriter::~TarWriter() = default;

Result<> TarWriter::begin(const TarEntry& entry) {
  TRY(impl_->open());
  const auto bytes_ok = [](const std::string& text) { return text.find('\0') == std::string::npos; };
  if (impl_->remaining > 0)
    return fail(Errc::bug,
                "write tar: " + std::to_string(impl_->remaining) + " bytes of the member before are missing");
  if (entry.path.empty() || !bytes_ok(entry.path) || !bytes_ok(entry.link_target))
    return fail(Errc::bug, "write tar: a path that can't be one");
  if (entry.size > static_cast<std::uint64_t>(INT64_MAX)) return fail(Errc::bug, "write tar: a size that can't be one");
  TRY_ASSIGN(extents, normalize(entry));
  impl_->path = entry.path;
  impl_->size = entry.type == TarType::file ? entry.size : 0;
  impl_->extents = std::move(extents);
  impl_->current = 0;
  impl_->position = 0;
  TRY(impl_->put(entry));
  for (const TarExtent& extent : impl_->extents) impl_->remaining += extent.length;
  return impl_->skip_last_hole();
}

Result<> TarWriter::write_data(std::span<const std::byte> bytes) {
  if (bytes.size() > impl_->remaining) return fail(Errc::bug, "write tar: more data than was announced");
  while (!bytes.empty()) {
    const TarExtent& extent = impl_->extents[impl_->current];
    TRY(impl_->skip_hole(extent.offset));
    const std::uint64_t end = extent.offset + extent.length;
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(end - impl_->position, bytes.size()));
    TRY(impl_->write(bytes.first(step)));
    bytes = bytes.subspan(step);
    impl_->position += step;
    impl_->remaining -= step;
    if (impl_->position == end) ++impl_->current;
  }
  return impl_->skip_last_hole();
}

std::uint64_t TarWriter::remaining() const { return impl_->remaining; }

Result<std::uint64_t> TarWriter::pad_to_end() {
  const std::uint64_t missing = impl_->remaining;
  while (impl_->remaining > 0)
    TRY(write_data(
        std::span(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(impl_->remaining, zeros.size())))));
  return missing;
}

Result<> TarWriter::finish() {
  TRY(impl_->open());
  if (impl_->remaining > 0)
    return fail(Errc::bug, "write tar: " + std::to_string(impl_->remaining) + " bytes of the last member are missing");
  const bool closed = archive_write_close(impl_->writer.get()) == ARCHIVE_OK && !impl_->sink_error;
  if (!closed) return impl_->error("end tar after");
  archive_write_free(impl_->writer.release());  // FreeArchive is for what is not closed
  return impl_->sink.finish();
}

std::vector<Finding> TarWriter::take_findings() { return std::exchange(impl_->findings, {}); }

}  // namespace davit::stream
