#pragma once
// One artefact of an `ldap` item, read to its verified end and loaded where its directory is made anew.

#include "model/item.hpp"
#include "sources/ldap/site.hpp"

namespace davit::sources {

// The configuration comes first: the other artefacts are loaded by what it says. Errc::corrupt if the LDIF has another
// number of entries than the manifest says.
[[nodiscard]] Result<LdapLoaded> load_ldap(LdapSite& site, const model::Artefact& artefact, stream::ByteSource& stored,
                                           RunContext& run);

}  // namespace davit::sources
