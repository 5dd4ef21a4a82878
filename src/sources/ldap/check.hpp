#pragma once
// What stands in the way of restoring a directory.

#include <map>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/ldap/layout.hpp"
#include "sources/source.hpp"

namespace davit::sources {

[[nodiscard]] Result<std::vector<Conflict>> check_ldap(helper::Host& host, const model::Item& item,
                                                       const Target& target, RunContext& run);

// Of the server's directories that lie on a mount which is restored along: where that is mounted.
[[nodiscard]] std::map<std::string, std::string, std::less<>> places_restored_along(
    const engine::ContainerInfo& container, const LdapLayout& layout, const Target& target);

// Asked again right before the files change places: whoever has what it lies on mounted, and runs.
[[nodiscard]] Result<> refuse_ldap_users(helper::Host& host, const engine::ContainerInfo& container,
                                         const LdapLayout& layout, const std::string& service, const Target& target,
                                         const RunContext& run);

}  // namespace davit::sources
