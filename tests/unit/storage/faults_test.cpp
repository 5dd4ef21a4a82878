// The promise worth most: whatever fails, nothing half-made is ever listed.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "catalog/catalog.hpp"
#include "storage/memory_storage.hpp"
#include "support/faulty_storage.hpp"
#include "support/sample_backup.hpp"
#include "support/storage_access.hpp"

using davit::Errc;
using davit::storage::MemoryStorage;
using namespace davit::test;

TEST_CASE("a backup whose k-th operation fails is not there at all, for every k", "[storage][faults]") {
  const bool dead_after = GENERATE(false, true);
  std::uint64_t k = 0;
  for (bool failed = true; failed;) {
    Faults faults;
    faults.fail_at = ++k;
    faults.dead_after = dead_after;
    INFO("operation " << k << (dead_after ? ", and all after it" : ""));
    MemoryStorage inner;
    FaultyStorage storage(inner, faults);
    const auto made = make_sample_backup(storage, "run");
    failed = storage.failed();
    auto seen = look_for_sample_backup(inner);
    REQUIRE(seen);
    CHECK(made.has_value() == !failed);
    CHECK((*seen == Seen::whole) == made.has_value());
    CHECK(inner.list("")->size() == (made ? 5U : 0U));
    if (!made) CHECK(made.error().code() == Errc::unavailable);
  }
  CHECK(k > 15);
}

TEST_CASE("a backup that cannot be looked at is not taken for absent, for every k", "[storage][faults]") {
  MemoryStorage inner;
  REQUIRE(make_sample_backup(inner, "run"));
  std::uint64_t k = 0;
  for (bool failed = true; failed;) {
    Faults faults;
    faults.fail_at = ++k;
    FaultyStorage storage(inner, faults);
    const auto seen = look_for_sample_backup(storage);
    failed = storage.failed();
    INFO("operation " << k);
    if (failed) {
      REQUIRE_FALSE(seen);
      CHECK(seen.error().code() == Errc::unavailable);
    } else {
      CHECK(seen == Seen::whole);
    }
  }
  CHECK(k > 5);
}

TEST_CASE("a manifest that is read cut or altered is corrupt", "[storage][faults]") {
  MemoryStorage inner;
  REQUIRE(make_sample_backup(inner, "run"));
  const auto entry = davit::catalog::find(inner, "shop", "latest");
  REQUIRE(entry);
  const std::size_t size = get(inner, entry->key + "/manifest.json")->size();
  for (std::size_t at = 0; at < size; at += 7) {
    Faults cut;
    cut.cut_reads_after = at;
    CHECK(davit::catalog::load(FaultyStorage(inner, cut), *entry).error().code() == Errc::corrupt);
    Faults flip;
    flip.flip_byte_at = at;
    CHECK(davit::catalog::load(FaultyStorage(inner, flip), *entry).error().code() == Errc::corrupt);
  }
}
