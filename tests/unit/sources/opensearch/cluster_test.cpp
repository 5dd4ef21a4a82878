#include "sources/opensearch/cluster.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "sources/opensearch/search_error.hpp"

namespace davit::sources {
namespace {

using Names = std::vector<std::string>;

std::vector<SearchIndex> indices(const Names& open, const Names& closed = {}) {
  std::vector<SearchIndex> list;
  for (const std::string& name : open) list.push_back({name, "u-" + name, true, "green", 1});
  for (const std::string& name : closed) list.push_back({name, "u-" + name, false, "", {}});
  return list;
}
Names names_of(const SearchChoice& choice) {
  Names names;
  for (const SearchIndex& index : choice.indices) names.push_back(index.name);
  return names;
}

TEST_CASE("by default a snapshot takes every open index but the server's own") {
  const auto all = indices({".kibana_1", ".opendistro_security", ".plugins-ml-config", "books",
                            "security-auditlog-2026.11.22", "top_queries-2026.11.22-1"},
                           {"archive", ".old"});
  const SearchChoice choice = choose_indices(all, {}, {}, true);
  CHECK(names_of(choice) == Names{".kibana_1", "books"});
  CHECK(choice.closed == Names{"archive"});
  CHECK(choice.own == Names{".opendistro_security", ".plugins-ml-config", "security-auditlog-2026.11.22",
                            "top_queries-2026.11.22-1", ".old"});
  CHECK(names_of(choose_indices(all, {}, {}, false)) == Names{"books"});
}

TEST_CASE("patterns say which indices") {
  const auto all = indices({".tasks", "books", "films", "logs-1", "logs-2"});
  CHECK(names_of(choose_indices(all, {}, {"logs-*", "-logs-2"}, true)) == Names{"logs-1"});
  CHECK(names_of(choose_indices(all, {}, {"-logs-*"}, true)) == Names{"books", "films"});
  CHECK(names_of(choose_indices(all, {}, {"*"}, true)) == Names{".tasks", "books", "films", "logs-1", "logs-2"});
  CHECK(choose_indices(all, {}, {"logs-*"}, true).own.empty());
}

TEST_CASE("a data stream is named as one, with the indices that it has") {
  const auto all = indices({".ds-events-000001", ".ds-events-000002", ".ds-other-000001", "books"});
  const std::vector<DataStream> streams{{"events", {".ds-events-000001", ".ds-events-000002"}},
                                        {"other", {".ds-other-000001"}}};
  const SearchChoice choice = choose_indices(all, streams, {"-other"}, true);
  CHECK(choice.named() == Names{"events", "books"});
  CHECK(names_of(choice) == Names{".ds-events-000001", ".ds-events-000002", "books"});
  CHECK(choice.own.empty());
}

TEST_CASE("names go into as few addresses as may hold them") {
  CHECK(path_batches({}).empty());
  CHECK(path_batches({"a", "b#"}) == Names{"a,b%23"});
  const Names batches = path_batches(Names(40, std::string(200, 'x')));
  CHECK(batches.size() == 3);
  for (const std::string& batch : batches) CHECK(batch.size() <= 3000);
}

TEST_CASE("the reason of an error is the first one and the deepest") {
  using nlohmann::json;
  CHECK(reason_of(json::parse(R"({"error":"plain"})")) == "plain");
  CHECK(reason_of(json::parse(R"({"error":{"type":"x","reason":"a"}})")) == "a");
  CHECK(reason_of(json::parse(R"({"error":{"type":"x","reason":"a","caused_by":{"type":"y","reason":"b","caused_by":
      {"type":"access_denied_exception","reason":"/mnt/x"}}}})")) == "a: access denied: /mnt/x");
  CHECK(reason_of(json::parse(R"({"acknowledged":true})")).empty());
  CHECK(reason_of(json()).empty());
  // Not the user's rights are what lacks.
  const Error blocked = status_failure("PUT /a/_settings", 403,
                                       R"({"error":{"type":"cluster_block_exception","reason":"index [a] blocked"}})");
  CHECK(blocked.code() == Errc::failed);
  CHECK(blocked.hint().contains("lift the block"));
}

}  // namespace
}  // namespace davit::sources
