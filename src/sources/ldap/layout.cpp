#include "sources/ldap/layout.hpp"

#include <charconv>

#include "util/text.hpp"

namespace davit::sources {

using model::attribute;

std::vector<std::string> LdapLayout::directories() const {
  std::vector<std::string> all{config};
  for (const Database& database : databases) all.push_back(database.directory);
  return all;
}

Result<int> ldap_number(const model::Artefact& artefact) {
  const std::string text = attribute(artefact.attributes, "database");
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0)
    return fail(Errc::corrupt, artefact.path + " doesn't say which database it holds");
  return number;
}

Result<LdapLayout> layout_of(const model::Item& item) {
  LdapLayout layout{
      .user = attribute(item.attributes, "user"), .config = attribute(item.attributes, "config"), .databases = {}};
  const bool is_user = !layout.user.empty() && layout.user.find_first_not_of("0123456789:") == std::string::npos;
  if (!is_user || !layout.config.starts_with('/'))
    return fail(Errc::corrupt,
                "the manifest doesn't say where " + item.id.text() + " has its configuration, and whose it is");
  for (const model::Artefact& artefact : item.artefacts) {
    TRY_ASSIGN(number, ldap_number(artefact));
    if (number == 0) continue;
    std::string directory = attribute(artefact.attributes, "directory");
    if (!directory.starts_with('/'))
      return fail(Errc::corrupt, "the manifest doesn't say where the database of " + artefact.path + " lies");
    layout.databases.push_back({number, std::move(directory)});
  }
  return layout;
}

}  // namespace davit::sources
