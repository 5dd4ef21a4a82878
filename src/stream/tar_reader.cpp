#include "stream/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>

#include "stream/tar_acl.hpp"
#include "util/text.hpp"

namespace davit::stream {
namespace {

constexpr std::size_t kBuffer = 1 << 20;
constexpr std::uint64_t kEndBlocks = 1024;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

// How long `bytes` is without the zeros at its end.
std::size_t length_without_zeros(std::span<const std::byte> bytes) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  std::size_t end = bytes.size();
  while (end >= kZeros.size() && std::memcmp(bytes.data() + end - kZeros.size(), kZeros.data(), kZeros.size()) == 0)
    end -= kZeros.size();
  while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
  return end;
}

// In the names of xattrs we and GNU tar escape '%' and '=', bsdtar more; libarchive leaves them so when it reads.
std::string unescape(std::string_view name) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string plain;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const bool escaped =
        name[at] == '%' && at + 2 < name.size() && digit(name[at + 1]) >= 0 && digit(name[at + 2]) >= 0;
    plain += escaped ? static_cast<char>(digit(name[at + 1]) * 16 + digit(name[at + 2])) : name[at];
    if (escaped) at += 2;
  }
  return plain;
}

// libarchive gives -1.25 s as the pair of -1 s and 250 ms, with one sign for both. Of -0.25 s it loses the sign.
std::int64_t mtime_of(archive_entry* entry) {
  constexpr std::int64_t most = INT64_MAX / kNanoseconds - 1;
  const std::int64_t seconds = std::clamp<std::int64_t>(archive_entry_mtime(entry), -most, most);
  const std::int64_t fraction = archive_entry_mtime_nsec(entry);
  return seconds * kNanoseconds + (seconds < 0 ? -fraction : fraction);
}

Result<TarType> type_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return TarType::hardlink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return TarType::file;
    case AE_IFDIR:
      return TarType::directory;
    case AE_IFLNK:
      return TarType::symlink;
    case AE_IFIFO:
      return TarType::fifo;
    case AE_IFCHR:
      return TarType::character_device;
    case AE_IFBLK:
      return TarType::block_device;
    default:
      return fail(Errc::corrupt, "a member of a type that davit does not know");
  }
}

Result<std::uint32_t> owner_of(la_int64_t number) {
  if (number < 0 || number > UINT32_MAX)
    return fail(Errc::corrupt, "the owner " + std::to_string(number) + " can't be one");
  return static_cast<std::uint32_t>(number);
}

struct FreeArchive {
  void operator()(archive* reader) const noexcept { archive_read_free(reader); }
};

}  // namespace

struct TarReader::Impl {
  explicit Impl(ByteSource& source_) : source(source_) {}

  Result<> open();
  Result<std::size_t> fill();
  Result<> check_end();
  Result<TarEntry> take(archive_entry* from);
  std::unexpected<Error> error();
  void note_warning();
  static la_ssize_t on_read(archive*, void* self, const void** bytes) noexcept;

  ByteSource& source;
  std::optional<Error> source_error;
  std::vector<std::byte> buffer;
  std::uint64_t received = 0;     // bytes of the archive so far
  std::uint64_t nonzero_end = 0;  // how many of them without the zeros at the end
  bool ended = false;
  std::string path;
  std::vector<Finding> findings;
  std::unique_ptr<archive, FreeArchive> reader;
};

Result<std::size_t> TarReader::Impl::fill() {
  TRY_ASSIGN(got, source.read(buffer));
  const std::size_t nonzero = length_without_zeros(std::span(buffer).first(got));
  if (nonzero > 0) nonzero_end = received + nonzero;
  received += got;
  return got;
}

la_ssize_t TarReader::Impl::on_read(archive* reader, void* self, const void** bytes) noexcept {
  Impl& impl = *static_cast<Impl*>(self);
  try {
    if (Result<std::size_t> got = impl.fill(); got) {
      *bytes = impl.buffer.data();
      return static_cast<la_ssize_t>(*got);
    } else {
      impl.source_error = std::move(got).error();
    }
  } catch (const std::exception& thrown) {
    impl.source_error = Error(Errc::failed, thrown.what());
  }
  archive_set_error(reader, EIO, "the source failed");
  return -1;
}

std::unexpected<Error> TarReader::Impl::error() {
  if (source_error) return std::unexpected(*source_error);
  const char* why = archive_error_string(reader.get());
  std::string message = "read tar";
  if (!path.empty()) message += ", in or after " + escape_for_display(path);
  return fail(Errc::corrupt, message + ": " + (why != nullptr ? escape_for_display(why) : "damaged"));
}

void TarReader::Impl::note_warning() {
  const char* why = archive_error_string(reader.get());
  const std::string_view text = why != nullptr ? why : "a warning of libarchive without a text";
  // Names are bytes here: that they are no text of this locale loses nothing.
  if (text.contains("can't be converted from")) return;
  findings.push_back({.item = {}, .path = escape_for_display(path), .what = escape_for_display(text)});
}

