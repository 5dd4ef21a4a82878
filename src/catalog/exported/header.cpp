#include "catalog/exported/header.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace davit::catalog::exported {
namespace {

// Where the fields of a ustar header are.
constexpr std::size_t kName = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSize = 12;
constexpr std::size_t kTypeAt = 156;
constexpr std::size_t kMagicAt = 257;
constexpr std::string_view kMagic = "ustar";

std::string_view until_zero(std::string_view field) {
  return field.substr(0, std::min(field.find('\0'), field.size()));
}

// Octal, or binary where the highest bit is set. What is neither counts as 0: it is no header of ours then.
std::uint64_t parse_size(std::string_view field) {
  std::uint64_t value = 0;
  if ((static_cast<unsigned char>(field.front()) & 0x80U) != 0) {
    for (const char c : field.substr(field.size() - sizeof value)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }
  const std::string_view digits = until_zero(field);
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return value;
}

std::string what_is(char type) {
  switch (type) {
    case '1':
      return "a hard link";
    case '2':
      return "a symbolic link";
    case '3':
    case '4':
      return "a device";
    case '5':
      return "a directory";
    case '6':
      return "a fifo";
    case 'g':
      return "a header for all that follows (pax)";
    case 'K':
    case 'L':
      return "a long name as GNU tar has it";
    case 'S':
      return "a sparse file as GNU tar has it";
    case 'M':
      return "the rest of a file of another volume";
    case 'V':
      return "the name of a volume";
    default:
      return "a member of an unknown type";
  }
}

}  // namespace

Block parse_block(std::string_view bytes) {
  Block block;
  if (std::ranges::all_of(bytes, [](char c) { return c == '\0'; })) {
    block.kind = Block::Kind::end;
    block.what = "the end of the archive";
    return block;
  }
  if (bytes.substr(kMagicAt, kMagic.size()) != kMagic) {
    block.what = "no header of a tar";
    return block;
  }
  block.name = until_zero(bytes.substr(0, kName));
  block.bytes = parse_size(bytes.substr(kSizeAt, kSize));
  const char type = bytes[kTypeAt];
  if (type == '0' || type == '\0')
    block.kind = Block::Kind::file;
  else if (type == 'x')
    block.kind = Block::Kind::extended;
  block.what = block.kind == Block::Kind::other ? what_is(type) : "a file";
  return block;
}

// "30 path=shop/…\n": the length counts itself.
Records parse_records(std::string_view text) {
  Records records;
  while (!text.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length <= digits + 1 || length > text.size()) break;
    const std::string_view record = text.substr(digits + 1, length - digits - 2);
    text.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) break;
    const std::string_view value = record.substr(equals + 1);
    if (record.starts_with("path=")) records.path = value;
    if (record.starts_with("size=")) {
      std::uint64_t bytes = 0;
      std::from_chars(value.data(), value.data() + value.size(), bytes);
      records.bytes = bytes;
    }
  }
  return records;
}

Result<> check_plain(std::string_view beginning) {
  struct Packed {
    std::string_view magic;
    std::string_view name;
    std::string_view opener;
  };
  using std::string_view_literals::operator""sv;
  static constexpr std::array kPacked{
      Packed{"\x28\xb5\x2f\xfd"sv, "zstd", "zstd -d"},
      Packed{"\x1f\x8b"sv, "gzip", "gzip -d"},
      Packed{"\xfd"
             "7zXZ\0"sv,
             "xz", "xz -d"},
      Packed{"BZh"sv, "bzip2", "bzip2 -d"},
      Packed{"age-encryption.org/"sv, "age", "age -d"},
  };
  for (const Packed& packed : kPacked)
    if (beginning.starts_with(packed.magic))
      return fail(Errc::usage, "it is packed by " + std::string(packed.name) + ", and davit reads the plain tar",
                  "unpack it first (" + std::string(packed.opener) + "): its contents are compressed already");
  return {};
}

}  // namespace davit::catalog::exported
