#include "sources/ldap/load.hpp"

#include "sources/ldap/config.hpp"
#include "stream/encoding.hpp"

namespace davit::sources {

Result<LdapLoaded> load_ldap(LdapSite& site, const model::Artefact& artefact, stream::ByteSource& stored,
                             RunContext& run) {
  TRY_ASSIGN(number, ldap_number(artefact));
  stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
  LdapLoaded loaded;
  if (number == 0) {
    TRY_ASSIGN(text, stream::read_all(plain, kConfigLimit));
    TRY_ASSIGN(done, site.add_config(text, run));
    loaded = done;
  } else {
    TRY_ASSIGN(done, site.add_database(number, plain, run));
    loaded = done;
  }
  if (loaded.entries != artefact.entries)
    return fail(Errc::corrupt, artefact.path + " has " + std::to_string(loaded.entries) +
                                   " entries, and the manifest says " + std::to_string(artefact.entries));
  return loaded;
}

}  // namespace davit::sources
