// A whole search cluster, backed up and restored against a server in memory.

#include <catch2/catch_test_macros.hpp>

#include "app/backup.hpp"
#include "app/restore.hpp"
#include "app/verify.hpp"
#include "support/fake_guard.hpp"
#include "support/tree.hpp"
#include "support/world.hpp"

namespace davit::app {
namespace {

namespace fs = std::filesystem;
using test::Davit;
using test::FakeSearch;
using test::World;
using Names = std::vector<std::string>;
using Contents = std::map<std::string, std::string>;

Result<BackupReport> back_up(World& world) {
  Davit davit(world);
  test::GuardState guard;
  BackupOptions options;
  options.stack = "shop";
  options.encoding = stream::parse_encoding("zstd").value();
  options.davit_version = "1";
  options.guard = fake_guards(guard);
  options.selection.only = {"search:*"};
  return run_backup(world.engine, *world.storage, davit.sources, options, davit.run);
}

Result<RestoreReport> restore(World& world, bool replace, const std::string& backup = "latest",
                              const sources::SearchOptions& search = {}, bool version_change = false) {
  Davit davit(world);
  SourceSet sources;
  sources.add({model::ItemKind::stack}, sources::make_stack_source(world.engine));
  sources.add({model::ItemKind::search}, sources::make_search_source(davit.host, search));
  test::GuardState guard;
  RestoreOptions options;
  options.guard = fake_guards(guard);
  options.stack = "shop";
  options.backup = backup;
  options.replace = replace;
  options.allow_version_change = version_change;
  options.selection.only = {"search:*"};
  auto report = run_restore(world.engine, *world.storage, sources, options, davit.run);
  CHECK(guard.entries.empty());
  return report;
}

const model::Item& search_item(const BackupReport& report) {
  for (const model::Item& item : report.manifest.items)
    if (item.id.kind == model::ItemKind::search) return item;
  throw std::runtime_error("the backup has no search cluster");
}

template <class T>
void refused(const Result<T>& result, Errc code, std::string_view what, std::string_view hint = {}) {
  REQUIRE_FALSE(result);
  INFO(result.error().message() << " | " << result.error().hint());
  CHECK(result.error().code() == code);
  CHECK(result.error().message().contains(what));
  CHECK(result.error().hint().contains(hint));
}

// Nothing but davit's own repository is left, and nothing is blocked.
void clean(const World& world) {
  CHECK(world.search.blocked().empty());
  for (const std::string& name : world.search.repositories()) CHECK(name == "davit");
  for (const auto& entry : fs::directory_iterator(world.search_directory)) CHECK(entry.path().filename() == "davit");
}

TEST_CASE("a search cluster is backed up again and again, and any backup is restored") {
  World world(World::Search::running);
  world.search.fill("books", "first", 3);
  world.search.fill("gone", "soon", 1);
  world.search.fill(".opendistro_security", "secret", 9);
  const auto first = back_up(world);
  REQUIRE(first);
  const model::Item& item = search_item(*first);
  CHECK(item.consistency == model::Consistency::snapshot);
  CHECK(model::attribute(item.attributes, "version") == "2.19.4");
  CHECK(model::attribute(item.attributes, "documents.books") == "3");
  CHECK_FALSE(item.attributes.contains("documents..opendistro_security"));
  CHECK(model::attribute(item.attributes, "snapshot").starts_with("davit-20"));
  CHECK(model::attribute(item.attributes, "shards") == "2");

  world.search.fill("books", "second", 5);
  const auto second = back_up(world);
  REQUIRE(second);
  CHECK(world.search.snapshots().size() == 2);

  // As after `docker compose down -v`.
  world.search.reset();
  REQUIRE(restore(world, false));
  CHECK(world.search.contents() == Contents{{"books", "second"}, {"gone", "soon"}});
  clean(world);

  refused(restore(world, false, first->entry.id), Errc::exists, "index books holds 5 documents", "use --replace");
  CHECK(world.search.contents().at("books") == "second");
  REQUIRE(restore(world, true, first->entry.id));
  CHECK(world.search.contents() == Contents{{"books", "first"}, {"gone", "soon"}});
  clean(world);
  CHECK(world.search.snapshots().size() == 2);
}

TEST_CASE("an artefact holds what its snapshot needs, and the deep check misses nothing of it") {
  World world(World::Search::running);
  world.search.fill("old", "x");
  REQUIRE(back_up(world));
  world.search.reset();
  world.search.fill("books", "a", 3);
  const auto report = back_up(world);
  REQUIRE(report);
  const auto members = [&] {
    Davit davit(world);
    return run_verify(*world.storage, davit.sources, {"shop", {}, true}, davit.run);
  }();
  REQUIRE(members);
  for (const auto& artefact : members->artefacts) CHECK(artefact.problem.empty());
  fs::remove_all(world.search_directory / "davit/indices/id-books");
  // A tar of what is left has another hash, of course; that its own list is held against it is seen with a fresh one.
  Davit davit(world);
  model::Item item = search_item(*report);
  auto source = sources::make_search_source(davit.host);
  helper::PackOptions options;
  options.encoding = stream::parse_encoding("none").value();
  stream::MemorySink tar;
  auto session = helper::Session::open(
      davit.host, {helper::Place::Kind::directory, (world.search_directory / "davit").string(), false},
      helper::Access::read, davit.run);
  REQUIRE(session);
  const auto packed = session->pack(options, tar);
  REQUIRE(packed);
  REQUIRE(session->close());
  model::Artefact& artefact = item.artefacts.front();
  artefact.codec = stream::Codec::none;
  artefact.plain = packed->plain;
  artefact.stored = packed->stored;
  artefact.entries = packed->entries;
  stream::MemorySource stored(tar.contents());
  refused(source->verify(item, artefact, stored, {}, davit.run), Errc::corrupt, "indices/id-books lacks");
}

TEST_CASE("snapshots that no backup holds any more are deleted") {
  World world(World::Search::running);
  world.search.fill("books", "a");
  const auto first = back_up(world);
  REQUIRE(first);
  REQUIRE(back_up(world));
  CHECK(world.search.snapshots().size() == 2);
  REQUIRE(world.storage->remove(first->entry.key + "/manifest.json"));
  const auto third = back_up(world);
  REQUIRE(third);
  const Names left = world.search.snapshots();
  CHECK(left.size() == 2);
  CHECK(std::ranges::contains(left, model::attribute(search_item(*third).attributes, "snapshot")));
  CHECK_FALSE(std::ranges::contains(left, model::attribute(search_item(*first).attributes, "snapshot")));
}

TEST_CASE("a snapshot that is not whole is no backup, and is deleted") {
  World world(World::Search::running);
  world.search.fill("books", "a");
  for (const char* state : {"PARTIAL", "FAILED"}) {
    world.search.state = state;
    refused(back_up(world), Errc::failed, std::string("it ended as ") + state + ": books shard 0: the shard is gone",
            "_cluster/health");
    CHECK(world.search.snapshots().empty());
  }
  CHECK(catalog::list(*world.storage, "shop")->empty());
}

TEST_CASE("a backup says what its snapshot directory lacks") {
  World world(World::Search::running);
  world.search.fill("books", "a");
  world.search.repository_paths.clear();
  refused(back_up(world), Errc::usage, "path.repo is not set", "environment: [\"path.repo=");
  world.search.repository_paths = {"/elsewhere"};
  refused(back_up(world), Errc::usage, "/elsewhere, which is no mount",
          "volumes: [\"${BACKUP_ROOT}/.opensearch:/elsewhere\"]");
  world.search.repository_paths = {FakeSearch::kMount};
  world.search.writable = false;
  refused(back_up(world), Errc::credentials, "the server's user 1000:1000 can't write to /mnt/opensearch",
          "chown 1000:1000 " + world.search_directory.string());
  world.search.writable = true;
  world.search.has_curl = false;
  refused(back_up(world), Errc::usage, "its container has no curl", "davit.search.url");
  world.search.has_curl = true;
  CHECK(back_up(world));
}

TEST_CASE("another cluster that writes to the repository is noticed before anything is done") {
  World world(World::Search::running);
  world.search.fill("books", "a");
  REQUIRE(back_up(world));
  world.search.write_as_another("foreign");
  refused(back_up(world), Errc::locked, "something else has written to /mnt/opensearch/davit",
          "one cluster writes to a repository");
  CHECK(world.search.snapshots().size() == 2);
  // What the hint says.
  Davit davit(world);
  world.search.reset();
  world.search.fill("books", "a");
  CHECK(back_up(world));
}

TEST_CASE("a restore that can't be finished leads everything back") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  REQUIRE(back_up(world));
  world.search.fill("books", "b", 4);
  world.search.lost_documents = 1;
  auto lost = restore(world, true);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().message().contains("index books was restored with 2 documents instead of 3"));
  CHECK(world.search.contents() == Contents{{"books", "b"}});
  clean(world);
  CHECK(world.search.snapshots().size() == 1);
}

TEST_CASE("indices are chosen, and restored beside those that are there") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  world.search.fill("films", "a", 3);
  REQUIRE(back_up(world));
  world.search.fill("books", "b", 4);
  world.search.fill("films", "b", 4);
  sources::SearchOptions beside;
  beside.restore_indices = {"books"};
  beside.restore_prefix = "old-";
  REQUIRE(restore(world, false, "latest", beside));
  CHECK(world.search.contents() == Contents{{"books", "b"}, {"films", "b"}, {"old-books", "a"}});
  clean(world);
}

TEST_CASE("another version of the server is refused, unless it is allowed") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  REQUIRE(back_up(world));
  world.search.reset();
  world.search.version = "2.20.0";
  refused(restore(world, false), Errc::exists, "the backup is of OpenSearch 2.19.4", "--allow-version-change");
  REQUIRE(restore(world, false, "latest", {}, true));
  CHECK(world.search.contents() == Contents{{"books", "a"}});
}

TEST_CASE("a server that doesn't run is not restored into") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  REQUIRE(back_up(world));
  world.engine.finish_container({"shop-search-1"}, 0);
  refused(restore(world, true), Errc::exists, "no container of service search runs", "--exclude search:search");
}

}  // namespace
}  // namespace davit::app
