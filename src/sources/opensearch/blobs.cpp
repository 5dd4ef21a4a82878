#include "sources/opensearch/blobs.hpp"

#include <algorithm>

namespace davit::sources {
namespace {

constexpr std::size_t kUuidLength = 22;  // base64 of 16 bytes, as in addresses

bool is_uuid_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

BlobNames parse_blob_names(std::string_view lists) {
  BlobNames names;
  std::set<std::string> inlined;
  for (std::size_t at = lists.find("__"); at != std::string_view::npos; at = lists.find("__", at + 1)) {
    const std::string_view uuid = lists.substr(at + 2, kUuidLength);
    if (uuid.size() < kUuidLength || !std::ranges::all_of(uuid, is_uuid_digit)) continue;
    const std::string name(lists.substr(at, 2 + kUuidLength));
    if (at > 0 && lists[at - 1] == 'v')
      inlined.insert(name);
    else
      names.files.insert(name);
    at += 1 + kUuidLength;
  }
  names.inlined = inlined.size();
  return names;
}

std::string_view blob_stem(std::string_view file) { return file.substr(0, file.find('.')); }

std::vector<std::string> unneeded_blobs(const BlobNames& names, std::optional<std::uint64_t> expected,
                                        const std::vector<std::string>& present) {
  if (!expected || names.files.size() + names.inlined != *expected) return {};
  std::vector<std::string> unneeded;
  for (const std::string& path : present) {
    const std::string_view file = std::string_view(path).substr(path.rfind('/') + 1);
    if (file.starts_with("__") && !names.files.contains(std::string(blob_stem(file)))) unneeded.push_back(path);
  }
  return unneeded;
}

}  // namespace davit::sources
