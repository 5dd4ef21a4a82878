#include "sources/path_need.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kBefore = "path ";
constexpr std::string_view kBehind = " of the host (";

}  // namespace

std::string path_need(const std::string& path, const std::string& why) {
  return std::string(kBefore) + path + std::string(kBehind) + why + ")";
}

std::optional<std::string> needed_path(std::string_view line) {
  if (!line.starts_with(kBefore)) return {};
  line.remove_prefix(kBefore.size());
  const std::size_t end = line.rfind(kBehind);
  if (end == std::string_view::npos || !line.starts_with('/')) return {};
  return std::string(line.substr(0, end));
}

}  // namespace davit::sources
