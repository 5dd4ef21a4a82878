#pragma once
// Bringing back a directory: the configuration and every database are loaded from LDIF beside the old files, by the
// server's own slapadd, in a one-off container with the service's mounts; then the files change places.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/ldap/entry.hpp"
#include "sources/ldap/site.hpp"
#include "sources/postgres/made_mounts.hpp"
#include "sources/source.hpp"

namespace davit::sources {

class LdapRestoration : public Restoration {
 public:
  // Errc::failed if the image's slapd is of another version; nothing was touched then.
  [[nodiscard]] static Result<std::unique_ptr<Restoration>> begin(helper::Host& host, const model::Item& item,
                                                                  const Target& target, RunContext& run);

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override;
  Result<> commit(RunContext& run) override;
  // Its way back is davit's to go, or its guard's: there is no helper that would go it.
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext& run) override;
  Result<> rollback(RunContext& run) override;
  void leave() override;

 private:
  LdapRestoration(helper::Host& host, const model::Item& item, const Target& target,
                  const engine::ContainerInfo& container, LdapLayout layout)
      : host_(host),
        item_(item),
        target_(target),
        container_(container),
        layout_(std::move(layout)),
        mounts_(host, target.journal) {}
  Result<> prepare(RunContext& run);

  helper::Host& host_;
  const model::Item item_;
  const Target target_;
  const engine::ContainerInfo container_;
  LdapLayout layout_;
  MadeMounts mounts_;
  LdapEntry entry_;
  std::optional<LdapSite> site_;
};

}  // namespace davit::sources
