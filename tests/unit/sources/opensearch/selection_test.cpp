#include "sources/opensearch/selection.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

using Names = std::vector<std::string>;

model::Item item() {
  model::Item made;
  made.id = {model::ItemKind::search, "search"};
  made.services = {"search"};
  made.attributes = {{"documents.books", "3"},
                     {"documents.logs-1", "~7"},
                     {"documents..ds-e-000001", "2"},
                     {"stream.e", ".ds-e-000001"},
                     {"alias.shop", "books"},
                     {"alias.logs", "books,logs-1*"},
                     {"blocks.logs-1", "read_only,write"}};
  return made;
}

std::vector<Conflict> conflicts_with(const SearchPresent& present, const SearchOptions& options = {}) {
  const auto selection = select_indices(item(), options);
  REQUIRE(selection);
  return check_names(*selection, present);
}

SearchPresent with_aliases(std::vector<SearchIndex> indices, std::vector<SearchAlias> aliases) {
  return {.indices = std::move(indices), .streams = {}, .aliases = std::move(aliases), .blocks = {}};
}

void one_refusal(const std::vector<Conflict>& conflicts, const std::string& what, std::string_view remedy) {
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].what == what);
  INFO(conflicts[0].remedy);
  CHECK(conflicts[0].remedy.contains(remedy));
  CHECK_FALSE(conflicts[0].replaceable);
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
  CHECK(conflicts_with({}).empty());
  CHECK(conflicts_with({.indices = {{"books", "u", true, "green", 0}, {"other", "v", true, "green", 5}}}).empty());

  const auto full = conflicts_with({.indices = {{"books", "u", true, "yellow", 5}}});
  REQUIRE(full.size() == 1);
  CHECK(full[0].what == "index books holds 5 documents");
  CHECK(full[0].replaceable);
  CHECK(full[0].remedy.contains("--replace"));

  const auto closed = conflicts_with({.indices = {{"books", "u", false, "", {}}}});
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].what.contains("closed"));
  CHECK_FALSE(closed[0].replaceable);
  const auto red = conflicts_with({.indices = {{"books", "u", true, "red", {}}}});
  REQUIRE(red.size() == 1);
  CHECK(red[0].what.contains("lacks shards"));
  CHECK_FALSE(red[0].replaceable);

  const auto stream =
      conflicts_with({.indices = {{".ds-e-000009", "u", true, "green", 4}}, .streams = {{"e", {".ds-e-000009"}}}});
  REQUIRE(stream.size() == 1);
  CHECK(stream[0].what == "data stream e holds 4 documents");
  const auto other = conflicts_with({.indices = {{"e", "u", true, "green", 4}}});
  REQUIRE(other.size() == 1);
  CHECK_FALSE(other[0].replaceable);
}

TEST_CASE("what is restored knows the blocks that it has in the end, and its aliases") {
  const auto all = select_indices(item(), {});
  REQUIRE(all);
  CHECK(all->whole);
  CHECK(all->things[2].made.at("logs-1") == "read_only,write");
  CHECK(all->things[1].made.at("books").empty());
  REQUIRE(all->aliases.size() == 2);
  CHECK(render_alias(all->aliases[0]) == "books,logs-1*");

  SearchOptions some;
  some.restore_indices = {"books"};
  const auto books = select_indices(item(), some);
  REQUIRE(books);
  CHECK_FALSE(books->whole);
  CHECK(render_alias(books->aliases[0]) == "books");
  CHECK(books->aliases[0].writes.empty());
  some.restore_prefix = "old-";
  CHECK(select_indices(item(), some)->aliases.empty());
}

TEST_CASE("a name that is an alias now, or is an index instead of an alias, is in the way") {
  const SearchIndex other{"books-v2", "u", true, "green", 9};
  one_refusal(conflicts_with(with_aliases({other}, {{"books", {"books-v2"}}})),
              "books is an alias of books-v2, and the backup has an index of that name", "remove the alias");
  one_refusal(conflicts_with(with_aliases({other}, {{"e", {"books-v2"}}})),
              "e is an alias of books-v2, and the backup has a data stream of that name", "remove the alias");
  one_refusal(conflicts_with(with_aliases({{"shop", "u", true, "green", 0}}, {})),
              "index shop is there, and the backup has an alias of that name, of books", "delete it");
  // An alias of an index that stays may have both.
  CHECK(conflicts_with(with_aliases({other}, {{"shop", {"books-v2"}}})).empty());
}

TEST_CASE("an alias writes to one index") {
  const std::vector<SearchIndex> indices{{"logs-1", "u", true, "green", 0}, {"logs-2", "v", true, "green", 9}};
  one_refusal(conflicts_with(with_aliases(indices, {{"logs", {"logs-1", "logs-2"}, "logs-2"}})),
              "alias logs writes to index logs-2, and in the backup to logs-1", "have the alias not write to it");
  // What is replaced gives way.
  CHECK(conflicts_with(with_aliases(indices, {{"logs", {"logs-1", "logs-2"}, "logs-1"}})).empty());
  SearchOptions books;
  books.restore_indices = {"books"};
  CHECK(conflicts_with(with_aliases(indices, {{"logs", {"logs-2"}, "logs-2"}}), books).empty());
}

TEST_CASE("an index that a block keeps from being deleted is in the way") {
  SearchPresent present{.indices = {{"books", "u", true, "green", 5}}, .streams = {}, .aliases = {}, .blocks = {}};
  present.blocks["books"] = {"write"};
  REQUIRE(conflicts_with(present).size() == 1);
  CHECK(conflicts_with(present)[0].replaceable);
  present.blocks["books"] = {"read_only", "write"};
  one_refusal(conflicts_with(present),
              "index books is there, and index books has a block (read_only): it can't be replaced",
              "PUT books/_settings {\"index.blocks.read_only\": null}");
}

}  // namespace
}  // namespace davit::sources
