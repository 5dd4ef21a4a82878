#pragma once
// Everything around davit in memory, for driving whole commands through every fault: an Engine with the stack "shop" on
// it and a repository. The stack has two services that write (one is paused for a backup and has hooks, the other is
// stopped), a server, and one that doesn't run; two volumes, a bound directory, a compose file and two databases. Each
// of these holds one mark at a time, so that a mix is seen.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "app/source_set.hpp"
#include "storage/memory_storage.hpp"
#include "support/fake_postgres.hpp"
#include "support/fake_search.hpp"
#include "support/helper_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"

namespace davit::test {

class World {
 public:
  // With a search cluster: it has a service, too, whose snapshots lie in `search_directory`.
  enum class Search { none, running };
  explicit World(Search search = Search::none);

 private:
  TemporaryDirectory project_;

 public:
  const std::filesystem::path search_directory;
  HelperEngine engine;
  FakePostgres server;
  FakeSearch search;
  bool frozen = false;  // by the hooks of app
  std::unique_ptr<storage::MemoryStorage> storage = std::make_unique<storage::MemoryStorage>();

  // Every place and every database holds this mark, and nothing else, after this.
  void fill(const std::string& mark);
  // The mark that everything holds; or, where that isn't one and the same, what holds what.
  [[nodiscard]] std::string mark() const;
  // Databases that a restore made for itself, or put aside, and that are still there.
  [[nodiscard]] std::string half_restored_databases() const;
  // As behind `docker compose down -v` and `rm -r` of the project's directory: the Engine knows nothing of the stack.
  void destroy();
  // What is left of it, or has come back: its containers, and whatever is in its directory or its databases.
  [[nodiscard]] bool destroyed() const;
  // What runs, what doesn't, and which volumes and networks there are: equal to what it was before, unless something of
  // ours is left.
  [[nodiscard]] std::string state() const;

 private:
  friend class Davit;
  [[nodiscard]] std::filesystem::path place(const std::string& name) const;
  void add_service(const std::string& name, const std::string& image, const std::string& status,
                   std::vector<engine::Mount> mounts, const engine::Labels& labels = {});
  int davits_ = 0;
};

// One run of davit, in a container of its own (docker run --rm), which is gone when this is destroyed.
class Davit {
 public:
  explicit Davit(World& world);
  ~Davit();
  Davit(const Davit&) = delete;
  Davit& operator=(const Davit&) = delete;

 private:
  World& world_;
  std::string self_;
  SkippingClock clock_;

 public:
  QuietReporter reporter;
  std::stop_source stop;
  RunContext run;
  helper::Host host;
  app::SourceSet sources;
};

}  // namespace davit::test
