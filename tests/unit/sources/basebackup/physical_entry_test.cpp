#include "sources/basebackup/physical_entry.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

namespace davit::sources {

TEST_CASE("the journal's entry of a cluster is read back as it was written") {
  PhysicalEntry entry;
  entry.run = "4f2a";
  entry.project = "shop";
  entry.service = "d\xff b";
  entry.container = "0123456789ab";
  entry.ran = true;
  const nlohmann::json written = nlohmann::json::parse(to_json(entry).dump());
  CHECK(written.at("kind") == "physical");
  const auto read = physical_entry_from(written);
  REQUIRE(read.has_value());
  CHECK(read->service == entry.service);
  CHECK(read->project == "shop");
  CHECK(read->container == entry.container);
  CHECK(read->ran);
  CHECK(!read->fresh);
  CHECK(read->key() == entry.key());
  for (const char* field : {"run", "names", "container", "ran", "fresh"}) {
    nlohmann::json without = written;
    without.erase(field);
    const auto refused = physical_entry_from(without);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == Errc::corrupt);
  }
}

}  // namespace davit::sources
