#include "stream/acl.hpp"

#include <algorithm>
#include <tuple>

namespace davit::stream {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeader = 4;
constexpr std::size_t kEntry = 8;
constexpr std::uint32_t kNoId = 0xffffffff;

std::uint32_t take_number(std::string_view& bytes, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t at = 0; at < size; ++at)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])) << (8 * at);
  bytes.remove_prefix(size);
  return value;
}

void put_number(std::string& bytes, std::uint32_t value, std::size_t size) {
  for (std::size_t at = 0; at < size; ++at) bytes += static_cast<char>((value >> (8 * at)) & 0xff);
}

void sort(Acl& acl) {
  std::ranges::sort(acl, {}, [](const AclEntry& entry) { return std::tuple(entry.tag, entry.id); });
}

std::string_view word_of(AclTag tag) {
  switch (tag) {
    case AclTag::owner:
    case AclTag::user:
      return "user";
    case AclTag::owning_group:
    case AclTag::group:
      return "group";
    case AclTag::mask:
      return "mask";
    case AclTag::other:
      return "other";
  }
  return "other";
}

bool has_id(AclTag tag) { return tag == AclTag::user || tag == AclTag::group; }

}  // namespace

Result<Acl> parse_acl(std::string_view value) {
  if (value.size() < kHeader || (value.size() - kHeader) % kEntry != 0)
    return fail(Errc::corrupt, "an ACL of " + std::to_string(value.size()) + " bytes can't be one");
  if (const std::uint32_t version = take_number(value, 4); version != kVersion)
    return fail(Errc::corrupt, "an ACL of the unknown version " + std::to_string(version));
  Acl acl;
  while (!value.empty()) {
    const std::uint32_t tag = take_number(value, 2);
    const std::uint32_t permissions = take_number(value, 2);
    const std::uint32_t id = take_number(value, 4);
    // One bit, of six.
    if (tag == 0 || tag > 0x20 || (tag & (tag - 1)) != 0)
      return fail(Errc::corrupt, "an ACL with the unknown tag " + std::to_string(tag));
    if (permissions > 7) return fail(Errc::corrupt, "an ACL with unknown permissions " + std::to_string(permissions));
    AclEntry entry{.tag = AclTag{static_cast<std::uint16_t>(tag)},
                   .permissions = static_cast<std::uint16_t>(permissions)};
    if (has_id(entry.tag)) entry.id = id;
    acl.push_back(entry);
  }
  return acl;
}

std::string render_acl(Acl acl) {
  sort(acl);
  std::string value;
  put_number(value, kVersion, 4);
  for (const AclEntry& entry : acl) {
    put_number(value, static_cast<std::uint16_t>(entry.tag), 2);
    put_number(value, entry.permissions, 2);
    put_number(value, has_id(entry.tag) ? entry.id : kNoId, 4);
  }
  return value;
}

std::string render_acl_text(Acl acl) {
  sort(acl);
  std::string text;
  for (const AclEntry& entry : acl) {
    if (!text.empty()) text += ',';
    text += word_of(entry.tag);
    text += ':';
    if (has_id(entry.tag)) text += std::to_string(entry.id);
    text += ':';
    text += (entry.permissions & 4) != 0 ? 'r' : '-';
    text += (entry.permissions & 2) != 0 ? 'w' : '-';
    text += (entry.permissions & 1) != 0 ? 'x' : '-';
  }
  return text;
}

std::optional<std::uint16_t> group_bits(const Acl& acl) {
  for (const AclTag tag : {AclTag::mask, AclTag::owning_group})
    for (const AclEntry& entry : acl)
      if (entry.tag == tag) return entry.permissions;
  return std::nullopt;
}

}  // namespace davit::stream