Result<> TarReader::Impl::open() {
  if (source_error) return std::unexpected(*source_error);
  if (reader) return {};
  reader.reset(archive_read_new());
  if (!reader) return fail(Errc::failed, "read tar: out of memory");
  buffer.resize(kBuffer);
  if (archive_read_support_format_tar(reader.get()) != ARCHIVE_OK ||
      archive_read_open(reader.get(), this, nullptr, &on_read, nullptr) != ARCHIVE_OK)
    return error();
  return {};
}

// libarchive is content with a source that ends where a header could begin. A whole archive has two blocks of zeros
// there; what follows them can only be padding.
Result<> TarReader::Impl::check_end() {
  for (;;) {
    TRY_ASSIGN(got, fill());
    if (got == 0) break;
  }
  const auto end = static_cast<std::uint64_t>(archive_read_header_position(reader.get()));
  if (received < end + kEndBlocks)
    return fail(Errc::corrupt, "read tar: the archive is cut after " + std::to_string(received) +
                                   " bytes: its end-of-archive blocks are missing");
  if (nonzero_end > end) return fail(Errc::corrupt, "read tar: there are other bytes behind the end of the archive");
  ended = true;
  return {};
}

Result<TarEntry> TarReader::Impl::take(archive_entry* from) {
  TarEntry to;
  const char* name = archive_entry_pathname(from);
  if (name == nullptr || *name == '\0') return fail(Errc::corrupt, "read tar: a member without a path");
  to.path = path = name;
  TRY_ASSIGN(type, in_context(type_of(from), "read tar: " + escape_for_display(path)));
  TRY_ASSIGN(uid, in_context(owner_of(archive_entry_uid(from)), "read tar: " + escape_for_display(path)));
  TRY_ASSIGN(gid, in_context(owner_of(archive_entry_gid(from)), "read tar: " + escape_for_display(path)));
  to.type = type;
  to.uid = uid;
  to.gid = gid;
  to.mode = static_cast<std::uint32_t>(archive_entry_perm(from)) & 07777U;
  to.mtime_ns = mtime_of(from);
  const char* target = type == TarType::hardlink ? archive_entry_hardlink(from) : archive_entry_symlink(from);
  if ((type == TarType::hardlink || type == TarType::symlink) && target != nullptr) to.link_target = target;
  if (type == TarType::character_device || type == TarType::block_device) {
    to.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(from));
    to.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(from));
  }
  const char* xattr = nullptr;
  const void* value = nullptr;
  std::size_t length = 0;
  archive_entry_xattr_reset(from);
  while (archive_entry_xattr_next(from, &xattr, &value, &length) == ARCHIVE_OK)
    to.xattrs.insert_or_assign(unescape(xattr), std::string(static_cast<const char*>(value), length));
  if (Result<> taken = take_acls(from, to); !taken)
    findings.push_back({.item = {}, .path = escape_for_display(path), .what = taken.error().message()});
  if (type != TarType::file) return to;

  if (archive_entry_size(from) < 0)
    return fail(Errc::corrupt, "read tar: " + escape_for_display(path) + ": negative size");
  to.size = static_cast<std::uint64_t>(archive_entry_size(from));
  to.sparse = archive_entry_sparse_reset(from) > 0;
  la_int64_t offset = 0;
  la_int64_t bytes = 0;
  while (to.sparse && archive_entry_sparse_next(from, &offset, &bytes) == ARCHIVE_OK)
    if (bytes > 0) to.data.push_back({static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(bytes)});
  return to;
}

TarReader::TarReader(ByteSource& source) : impl_(std::make_unique<Impl>(source)) {}
TarReader::~TarReader() = default;

Result<std::optional<TarEntry>> TarReader::next() {
  if (impl_->ended) return std::nullopt;
  TRY(impl_->open());
  archive_entry* entry = nullptr;
  const int rc = archive_read_next_header(impl_->reader.get(), &entry);
  if (impl_->source_error) return impl_->error();
  if (rc == ARCHIVE_EOF) {
    TRY(impl_->check_end());
    return std::nullopt;
  }
  if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return impl_->error();
  TRY_ASSIGN(taken, impl_->take(entry));
  if (rc == ARCHIVE_WARN) impl_->note_warning();
  return taken;
}

Result<TarData> TarReader::read_data() {
  if (!impl_->reader || impl_->ended) return fail(Errc::bug, "read tar: there is no current member");
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (;;) {
    const int rc = archive_read_data_block(impl_->reader.get(), &bytes, &size, &offset);
    if (impl_->source_error) return impl_->error();
    if (rc == ARCHIVE_EOF) return TarData{};
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return impl_->error();
    if (rc == ARCHIVE_WARN) impl_->note_warning();
    if (size > 0)
      return TarData{.offset = static_cast<std::uint64_t>(offset),
                     .bytes = {static_cast<const std::byte*>(bytes), size}};
  }
}

std::vector<Finding> TarReader::take_findings() { return std::exchange(impl_->findings, {}); }

}  // namespace davit::stream
