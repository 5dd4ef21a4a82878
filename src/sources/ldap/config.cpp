#include "sources/ldap/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "sources/ldap/ldif.hpp"

namespace davit::sources {
namespace {

// Backends with files of their own. Others lead to other servers, or answer out of nothing.
constexpr std::array<std::string_view, 5> kWithFiles{"mdb", "hdb", "bdb", "ldif", "wt"};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

struct DatabaseName {
  int number = 0;
  std::string type;
};

// "{1}mdb" of the dn "olcDatabase={1}mdb,cn=config". What lies below it (an overlay) is no database.
std::optional<DatabaseName> database_named(std::string_view dn) {
  constexpr std::string_view kBegin = "olcdatabase={";
  constexpr std::string_view kEnd = ",cn=config";
  const std::string text = lower(dn);
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd)) return std::nullopt;
  const std::string_view inside =
      std::string_view(text).substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size());
  DatabaseName name;
  const auto [end, error] = std::from_chars(inside.data(), inside.data() + inside.size(), name.number);
  const std::string_view rest = inside.substr(static_cast<std::size_t>(end - inside.data()));
  if (error != std::errc() || !rest.starts_with('}') || rest.contains(',')) return std::nullopt;
  name.type = rest.substr(1);
  return name;
}

}  // namespace

Result<std::vector<LdapDatabase>> databases_of(std::string_view config) {
  std::vector<LdapDatabase> found;
  LdapDatabase* current = nullptr;
  bool is_config = false;
  LdifScanner scanner([&](const LdifLine& line) {
    if (line.begins_entry) {
      current = nullptr;
      is_config = is_config || lower(line.value) == "cn=config";
      const auto name = database_named(line.value);
      if (!name || !std::ranges::contains(kWithFiles, name->type)) return;
      current = &found.emplace_back();
      current->number = name->number;
      current->type = name->type;
      return;
    }
    if (current == nullptr) return;
    const std::string attribute = lower(line.attribute);
    if (attribute == "olcdbdirectory") current->directory = line.value;
    if (attribute == "olcsuffix" && current->suffix.empty()) current->suffix = line.value;
  });
  TRY(scanner.feed(std::as_bytes(std::span(config))));
  TRY(scanner.finish());
  if (!is_config) return fail(Errc::corrupt, "it is no configuration of slapd: it has no entry cn=config");
  std::ranges::sort(found, {}, &LdapDatabase::number);
  return found;
}

Result<std::string> with_directories(std::string_view config, const std::map<int, std::string>& moved) {
  std::string text;
  std::optional<DatabaseName> current;
  LdifScanner scanner([&](const LdifLine& line) {
    if (line.begins_entry) {
      if (!text.empty()) text += '\n';
      current = database_named(line.value);
    }
    const auto to = current ? moved.find(current->number) : moved.end();
    const bool is_directory = to != moved.end() && lower(line.attribute) == "olcdbdirectory";
    text += render_ldif_line(line.attribute, is_directory ? std::string_view(to->second) : line.value);
  });
  TRY(scanner.feed(std::as_bytes(std::span(config))));
  TRY(scanner.finish());
  return text + "\n";
}

}  // namespace davit::sources
