// A whole search cluster, backed up and restored against a server in memory.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "app/backup.hpp"
#include "app/restore.hpp"
#include "app/verify.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"
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
  auto report = run_restore(davit.host, *world.storage, sources, options, davit.run);
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
  REQUIRE(restore(world, false, second->entry.id));
  CHECK(world.search.contents() == Contents{{"books", "second"}, {"gone", "soon"}});
  clean(world);

  refused(restore(world, false, first->entry.id), Errc::exists, "index books holds 5 documents", "use --replace");
  CHECK(world.search.contents().at("books") == "second");
  REQUIRE(restore(world, true, first->entry.id));
  CHECK(world.search.contents() == Contents{{"books", "first"}, {"gone", "soon"}});
  clean(world);
  CHECK(world.search.snapshots().size() == 2);
}

// Paths of the members of the backup's tar.
std::set<std::string> members(World& world, const BackupReport& report) {
  const model::Artefact& artefact = search_item(report).artefacts.front();
  auto stored = world.storage->open(report.entry.key + "/" + artefact.path);
  REQUIRE(stored);
  stream::Decoder plain(artefact.codec, **stored, artefact.plain, artefact.stored);
  stream::TarReader reader(plain);
  std::set<std::string> paths;
  while (true) {
    auto entry = reader.next();
    REQUIRE(entry);
    if (!*entry) return paths;
    paths.insert((*entry)->path);
  }
}

std::size_t count_data(const std::set<std::string>& paths, const std::string& directory) {
  return static_cast<std::size_t>(
      std::ranges::count_if(paths, [&](const std::string& path) { return path.contains(directory + "/0/__"); }));
}

TEST_CASE("an artefact holds the files that its snapshot needs, and no others") {
  World world(World::Search::running);
  world.search.fill("old", "x");
  world.search.fill("books", "first");
  REQUIRE(back_up(world));
  world.search.reset();
  world.search.fill("books", "second");
  const auto report = back_up(world);
  REQUIRE(report);
  const auto paths = members(world, *report);
  CHECK(count_data(paths, "indices/id-books") == 1);
  CHECK(count_data(paths, "indices/id-old") == 0);
  CHECK(std::ranges::none_of(paths, [](const std::string& path) { return path.contains("id-old"); }));
  CHECK(world.search.snapshots().size() == 2);
}

// The deep check of a tar of what is in the repository now.
Result<> verify_now(World& world, model::Item item) {
  Davit davit(world);
  auto source = sources::make_search_source(davit.host);
  stream::MemorySink tar;
  TRY_ASSIGN(session,
             helper::Session::open(davit.host,
                                   {helper::Place::Kind::directory, (world.search_directory / "davit").string(), false},
                                   helper::Access::read, davit.run));
  TRY_ASSIGN(packed, session.pack({stream::parse_encoding("none").value(), {}, {}}, tar));
  TRY(session.close());
  model::Artefact& artefact = item.artefacts.front();
  artefact.codec = stream::Codec::none;
  artefact.plain = packed.plain;
  artefact.stored = packed.stored;
  artefact.entries = packed.entries;
  stream::MemorySource stored(tar.contents());
  return source->verify(item, artefact, stored, {}, davit.run);
}

TEST_CASE("the deep check holds an artefact against its own lists") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  const auto report = back_up(world);
  REQUIRE(report);
  const model::Item item = search_item(*report);
  CHECK(verify_now(world, item));
  const fs::path repository = world.search_directory / "davit";
  const std::string uuid = model::attribute(item.attributes, "snapshot_uuid");

  model::Item other = item;
  other.attributes["documents.films"] = "1";
  refused(verify_now(world, other), Errc::corrupt, "has no index films");
  other = item;
  other.attributes["snapshot_uuid"] = "none";
  refused(verify_now(world, other), Errc::corrupt, "has no snapshot none");
  const auto without = [&](const fs::path& file, std::string_view what) {
    const std::string contents = test::read_file(file);
    fs::remove(file);
    refused(verify_now(world, item), Errc::corrupt, what);
    test::write_file(file, contents);
  };
  without(repository / "index-0", "no file index-N");
  without(repository / ("meta-" + uuid + ".dat"), "is missing");
  for (const auto& entry : fs::directory_iterator(repository / "indices/id-books/0")) {
    const bool data = entry.path().filename().string().starts_with("__");
    without(entry.path(), data ? "of its snapshot is missing" : "indices/id-books lacks");
  }
  CHECK(verify_now(world, item));
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
  world.search.state = "SUCCESS";
  world.search.lose_shards("books");
  refused(back_up(world), Errc::failed, "index books lacks primary shards", "davit.search.indices=-books");
  CHECK(world.search.snapshots().empty());
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
  // As after what the hint says: the cluster has forgotten how it left the repository, and takes it as it is.
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
  CHECK(lost.error().code() == Errc::failed);
  clean(world);
  CHECK(world.search.snapshots().size() == 1);
}

