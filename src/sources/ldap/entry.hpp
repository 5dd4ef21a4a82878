#pragma once
// The replacement of a directory's files in the journal of its run (docs/guard.md, the kind `ldap`): what a container
// must be made from that reaches them, and where in it they are.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/ldap/area.hpp"

namespace davit::sources {

struct LdapEntry {
  std::string run;
  std::string service;
  std::string record;                     // without_injected_files(): of the container; may hold secrets
  std::vector<std::string> repo_digests;  // of its image
  std::string user;                       // slapd's
  std::vector<LdapArea> areas;            // `run` is the entry's

  [[nodiscard]] std::string key() const { return "ldap " + service; }
};

[[nodiscard]] nlohmann::json to_json(const LdapEntry& entry);
// Errc::corrupt for anything that to_json() does not write.
[[nodiscard]] Result<LdapEntry> ldap_entry_from(const nlohmann::json& json);

// Puts right what a dead run has left: the old files are in place, or, where it was decided, they go. May run again.
// Lines for the user.
[[nodiscard]] Result<std::vector<std::string>> settle_ldap(helper::Host& host, const nlohmann::json& entry,
                                                           bool decided, RunContext& run);

}  // namespace davit::sources
