#include "sources/basebackup/contents.hpp"

#include <algorithm>
#include <cstring>

#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameLength = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeLength = 12;
constexpr std::size_t kTypeAt = 156;
constexpr std::size_t kMagicAt = 257;
constexpr std::string_view kTar = ".tar";
constexpr std::string_view kWalPlace = "pg_wal/";

std::string name_in(std::string_view header) {
  const std::string_view field = header.substr(0, kNameLength);
  return std::string(field.substr(0, field.find('\0')));
}

// Octal, or, for large files, big-endian behind a byte of 0x80.
std::uint64_t size_in(std::string_view header) {
  std::uint64_t size = 0;
  const std::string_view field = header.substr(kSizeAt, kSizeLength);
  const bool binary = static_cast<unsigned char>(field.front()) == 0x80U;
  for (const char c : field.substr(binary ? 1 : 0)) {
    if (binary)
      size = (size << 8U) | static_cast<unsigned char>(c);
    else if (c >= '0' && c <= '7')
      size = (size << 3U) | static_cast<std::uint64_t>(c - '0');
  }
  return size;
}

// Everything that is read of a base backup, member by member.
struct Reading {
  FoundFiles found;
  std::optional<BackupManifest> manifest;
};

Result<BackupManifest> read_manifest(stream::ByteSource& data) {
  TRY_ASSIGN(text, stream::read_all(data, kBackupManifestLimit));
  return parse_backup_manifest(text);
}

Result<> read_members(stream::ByteSource& tar, const std::string& place, Reading& reading, RunContext& run) {
  stream::TarReader reader(tar);
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return {};
    if (entry->type != stream::TarType::file) continue;
    const std::string path = place + entry->path;
    MemberSource data(reader);
    if (path == kBackupManifestName) {
      TRY_ASSIGN(manifest, read_manifest(data));
      reading.manifest = std::move(manifest);
      continue;
    }
    stream::DigestSource digest(data);
    std::vector<std::byte> buffer(256U << 10U);
    for (std::size_t count = 1; count > 0;) {
      TRY_ASSIGN(got, digest.read(buffer));
      count = got;
    }
    reading.found.files[path] = {digest.extent().bytes, digest.extent().sha256};
    if (const std::string_view name = path; name.starts_with(kWalPlace) && !name.substr(kWalPlace.size()).contains('/'))
      if (name.size() == kWalPlace.size() + 24)
        reading.found.segments[path.substr(kWalPlace.size())] = digest.extent().bytes;
  }
}

Result<> read_directory(stream::ByteSource& tar, Reading& reading, RunContext& run) {
  stream::TarReader reader(tar);
  while (true) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return {};
    MemberSource data(reader);
    if (entry->path == kBackupManifestName) {
      TRY_ASSIGN(manifest, read_manifest(data));
      reading.manifest = std::move(manifest);
      continue;
    }
    TRY_ASSIGN(place, place_of_member(entry->path));
    TRY(in_context(read_members(data, place, reading, run), escape_for_display(entry->path)));
  }
}

}  // namespace

std::string_view name_of(BaseForm form) { return form == BaseForm::plain ? "plain" : "directory"; }

Result<BaseForm> parse_base_form(std::string_view text) {
  for (const BaseForm form : {BaseForm::plain, BaseForm::directory})
    if (name_of(form) == text) return form;
  return fail(Errc::corrupt, "form \"" + escape_for_display(text) + "\" of a base backup is unknown");
}

std::optional<BaseForm> base_form_of(std::string_view head) {
  if (head.size() < kBlock || !head.substr(kMagicAt).starts_with("ustar")) return {};
  const std::string first = name_in(head);
  if (first == "backup_label") return BaseForm::plain;
  if (first == kBackupManifestName) return BaseForm::directory;
  return {};
}

Result<std::size_t> MemberSource::read(std::span<std::byte> into) {
  while (rest_.empty() && !ended_) {
    TRY_ASSIGN(data, reader_.read_data());
    rest_ = data.bytes;
    ended_ = data.bytes.empty();
  }
  const std::size_t count = std::min(rest_.size(), into.size());
  if (count > 0) std::memcpy(into.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

Result<std::string> place_of_member(std::string_view name) {
  if (name == "base.tar") return std::string();
  if (name == "pg_wal.tar") return std::string(kWalPlace);
  if (name.ends_with(kTar)) {
    const std::string_view oid = name.substr(0, name.size() - kTar.size());
    if (!oid.empty() && oid.find_first_not_of("0123456789") == std::string_view::npos)
      return "pg_tblspc/" + std::string(oid) + "/";
  }
  return fail(Errc::corrupt, "\"" + escape_for_display(name) + "\" is no part of a base backup");
}

Result<> check_base_backup(stream::ByteSource& plain, BaseForm form, RunContext& run) {
  Reading reading;
  TRY(form == BaseForm::plain ? read_members(plain, "", reading, run) : read_directory(plain, reading, run));
  if (!reading.manifest)
    return fail(Errc::corrupt, "the base backup has no backup_manifest: it was broken off when it was made");
  return compare(*reading.manifest, reading.found);
}

void MemberScan::take_header() {
  if (std::ranges::all_of(header_, [](char c) { return c == '\0'; })) {
    ++end_blocks_;
    header_.clear();
    return;
  }
  if (end_blocks_ > 0 || !std::string_view(header_).substr(kMagicAt).starts_with("ustar")) broken_ = true;
  // What only describes the next member is none itself.
  if (!std::string_view("xgLK").contains(header_[kTypeAt])) ++members_;
  const std::uint64_t size = size_in(header_);
  to_skip_ = (size + kBlock - 1) / kBlock * kBlock;
  manifest_ = manifest_ || (name_in(header_) == kBackupManifestName && size > 0);
  header_.clear();
}

Result<> MemberScan::write(std::span<const std::byte> bytes) {
  TRY(next_.write(bytes));
  while (!bytes.empty()) {
    std::size_t count = 0;
    if (to_skip_ > 0) {
      count = static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, bytes.size()));
      to_skip_ -= count;
    } else {
      count = std::min(kBlock - header_.size(), bytes.size());
      header_.append(reinterpret_cast<const char*>(bytes.data()), count);
      if (header_.size() == kBlock) take_header();
    }
    bytes = bytes.subspan(count);
  }
  return {};
}

Result<> MemberScan::check() const {
  if (broken_ || to_skip_ > 0 || end_blocks_ < 2)
    return fail(Errc::failed, "pg_basebackup has written a tar without an end");
  if (manifest_) return {};
  return fail(Errc::failed,
              std::string("pg_basebackup has written no backup_manifest") +
                  (form_ == BaseForm::plain ? "" : ", without which what it has written counts for nothing"));
}

}  // namespace davit::sources
