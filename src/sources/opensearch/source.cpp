#include <map>
#include <memory>

#include "sources/opensearch/check.hpp"
#include "sources/opensearch/dump.hpp"
#include "sources/opensearch/plan.hpp"
#include "sources/opensearch/restore.hpp"
#include "sources/opensearch/verify.hpp"
#include "sources/source.hpp"

namespace davit::sources {
namespace {

class SearchSource : public Source {
 public:
  SearchSource(helper::Host& host, SearchOptions options) : host_(host), options_(std::move(options)) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes& takes,
                    RunContext& run) override {
    stack_ = stack.name;
    return plan_search(host_.engine(), stack, encoding, takes, seats_, run);
  }

  void begin_backup(const std::string& id) override { backup_ = id; }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    const auto seat = seats_.find(item.id.name);
    if (seat == seats_.end()) return fail(Errc::bug, "dump " + item.id.text() + ": it was never planned");
    return dump_search(host_, seat->second, {stack_, backup_}, options_, item, artefact, encoding, stored, run);
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    return check_search(host_, item, target, options_, run);
  }

  Result<> verify(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored, const Stack&,
                  RunContext& run) override {
    return verify_search(item, artefact, stored, run);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                               RunContext& run) override {
    return SearchRestoration::begin(host_, item, target, options_, run);
  }

 private:
  helper::Host& host_;
  SearchOptions options_;
  std::string stack_;
  std::string backup_;
  SearchSeats seats_;  // as plan() has found them
};

}  // namespace

std::unique_ptr<Source> make_search_source(helper::Host& host, SearchOptions options) {
  return std::make_unique<SearchSource>(host, std::move(options));
}

}  // namespace davit::sources
