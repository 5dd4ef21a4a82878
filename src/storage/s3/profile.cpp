#include "storage/s3/profile.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "[profile shop]" as "shop". What else a config file has sections for ("sso-session x") is nobody's profile: empty.
std::string section_name(std::string_view header, SharedFile kind) {
  const std::string_view inside = trim(header.substr(1, header.find(']') - 1));
  if (kind == SharedFile::credentials || inside == "default") return std::string(inside);
  constexpr std::string_view kProfile = "profile";
  if (!inside.starts_with(kProfile) || inside.size() == kProfile.size()) return {};
  const std::string_view rest = inside.substr(kProfile.size());
  return trim(rest).size() < rest.size() ? std::string(trim(rest)) : std::string();
}

}  // namespace

Result<std::optional<Profile>> find_profile(std::string_view text, SharedFile kind, std::string_view name,
                                            std::string_view file) {
  std::optional<Profile> found;
  bool inside = false;
  std::string outer;  // the name that indented lines belong to
  std::size_t number = 0;
  const auto refuse = [&](std::string_view why) {  // without the line itself, which may hold a secret
    return fail(Errc::usage, "read " + std::string(file) + ": line " + std::to_string(number) + " " + std::string(why));
  };
  for (const std::string& whole : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (!line.contains(']')) return refuse("begins a section and has no closing bracket");
      inside = section_name(line, kind) == name;
      if (inside && !found) found.emplace();
      outer.clear();
      continue;
    }
    if (!inside) continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return refuse("has no '='");
    const std::string key = lowered(trim(line.substr(0, equals)));
    std::string_view value = trim(line.substr(equals + 1));
    // A comment behind a value needs a space before it: keys may hold '#'.
    if (const std::size_t comment = std::min(value.find(" #"), value.find(" ;")); comment != std::string_view::npos)
      value = trim(value.substr(0, comment));
    const bool nested = (whole.front() == ' ' || whole.front() == '\t') && !outer.empty();
    if (!nested) outer = value.empty() ? key : "";
    (*found)[nested ? outer + "." + key : key] = value;
  }
  return found;
}

}  // namespace davit::storage::s3
