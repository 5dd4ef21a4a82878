#include <map>
#include <memory>

#include "sources/basebackup/base_item.hpp"
#include "sources/basebackup/db_directory.hpp"
#include "sources/pgbackrest/set_item.hpp"
#include "sources/postgres/check.hpp"
#include "sources/postgres/dump.hpp"
#include "sources/postgres/plan.hpp"
#include "sources/postgres/restore.hpp"
#include "sources/postgres/verify.hpp"
#include "sources/source.hpp"

namespace davit::sources {
namespace {

class PostgresSource : public Source {
 public:
  PostgresSource(helper::Host& host, PostgresOptions options)
      : host_(host), options_(std::move(options)), verifier_(host.engine()) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes& takes,
                    RunContext& run) override {
    containers_.clear();
    for (const Service& service : stack.services)
      if (const engine::ContainerInfo* container = service.running_container())
        containers_.emplace(service.name, *container);
    return plan_postgres(host_.engine(), stack, encoding, takes, servers_, run);
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    const auto server = servers_.find(item.id.name);
    const auto container = containers_.find(item.id.name);
    if (server == servers_.end() || container == containers_.end())
      return fail(Errc::bug, "dump " + item.id.text() + ": it was never planned");
    if (&artefact == &item.artefacts.front()) tend_db_directory(host_.engine(), container->second, run);
    if (method_of(item) == Method::basebackup) return dump_base(server->second, item, artefact, encoding, stored, run);
    if (method_of(item) == Method::pgbackrest) {
      TRY_ASSIGN(labelled, type_of(container->second));
      const BackupType type = options_.backup_type ? *options_.backup_type : labelled.value_or(BackupType::incr);
      return dump_set(host_.engine(), container->second, type, item, artefact, encoding, stored, run);
    }
    return dump_postgres(server->second, item, artefact, encoding, stored, run);
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    return check_postgres(host_, item, target, run);
  }

  Result<> verify(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                  const Stack& recorded, RunContext& run) override {
    if (method_of(item) == Method::basebackup) return verify_base(item, artefact, stored, run);
    if (method_of(item) == Method::pgbackrest) return verify_set(host_.engine(), item, artefact, stored, recorded, run);
    return verifier_.verify(item, artefact, stored, recorded, run);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                               RunContext& run) override {
    if (method_of(item) == Method::basebackup) return restore_base(host_, item, target, options_.control, run);
    if (method_of(item) == Method::pgbackrest) return restore_set(host_, item, target, options_.control, run);
    return PostgresRestoration::begin(host_, item, target, run);
  }

 private:
  helper::Host& host_;
  PostgresOptions options_;
  Servers servers_;  // by service, as plan() has found them
  std::map<std::string, engine::ContainerInfo, std::less<>> containers_;
  Verifier verifier_;
};

}  // namespace

std::unique_ptr<Source> make_postgres_source(helper::Host& host, PostgresOptions options) {
  return std::make_unique<PostgresSource>(host, std::move(options));
}

}  // namespace davit::sources
