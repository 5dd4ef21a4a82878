#include <map>
#include <memory>

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
  explicit PostgresSource(helper::Host& host) : host_(host), verifier_(host.engine()) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes& takes,
                    RunContext& run) override {
    return plan_postgres(host_.engine(), stack, encoding, takes, servers_, run);
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    const auto server = servers_.find(item.id.name);
    if (server == servers_.end()) return fail(Errc::bug, "dump " + item.id.text() + ": it was never planned");
    return dump_postgres(server->second, item, artefact, encoding, stored, run);
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    return check_postgres(host_, item, target, run);
  }

  Result<> verify(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                  const Stack& recorded, RunContext& run) override {
    return verifier_.verify(item, artefact, stored, recorded, run);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                               RunContext& run) override {
    return PostgresRestoration::begin(host_, item, target, run);
  }

 private:
  helper::Host& host_;
  Servers servers_;  // by service, as plan() has found them
  Verifier verifier_;
};

}  // namespace

std::unique_ptr<Source> make_postgres_source(helper::Host& host) { return std::make_unique<PostgresSource>(host); }

}  // namespace davit::sources
