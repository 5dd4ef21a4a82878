#include "sources/opensearch/snapshot.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "sources/opensearch/blobs.hpp"
#include "sources/opensearch/contents.hpp"
#include "sources/opensearch/recovery.hpp"
#include "sources/opensearch/repository.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// As OpenSearch 2.19.4 has answered.
json whole() {
  return json::parse(R"({"snapshot":"davit-1","uuid":"nV9","indices":["books","films"],"data_streams":[],
    "state":"SUCCESS","failures":[],"shards":{"total":2,"failed":0,"successful":2}})");
}

TEST_CASE("a snapshot is complete if state, shards and indices say so") {
  const std::vector<std::string> expected{"books", "films"};
  CHECK(incomplete(whole(), expected).empty());
  for (const char* state : {"PARTIAL", "FAILED", "INCOMPATIBLE", "IN_PROGRESS"}) {
    json other = whole();
    other["state"] = state;
    CHECK(incomplete(other, expected).contains(state));
  }
  json failed = whole();
  failed["failures"] = json::parse(R"([{"index":"books","shard_id":1,"reason":"no such file"}])");
  CHECK(incomplete(failed, expected).contains("books shard 1: no such file"));
  json shards = whole();
  shards["shards"]["successful"] = 1;
  CHECK(incomplete(shards, expected) == "1 of 2 shards are in it");
  json count = whole();
  count["shards"].erase("failed");
  CHECK_FALSE(incomplete(count, expected).empty());
  CHECK(incomplete(whole(), {"books", "films", "logs"}) == "index logs is not in it");
  CHECK(incomplete(whole(), {"books"}) == "index films is in it, and was not asked for");
  CHECK_FALSE(incomplete(json::object(), {}).empty());
}

TEST_CASE("of many failures some are told") {
  json failed = whole();
  failed["state"] = "PARTIAL";
  failed["failures"] = json::array();
  for (int i = 0; i < 9; ++i) failed["failures"].push_back({{"index", "books"}, {"shard_id", i}, {"reason", "gone"}});
  const std::string why = incomplete(failed, {});
  CHECK(why.contains("books shard 2: gone"));
  CHECK_FALSE(why.contains("books shard 3"));
  CHECK(why.contains("and 6 more"));
}

TEST_CASE("the newest generation is that of the highest number") {
  CHECK(newest_generation({"index.latest", "index-2", "index-10", "index-x", "index-", "snap-1.dat"}).value == 10);
  CHECK(newest_generation({"index-*"}).value == -1);
  CHECK(newest_generation({}).value == -1);
}

TEST_CASE("primary shards are counted, and one that won't come is told") {
  const json shards = json::parse(R"([
    {"index":"books","shard":"0","prirep":"p","state":"STARTED"},
    {"index":"books","shard":"0","prirep":"r","state":"UNASSIGNED","unassigned.reason":"ALLOCATION_FAILED"},
    {"index":"books","shard":"1","prirep":"p","state":"INITIALIZING"},
    {"index":"other","shard":"0","prirep":"p","state":"UNASSIGNED","unassigned.reason":"ALLOCATION_FAILED"}])");
  const ShardCount count = count_primaries(shards, {"books"});
  CHECK(count.started == 1);
  CHECK(count.waiting == 1);
  CHECK(count.failure.empty());
  json broken = shards;
  broken[2]["state"] = "UNASSIGNED";
  broken[2]["unassigned.reason"] = "ALLOCATION_FAILED";
  broken[2]["unassigned.details"] = "checksum";
  CHECK(count_primaries(broken, {"books"}).failure == "shard 1 of index books can't be restored: checksum");
}

TEST_CASE("a repository's list tells which directories a snapshot needs") {
  const std::string list = R"({"snapshots":[{"name":"a","uuid":"ua","state":1},{"name":"b","uuid":"ub","state":1}],
    "indices":{"books":{"id":"d1","shard_path_type":0,"snapshots":["ua","ub"]},
               "gone":{"id":"d2","snapshots":["ua"]},
               "apart":{"id":"d3","shard_path_type":1,"snapshots":["ua"]}}})";
  const auto newer = parse_contents(list, "ub");
  REQUIRE(newer);
  CHECK(newer->indices == std::set<std::string>{"books"});
  CHECK(newer->directories == std::set<std::string>{"d1"});
  CHECK(newer->others == std::set<std::string>{"d2"});
  // Where the files of a shard lie elsewhere, nothing is known of them.
  CHECK(parse_contents(list, "ua")->directories == std::set<std::string>{"d1", "d2"});
  for (const char* bad : {"", "[]", "{}", R"({"snapshots":[{"name":"a"}],"indices":{}})"})
    CHECK(parse_contents(bad, "ua").error().code() == Errc::corrupt);
  CHECK(parse_contents(list, "uc").error().message().contains("has no snapshot uc"));
}

TEST_CASE("the lists of shards tell which files a snapshot needs") {
  using Names = std::vector<std::string>;
  const std::string a = "__W9NrkcsURf6pA1nUpbV6XQ";
  const std::string b = "__EkqgI-tYTMaDal9RRSYo3_";
  const std::string lists =
      "\x3f@W" + a + "\xfb physical_name _0.cfe @Xv__boJVCfUTS_qbLBt6UOXhhg \x01" + b + "GD___x " + a;
  const BlobNames names = parse_blob_names(lists);
  CHECK(names.files == std::set<std::string>{a, b});
  CHECK(names.inlined == 1);
  const std::string c = "__aaaaaaaaaaaaaaaaaaaaaa";
  const Names present{"id/0/" + a, "id/0/" + b + ".part0", "id/1/" + c, "id/1/" + c + ".part1", "id/0/__*"};
  CHECK(unneeded_blobs(names, 3, present) == Names{"id/1/" + c, "id/1/" + c + ".part1", "id/0/__*"});
  // Lists that can't be read name other numbers of files.
  CHECK(unneeded_blobs(names, 4, present).empty());
  CHECK(unneeded_blobs(names, {}, present).empty());
  CHECK(unneeded_blobs(parse_blob_names("\x1f\x8b__"), 3, present).empty());
}

}  // namespace
}  // namespace davit::sources