TEST_CASE("nobody writes to what is restored before it is decided, and then it has the blocks that it had") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  world.search.fill("archive", "a", 2);
  world.search.block("archive", "read_only");
  REQUIRE(back_up(world));
  world.search.fill("books", "b", 4);
  world.search.remove("archive");
  std::size_t looks = 0;
  world.search.on_request = [&](const std::string& request) {
    const auto now = world.search.contents();
    if (request != "GET /_cat/indices" || !now.contains("archive")) return;
    ++looks;
    CHECK(world.search.blocks("books") == std::set<std::string>{"write"});
    CHECK(world.search.blocks("archive") == std::set<std::string>{"write"});
  };
  REQUIRE(restore(world, true));
  CHECK(looks >= 2);
  CHECK(world.search.blocks("books").empty());
  CHECK(world.search.blocks("archive") == std::set<std::string>{"read_only"});
}

TEST_CASE("an index that comes into being where one is restored leads back, and is named") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  world.search.fill("films", "a", 3);
  REQUIRE(back_up(world));
  world.search.fill("books", "b", 4);
  world.search.fill("films", "b", 4);
  world.search.on_request = [&](const std::string& request) {
    if (request.contains("/davit-restore-") && request.ends_with("/_restore"))
      world.search.fill("books", "of an application", 1);
  };
  refused(restore(world, true), Errc::failed, "index books was made anew by somebody who writes to it",
          "stop what uses the cluster");
  CHECK(world.search.contents() == Contents{{"books", "b"}, {"films", "b"}});
  clean(world);
}

TEST_CASE("an alias in the way is refused before anything is done") {
  World world(World::Search::running);
  world.search.fill("orders", "a", 3);
  world.search.fill("other", "a", 3);
  world.search.give_alias("other", "shop");
  const auto report = back_up(world);
  REQUIRE(report);
  CHECK(model::attribute(search_item(*report).attributes, "alias.shop") == "other");
  world.search.remove("orders");
  world.search.fill("orders-v2", "b", 4);
  world.search.give_alias("orders-v2", "orders");
  world.search.requests.clear();
  refused(restore(world, true), Errc::exists, "orders is an alias of orders-v2", "remove the alias");
  CHECK(std::ranges::none_of(world.search.requests, [](const std::string& each) { return !each.starts_with("GET "); }));

  world.search.remove("orders-v2");
  world.search.remove("other");
  world.search.fill("shop", "b", 4);
  refused(restore(world, true), Errc::exists, "index shop is there, and the backup has an alias of that name",
          "delete it");
  world.search.remove("shop");
  REQUIRE(restore(world, true));
  CHECK(world.search.contents() == Contents{{"orders", "a"}, {"other", "a"}});
}

TEST_CASE("the volume of a cluster without an open index is backed up as files") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  const auto plans_volume = [&] {
    Davit davit(world);
    BackupOptions options;
    options.stack = "shop";
    options.encoding = stream::parse_encoding("zstd").value();
    const auto plan = plan_backup(world.engine, davit.sources, options, davit.run);
    REQUIRE(plan);
    return std::ranges::any_of(plan->items,
                               [](const model::Item& item) { return item.id.text() == "volume:shop_search"; });
  };
  CHECK_FALSE(plans_volume());
  world.search.close("books");
  CHECK(plans_volume());
}

TEST_CASE("a repository that keeps shards elsewhere is backed up as a whole") {
  World world(World::Search::running);
  world.search.hashed_paths = true;
  world.search.fill("books", "a", 3);
  const auto report = back_up(world);
  if (!report) FAIL(report.error().message());
  CHECK(count_data(members(world, *report), "hash/indices/id-books") == 1);
  CHECK(verify_now(world, search_item(*report)));
  world.search.reset();
  REQUIRE(restore(world, false));
  CHECK(world.search.contents() == Contents{{"books", "a"}});
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

TEST_CASE("several nodes of a cluster are one item") {
  World world(World::Search::running);
  world.search.fill("books", "a", 3);
  engine::ContainerInfo node = world.engine.inspect_container(world.engine.id_of("shop-search-1")).value();
  node.id = {};
  node.name = "shop-search-node-1";
  node.hostname.clear();
  node.labels["com.docker.compose.service"] = "node";
  node.mounts.front().name = "shop_node";
  world.engine.add_volume("shop_node", {{"com.docker.compose.project", "shop"}, {"com.docker.compose.volume", "node"}});
  world.engine.add_container(node);
  const auto report = back_up(world);
  if (!report) FAIL(report.error().message());
  const model::Item& item = search_item(*report);
  CHECK(item.id.text() == "search:node");
  CHECK(item.services == Names{"node", "search"});
  world.search.reset();
  world.engine.finish_container({"shop-search-node-1"}, 0);
  REQUIRE(restore(world, false));
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
