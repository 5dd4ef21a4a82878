#include "sources/opensearch/check.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "sources/opensearch/search_entry.hpp"

namespace davit::sources {
namespace {

using Names = std::vector<std::string>;

model::Item item() {
  model::Item made;
  made.id = {model::ItemKind::search, "search"};
  made.services = {"search"};
  made.attributes = {{"version", "2.19.4"},      {"distribution", "opensearch"},  {"documents.books", "3"},
                     {"documents.logs-1", "~7"}, {"documents..ds-e-000001", "2"}, {"stream.e", ".ds-e-000001"}};
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

TEST_CASE("what is restored is chosen by patterns, and may be called otherwise") {
  const auto all = select_indices(item(), {});
  REQUIRE(all);
  CHECK(all->named == Names{"e", "books", "logs-1"});
  CHECK(all->indices == Names{".ds-e-000001", "books", "logs-1"});
  REQUIRE(all->things.size() == 3);
  CHECK(all->things[0].stream);
  CHECK(all->documents.at("books") == "3");

  SearchOptions some;
  some.restore_indices = {"b*"};
  some.restore_prefix = "old-";
  const auto books = select_indices(item(), some);
  REQUIRE(books);
  CHECK(books->named == Names{"books"});
  CHECK(books->things[0].name == "old-books");
  CHECK(books->documents.at("old-books") == "3");

  SearchOptions streams;
  streams.restore_prefix = "old-";
  CHECK(select_indices(item(), streams).error().code() == Errc::usage);
  SearchOptions none;
  none.restore_indices = {"x*"};
  const auto nothing = select_indices(item(), none);
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().hint() == "it holds e, books, logs-1");
}

TEST_CASE("indices with documents may be replaced, closed and damaged ones not") {
  const auto selection = select_indices(item(), {});
  REQUIRE(selection);
  CHECK(check_names(*selection, {}, {}).empty());
  CHECK(check_names(*selection, {{"books", "u", true, "green", 0}, {"other", "v", true, "green", 5}}, {}).empty());

  const auto full = check_names(*selection, {{"books", "u", true, "yellow", 5}}, {});
  REQUIRE(full.size() == 1);
  CHECK(full[0].what == "index books holds 5 documents");
  CHECK(full[0].replaceable);
  CHECK(full[0].remedy.contains("--replace"));

  const auto closed = check_names(*selection, {{"books", "u", false, "", {}}}, {});
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].what.contains("closed"));
  CHECK_FALSE(closed[0].replaceable);
  const auto red = check_names(*selection, {{"books", "u", true, "red", {}}}, {});
  REQUIRE(red.size() == 1);
  CHECK(red[0].what.contains("lacks shards"));
  CHECK_FALSE(red[0].replaceable);

  const auto stream = check_names(*selection, {{".ds-e-000009", "u", true, "green", 4}}, {{"e", {".ds-e-000009"}}});
  REQUIRE(stream.size() == 1);
  CHECK(stream[0].what == "data stream e holds 4 documents");
  const auto other = check_names(*selection, {{"e", "u", true, "green", 4}}, {});
  REQUIRE(other.size() == 1);
  CHECK_FALSE(other[0].replaceable);
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
  entry.things = {{"books", false, {{"books", "u1"}}, {"books"}}, {"e", true, {}, {}}};
  entry.step = SearchEntry::Step::replacing;
  const auto read = search_entry_from(nlohmann::json::parse(to_json(entry).dump()));
  REQUIRE(read);
  CHECK(to_json(*read) == to_json(entry));
  CHECK(read->place == entry.place);
  CHECK(read->things[0].old.at("books") == "u1");
  CHECK(read->step == SearchEntry::Step::replacing);
  auto bad = to_json(entry);
  bad["step"] = "dancing";
  CHECK(search_entry_from(bad).error().code() == Errc::corrupt);
  bad.erase("step");
  CHECK(search_entry_from(bad).error().code() == Errc::corrupt);
}

}  // namespace
}  // namespace davit::sources
