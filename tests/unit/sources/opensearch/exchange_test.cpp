#include "sources/opensearch/exchange.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/world.hpp"

namespace davit::sources {
namespace {

using Contents = std::map<std::string, std::string>;

// A restore of three indices that ended where everything old was saved and deleted, but for one.
class Bench {
 public:
  Bench() : davit_(world) {
    for (const char* name : {"books", "films", "songs"}) world.search.fill(name, "old", 3);
    const auto present = look_into(client(), davit_.run);
    REQUIRE(present);
    entry.run = "0123";
    entry.project = "shop";
    entry.service = "search";
    entry.services = {"search"};
    entry.repository = "davit-restore-0123";
    entry.saved = "davit-saved-0123";
    entry.things = {{"books", false}, {"films", false}, {"songs", false}, {"new", false}};
    note_old(*present, entry.things);
    entry.step = SearchEntry::Step::saving;
    const auto nodes = list_nodes(client(), false, davit_.run);
    REQUIRE(nodes);
    const auto directory = find_search_directory(client().container(), "search", *nodes);
    REQUIRE(directory);
    REQUIRE(save_old(client(), *directory, entry, davit_.run));
    CHECK(world.search.blocked().size() == 3);
    entry.step = SearchEntry::Step::replacing;
    world.search.remove("books");
    world.search.remove("films");
  }
  Result<> lead_back() { return sources::lead_back(client(), entry, davit_.run); }
  Result<> carry_on() { return sources::carry_on(client(), entry, davit_.run); }
  [[nodiscard]] bool is_saved() const { return std::ranges::contains(world.search.snapshots(), entry.saved); }

  test::World world{test::World::Search::running};
  SearchEntry entry;

 private:
  SearchClient client() {
    const auto id = world.engine.id_of("shop-search-1");
    auto found = SearchClient::connect(world.engine, world.engine.inspect_container(id).value(), davit_.run);
    REQUIRE(found);
    return *std::move(found);
  }
  test::Davit davit_;
};

const Contents kOld{{"books", "old"}, {"films", "old"}, {"songs", "old"}};

TEST_CASE("what was deleted comes back, what was made goes, and both can be written to") {
  Bench bench;
  bench.world.search.fill("films", "backup");
  bench.world.search.fill("new", "backup");
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.contents() == kOld);
  CHECK(bench.world.search.blocked().empty());
  CHECK_FALSE(bench.is_saved());
  // Somebody who ended before he said so has done it all.
  bench.world.search.fill("books", "written since");
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.contents().at("books") == "written since");
}

TEST_CASE("an alias in the place of one keeps the others from nothing") {
  Bench bench;
  bench.world.search.fill("elsewhere", "x");
  bench.world.search.give_alias("elsewhere", "books");
  const auto failed = bench.lead_back();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message().contains("books is an alias of elsewhere by now"));
  CHECK(failed.error().hint().contains("remove the alias"));
  CHECK(bench.world.search.contents() == Contents{{"elsewhere", "x"}, {"films", "old"}, {"songs", "old"}});
  CHECK(bench.is_saved());
  // What would be brought back once more can't be written to; what wasn't touched can.
  CHECK(bench.world.search.blocked() == std::vector<std::string>{"films"});

  bench.world.search.remove("elsewhere");
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.contents() == kOld);
  CHECK(bench.world.search.blocked().empty());
}

TEST_CASE("one that the server refuses keeps the others from nothing") {
  Bench bench;
  bench.world.search.on_request = [&](const std::string& request) {
    // Between the look and the request.
    if (request.ends_with("/_restore") && !bench.world.search.contents().contains("books"))
      bench.world.search.fill("books", "of an application");
  };
  REQUIRE_FALSE(bench.lead_back());
  CHECK(bench.world.search.contents().at("films") == "old");
  CHECK(bench.is_saved());
  bench.world.search.on_request = {};
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.contents() == kOld);
}

TEST_CASE("a repository that nobody knows any more is registered again to bring back from it") {
  Bench bench;
  bench.world.search.unregister("davit");
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.contents() == kOld);
}

TEST_CASE("where the saved snapshot is lost, nothing is said to be back that isn't") {
  Bench bench;
  std::filesystem::remove_all(bench.world.search_directory / "davit");
  bench.world.search.unregister("davit");
  const auto failed = bench.lead_back();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message().contains("index books is gone, and snapshot davit-saved-0123"));
  CHECK(failed.error().message().contains((bench.world.search_directory / "davit").string()));
  CHECK(failed.error().hint().contains("bring back the files"));
  bench.world.search.fill("books", "anew");
  bench.world.search.fill("films", "anew");
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.blocked().empty());
}

TEST_CASE("a full disk's block is lifted with the other") {
  Bench bench;
  bench.world.search.block("songs", "read_only_allow_delete");
  REQUIRE(bench.lead_back());
  CHECK(bench.world.search.blocked().empty());
}

TEST_CASE("behind the decision what was restored gets its blocks, again and again") {
  Bench bench;
  bench.world.search.fill("books", "backup");
  bench.world.search.fill("films", "backup");
  for (const char* name : {"books", "films"}) bench.world.search.block(name, "write");
  bench.entry.things[0].made = {{"books", ""}};
  bench.entry.things[1].made = {{"films", "read_only"}};
  bench.entry.things[2].made = {{"songs", ""}};
  for (int round = 0; round < 2; ++round) {
    REQUIRE(bench.carry_on());
    CHECK(bench.world.search.blocks("books").empty());
    CHECK(bench.world.search.blocks("films") == std::set<std::string>{"read_only"});
    CHECK_FALSE(bench.is_saved());
  }
}

}  // namespace
}  // namespace davit::sources
