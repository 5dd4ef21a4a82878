#pragma once
// What slapd's configuration (cn=config, as LDIF; slapd-config(5)) says of its databases.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

inline constexpr std::size_t kConfigLimit = 256U << 20U;  // bytes of it as LDIF

// One `olcDatabase={N}TYPE,cn=config` that keeps files of its own.
struct LdapDatabase {
  int number = 0;         // N: what slapcat -n takes
  std::string type;       // "mdb"
  std::string suffix;     // the first one, for people
  std::string directory;  // olcDbDirectory, in the container; empty: the program's own choice
};

// Those databases, in the order of their numbers: not the configuration itself, nor those that hold nothing (monitor,
// frontend, a proxy). Errc::corrupt if the text is no LDIF or no configuration.
[[nodiscard]] Result<std::vector<LdapDatabase>> databases_of(std::string_view config);

// The same configuration with other directories for some of its databases, by number.
[[nodiscard]] Result<std::string> with_directories(std::string_view config, const std::map<int, std::string>& moved);

}  // namespace davit::sources
