#include "sources/opensearch/check.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "sources/opensearch/search_entry.hpp"

namespace davit::sources {
namespace {

model::Item item() {
  model::Item made;
  made.id = {model::ItemKind::search, "search"};
  made.services = {"search"};
  made.attributes = {{"version", "2.19.4"}, {"distribution", "opensearch"}};
  return made;
}
SearchProduct product(std::string version, std::string distribution = "opensearch") {
  return {std::move(distribution), std::move(version), "c", "u"};
}

TEST_CASE("a snapshot goes into its own version, or a newer one if that is allowed") {
  CHECK(check_search_version(item(), product("2.19.4"), false).empty());
  const auto newer = check_search_version(item(), product("2.20.0"), false);
  REQUIRE(newer.size() == 1);
  CHECK(newer[0].what == "the backup is of OpenSearch 2.19.4, and service search has OpenSearch 2.20.0");
  CHECK(newer[0].remedy.contains("--allow-version-change"));
  CHECK_FALSE(newer[0].replaceable);
  CHECK(check_search_version(item(), product("2.20.0"), true).empty());
  CHECK(check_search_version(item(), product("3.0.0"), true).empty());
  for (const char* unfit : {"2.19.3", "1.3.0", "4.0.0", "2.9.10"}) {
    const auto conflicts = check_search_version(item(), product(unfit), true);
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts[0].remedy == "use an image with OpenSearch 2.19.4");
  }
  CHECK(check_search_version(item(), product("8.0.0", "elasticsearch"), true).size() == 1);
}

TEST_CASE("an entry of the journal is read as it was written") {
  SearchEntry entry;
  entry.run = "0123";
  entry.project = "sh\xff";
  entry.service = "search";
  entry.services = {"search", "node2"};
  entry.place = "/srv/b\xfe/.opensearch/davit-restore-0123";
  entry.repository = "davit-restore-0123";
  entry.saved = "davit-saved-0123";
  entry.things = {{"books", false, {{"books", "u1"}}, {"books"}, {{"books", "read_only"}}}, {"e", true}};
  entry.step = SearchEntry::Step::replacing;
  const auto read = search_entry_from(nlohmann::json::parse(to_json(entry).dump()));
  REQUIRE(read);
  CHECK(to_json(*read) == to_json(entry));
  CHECK(read->place == entry.place);
  CHECK(read->things[0].old.at("books") == "u1");
  CHECK(read->things[0].made.at("books") == "read_only");
  CHECK(read->step == SearchEntry::Step::replacing);
  auto bad = to_json(entry);
  bad["step"] = "dancing";
  CHECK(search_entry_from(bad).error().code() == Errc::corrupt);
  bad.erase("step");
  CHECK(search_entry_from(bad).error().code() == Errc::corrupt);
}

}  // namespace
}  // namespace davit::sources
