#include "sources/host_path.hpp"

#include "stream/digest.hpp"
#include "util/text.hpp"

namespace davit::sources {

std::string normal_path(std::string_view path, std::string_view base) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view text) {
    for (std::string& part : split(text, '/')) {
      if (part.empty() || part == ".") continue;
      if (part != "..")
        parts.push_back(std::move(part));
      else if (!parts.empty())
        parts.pop_back();
    }
  };
  if (!path.starts_with('/')) add(base);
  add(path);
  std::string normal;
  for (const std::string& part : parts) normal += "/" + part;
  return normal.empty() ? "/" : normal;
}

std::optional<std::string> path_below(std::string_view path, std::string_view directory) {
  if (path == directory) return ".";
  if (directory == "/") return std::string(path.substr(1));
  if (!path.starts_with(directory) || path[directory.size()] != '/') return {};
  return std::string(path.substr(directory.size() + 1));
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

std::string last_part(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::string artefact_name(std::string_view name) {
  constexpr std::size_t kLongest = 200;  // of the 255 of a file name: room for suffixes
  std::string encoded = encode_file_name(name);
  if (encoded.size() <= kLongest) return encoded;
  const auto extent = stream::extent_of(std::as_bytes(std::span(name)));
  return encoded.substr(0, kLongest - 17) + "-" + (extent ? extent->sha256.substr(0, 16) : random_hex(8));
}

}  // namespace davit::sources
