#pragma once
// Where a directory server keeps its things in its container, as an item of a backup says.

#include <string>
#include <vector>

#include "model/item.hpp"
#include "util/error.hpp"

namespace davit::sources {

struct LdapLayout {
  struct Database {
    int number = 0;
    std::string directory;
    bool operator==(const Database&) const = default;
  };
  std::string user;    // "911:911"
  std::string config;  // directory of the configuration
  std::vector<Database> databases;

  // The directories, that of the configuration first.
  [[nodiscard]] std::vector<std::string> directories() const;
};
// Errc::corrupt if the manifest lacks what a restore must know.
[[nodiscard]] Result<LdapLayout> layout_of(const model::Item& item);

// The number of the database that an artefact holds; 0: the configuration.
[[nodiscard]] Result<int> ldap_number(const model::Artefact& artefact);

}  // namespace davit::sources
