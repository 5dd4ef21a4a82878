#include "stream/pax_header.hpp"

#include <array>
#include <cstring>
#include <format>

#include "stream/acl.hpp"
#include "util/text.hpp"

namespace davit::stream {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::uint64_t kLargestOwner = 07777777;
constexpr std::uint64_t kLargestNumber = 077777777777;  // of size and mtime
constexpr std::size_t kLongestName = 100;
// Readers refuse an extended header above 1 MiB (libarchive does); what else is in it is at most a few paths.
constexpr std::size_t kLargestXattrs = 960 << 10;

struct Ustar {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> link;
  std::array<char, 8> magic;  // with the version
  std::array<char, 64> names_of_owner;
  std::array<char, 8> device_major;
  std::array<char, 8> device_minor;
  std::array<char, 167> prefix;  // with the padding
};
static_assert(sizeof(Ustar) == kTarBlock);

char letter_of(TarType type) {
  switch (type) {
    case TarType::file:
      return '0';
    case TarType::hardlink:
      return '1';
    case TarType::symlink:
      return '2';
    case TarType::character_device:
      return '3';
    case TarType::block_device:
      return '4';
    case TarType::directory:
      return '5';
    case TarType::fifo:
      return '6';
  }
  return '0';
}

template <std::size_t N>
void put_text(std::array<char, N>& field, std::string_view text) {
  text.copy(field.data(), N);
}

// Octal, or where that has no room the binary form that GNU tar invented and all readers of note know.
template <std::size_t N>
void put_number(std::array<char, N>& field, std::uint64_t value) {
  std::uint64_t rest = value;
  for (std::size_t at = N - 1; at-- > 0; rest >>= 3) field[at] = static_cast<char>('0' + (rest & 7));
  if (rest == 0) return;
  for (std::size_t at = N; at-- > 0; value >>= 8) field[at] = static_cast<char>(value & 0xff);
  field[0] = static_cast<char>(0x80);
}

void append_block(std::string& bytes, Ustar& block) {
  put_text(block.magic, std::string_view("ustar\00000", 8));
  block.checksum.fill(' ');
  std::array<unsigned char, kTarBlock> raw;
  std::memcpy(raw.data(), &block, kTarBlock);
  unsigned sum = 0;
  for (const unsigned char byte : raw) sum += byte;
  put_text(block.checksum, std::format("{:06o}", sum));
  block.checksum[6] = '\0';
  bytes.append(reinterpret_cast<const char*>(&block), kTarBlock);
}

void pad(std::string& bytes) { bytes.resize((bytes.size() + kTarBlock - 1) / kTarBlock * kTarBlock); }

// "30 mtime=1321711775.972059463\n": the length counts its own digits.
void append_record(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t digits = 1;
  while (std::to_string(rest + digits).size() != digits) ++digits;
  records += std::to_string(rest + digits);
  records += ' ';
  records += key;
  records += '=';
  records += value;
  records += '\n';
}

std::string render_time(std::int64_t ns) {
  const std::int64_t fraction = ns < 0 ? -(ns % kNanoseconds) : ns % kNanoseconds;
  std::string text = std::format("{}{}", ns < 0 ? "-" : "", ns < 0 ? -(ns / kNanoseconds) : ns / kNanoseconds);
  if (fraction == 0) return text;
  text += std::format(".{:09}", fraction);
  while (text.ends_with('0')) text.pop_back();
  return text;
}

// A key ends at the first '='. GNU tar escapes it so, and undoes it.
std::string escape_key(std::string_view name) {
  std::string key;
  for (const char c : name) {
    if (c == '%' || c == '=')
      key += c == '%' ? "%25" : "%3D";
    else
      key += c;
  }
  return key;
}

void append_xattrs(std::string& records, const TarEntry& entry, std::vector<std::string>& omitted) {
  std::size_t total = 0;
  for (const auto& [name, value] : entry.xattrs) {
    if (name == kAclAccess || name == kAclDefault) {
      if (const Result<Acl> acl = parse_acl(value))
        append_record(records, name == kAclAccess ? "SCHILY.acl.access" : "SCHILY.acl.default", render_acl_text(*acl));
      else
        omitted.push_back("its ACL is not stored: " + acl.error().message());
      continue;
    }
    const std::string key = "SCHILY.xattr." + escape_key(name);
    if (total + key.size() + value.size() > kLargestXattrs) {
      omitted.push_back("extended attribute " + escape_for_display(name) +
                        " is not stored: together they are too large for a tar archive");
      continue;
    }
    total += key.size() + value.size();
    append_record(records, key, value);
  }
}

std::string render_map(const TarEntry& entry, const std::vector<TarExtent>& extents) {
  // A hole at the end is an empty extent, which tells a reader how long the file is.
  const bool hole_at_end = extents.empty() || extents.back().offset + extents.back().length < entry.size;
  std::string map = std::format("{}\n", extents.size() + (hole_at_end ? 1 : 0));
  for (const TarExtent& extent : extents) map += std::format("{}\n{}\n", extent.offset, extent.length);
  if (hole_at_end) map += std::format("{}\n0\n", entry.size);
  pad(map);
  return map;
}

std::string_view last_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

PaxHeader render_pax_header(const TarEntry& entry, const std::vector<TarExtent>& extents) {
  PaxHeader header;
  std::string path = entry.path;
  if (entry.type == TarType::directory && !path.ends_with('/')) path += '/';
  const bool has_target = entry.type == TarType::symlink || entry.type == TarType::hardlink;
  const bool is_device = entry.type == TarType::character_device || entry.type == TarType::block_device;
  std::uint64_t size = entry.type == TarType::file ? entry.size : 0;
  const bool sparse = size > 0 && entry.sparse;
  std::string map;

  std::string records;
  if (sparse) {
    map = render_map(entry, extents);
    append_record(records, "GNU.sparse.major", "1");
    append_record(records, "GNU.sparse.minor", "0");
    append_record(records, "GNU.sparse.name", path);
    append_record(records, "GNU.sparse.realsize", std::to_string(size));
    path = "GNUSparseFile.0/" + std::string(last_name(path)).substr(0, kLongestName - 16);
    size = map.size();
    for (const TarExtent& extent : extents) size += extent.length;
  }
  // Names are bytes, here as in the headers of GNU tar: no record speaks of a character set, because GNU tar would warn
  // about that record, and any other reader takes the bytes as they are in the end.
  if (path.size() > kLongestName) append_record(records, "path", path);
  if (has_target && entry.link_target.size() > kLongestName) append_record(records, "linkpath", entry.link_target);
  if (entry.uid > kLargestOwner) append_record(records, "uid", std::to_string(entry.uid));
  if (entry.gid > kLargestOwner) append_record(records, "gid", std::to_string(entry.gid));
  if (size > kLargestNumber) append_record(records, "size", std::to_string(size));
  const std::int64_t seconds = entry.mtime_ns / kNanoseconds;
  const bool plain_time = entry.mtime_ns >= 0 && entry.mtime_ns % kNanoseconds == 0 &&
                          static_cast<std::uint64_t>(seconds) <= kLargestNumber;
  if (!plain_time) append_record(records, "mtime", render_time(entry.mtime_ns));
  append_xattrs(records, entry, header.omitted);

  const std::uint64_t whole_seconds = entry.mtime_ns < 0 ? 0 : static_cast<std::uint64_t>(seconds);
  if (!records.empty()) {
    Ustar extended{};
    put_text(extended.name, "PaxHeaders/" + std::string(last_name(path)).substr(0, kLongestName - 11));
    put_number(extended.mode, 0644);
    put_number(extended.uid, 0);
    put_number(extended.gid, 0);
    put_number(extended.size, records.size());
    put_number(extended.mtime, whole_seconds);
    extended.type = 'x';
    append_block(header.bytes, extended);
    header.bytes += records;
    pad(header.bytes);
  }
  Ustar main{};
  put_text(main.name, path);
  put_number(main.mode, entry.mode & 07777);
  put_number(main.uid, entry.uid);
  put_number(main.gid, entry.gid);
  put_number(main.size, size);
  put_number(main.mtime, whole_seconds);
  main.type = letter_of(entry.type);
  if (has_target) put_text(main.link, entry.link_target);
  put_number(main.device_major, is_device ? entry.device_major : 0);
  put_number(main.device_minor, is_device ? entry.device_minor : 0);
  append_block(header.bytes, main);
  header.bytes += map;
  return header;
}

}  // namespace davit::stream
