#include "helper/place/path_selection.hpp"

#include <climits>

#include "util/text.hpp"

namespace davit::helper {

Result<std::vector<std::string>> split_relative(std::string_view path) {
  const auto refuse = [&](const char* why) {
    return fail(Errc::usage, "path " + escape_for_display(path) + ": " + why);
  };
  if (path.empty()) return fail(Errc::usage, "an empty path");
  if (path.front() == '/') return refuse("is absolute");
  if (path.find('\0') != std::string_view::npos) return refuse("contains a zero byte");
  std::vector<std::string> components;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") return refuse("leads upwards");
    if (name.size() > NAME_MAX) return refuse("has a name of more than 255 bytes");
    components.emplace_back(name);
  }
  return components;
}

std::string join_path(const std::vector<std::string>& components) {
  std::string path;
  for (const std::string& name : components) {
    if (!path.empty()) path += '/';
    path += name;
  }
  return path;
}

Result<PathSelection> PathSelection::of(const std::vector<std::string>& paths) {
  PathSelection root;
  if (paths.empty()) root.whole_ = true;
  for (const std::string& path : paths) {
    TRY_ASSIGN(components, split_relative(path));
    PathSelection* at = &root;
    for (const std::string& name : components) at = &at->below_[name];
    at->whole_ = true;
  }
  return root;
}

PathSelection::Relation PathSelection::relation(const std::vector<std::string>& components) const {
  const PathSelection* at = this;
  for (const std::string& name : components) {
    if (at->whole_) return Relation::inside;
    const auto found = at->below_.find(name);
    if (found == at->below_.end()) return Relation::outside;
    at = &found->second;
  }
  return at->whole_ ? Relation::inside : Relation::leads_to;
}

}  // namespace davit::helper
