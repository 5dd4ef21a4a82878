#include "catalog/catalog.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "storage/memory_storage.hpp"
#include "support/sample_manifest.hpp"
#include "support/storage_access.hpp"

using davit::Errc;
using davit::storage::MemoryStorage;
using namespace davit::catalog;
using namespace davit::test;

namespace {

void add(MemoryStorage& storage, const std::string& stack, const std::string& id) {
  Manifest manifest = sample_manifest();
  manifest.stack = stack;
  manifest.id = id;
  REQUIRE(put(storage, key_of(stack, id) + "/volumes/a.tar", "a"));
  REQUIRE(put(storage, key_of(stack, id) + "/manifest.json", *render_manifest(manifest)));
}

std::vector<std::string> ids(const MemoryStorage& storage, std::string_view stack = {}) {
  auto entries = list(storage, stack);
  REQUIRE(entries);
  std::vector<std::string> found;
  for (const Entry& entry : *entries) found.push_back(entry.stack + " " + entry.id);
  return found;
}

const std::string kOld = "20261119T235959Z-aaaa";
const std::string kMiddle = "20261120T083000Z-00ff";
const std::string kNew = "20261121T083000Z-4f2a";

}  // namespace

TEST_CASE("an id is the time and something random", "[catalog]") {
  const davit::TimePoint time = sample_manifest().started;
  const std::string id = make_id(time);
  CHECK(is_id(id));
  CHECK(id.starts_with("20261121T083000Z-"));
  std::set<std::string> different;
  for (int i = 0; i < 20; ++i) different.insert(make_id(time));
  CHECK(different.size() > 10);
  for (const std::string text : {"", "latest", "20261121T083000Z", "20261121T083000Z-4f2", "20261121T083000Z-4f2a0",
                                 "20261121T083000Z-4F2A", "20261121T083000Z_4f2a", "2026112XT083000Z-4f2a"})
    CHECK_FALSE(is_id(text));
  CHECK(key_of("shop", kNew) == "backups/shop/" + kNew);
  CHECK(key_of("../my shop", kNew) == "backups/%2E.%2Fmy%20shop/" + kNew);
}

TEST_CASE("backups are listed oldest first, and nothing else is", "[catalog]") {
  MemoryStorage storage;
  CHECK(ids(storage).empty());
  add(storage, "shop", kNew);
  add(storage, "shop", kOld);
  add(storage, "blog", kMiddle);
  add(storage, "sh\xff/op", kMiddle);
  // None of these is a backup.
  for (const std::string key :
       {"backups/manifest.json", "backups/shop/manifest.json", "backups/shop/keep/manifest.json",
        "backups/shop/20261122T083000Z-0000/volumes/a.tar", "backups/shop/20261122T083000Z-0001/sub/manifest.json",
        "backups/shop/20261122T083000Z-0002/manifest.json.part", "backups/%zz/20261122T083000Z-0003/manifest.json",
        "manifest.json", "other/shop/20261122T083000Z-0004/manifest.json"})
    REQUIRE(put(storage, key, "x"));
  using Ids = std::vector<std::string>;
  CHECK(ids(storage) == Ids{"shop " + kOld, "blog " + kMiddle, "sh\xff/op " + kMiddle, "shop " + kNew});
  CHECK(ids(storage, "shop") == Ids{"shop " + kOld, "shop " + kNew});
  CHECK(ids(storage, "sh\xff/op") == Ids{"sh\xff/op " + kMiddle});
  CHECK(ids(storage, "sho").empty());
  CHECK((*list(storage, "blog"))[0].key == "backups/blog/" + kMiddle);
}

TEST_CASE("a backup is found by its id, a beginning of it, or as the latest", "[catalog]") {
  MemoryStorage storage;
  add(storage, "shop", kOld);
  add(storage, "shop", kNew);
  add(storage, "shop", "20261121T083000Z-4f2b");
  CHECK(find(storage, "shop", kOld)->id == kOld);
  CHECK(find(storage, "", kOld)->stack == "shop");
  CHECK(find(storage, "shop", "20261119")->id == kOld);
  CHECK(find(storage, "shop", kNew)->id == kNew);
  CHECK(find(storage, "shop", "latest")->id == "20261121T083000Z-4f2b");
  CHECK(find(storage, "", "latest")->id == "20261121T083000Z-4f2b");

  auto ambiguous = find(storage, "shop", "20261121");
  REQUIRE_FALSE(ambiguous);
  CHECK(ambiguous.error().code() == Errc::usage);
  CHECK(ambiguous.error().message().contains(kNew));
  CHECK(ambiguous.error().message().contains("20261121T083000Z-4f2b"));
  CHECK_FALSE(ambiguous.error().message().contains(kOld));
  CHECK(find(storage, "shop", "").error().code() == Errc::usage);

  auto absent = find(storage, "shop", "2025");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);
  CHECK(absent.error().hint().contains(kOld));
  CHECK(find(storage, "shop", kOld + "0").error().code() == Errc::not_found);
}

TEST_CASE("with several stacks, latest wants a name", "[catalog]") {
  MemoryStorage storage;
  CHECK(find(storage, "", "latest").error().code() == Errc::not_found);
  CHECK(find(storage, "shop", "latest").error().code() == Errc::not_found);
  add(storage, "shop", kNew);
  add(storage, "blog", kOld);
  auto which = find(storage, "", "latest");
  REQUIRE_FALSE(which);
  CHECK(which.error().code() == Errc::usage);
  CHECK(which.error().message().contains("blog, shop"));
  CHECK(find(storage, "blog", "latest")->id == kOld);
  auto unknown = find(storage, "wiki", "latest");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == Errc::not_found);
  CHECK(unknown.error().message().contains("no backup of stack wiki"));
  CHECK(unknown.error().hint().contains("blog, shop"));
  // The same id in two stacks, as after a copy.
  add(storage, "blog", kNew);
  CHECK(find(storage, "", kNew).error().code() == Errc::usage);
  CHECK(find(storage, "blog", kNew)->stack == "blog");
}

TEST_CASE("a manifest is loaded and held against its place", "[catalog]") {
  MemoryStorage storage;
  add(storage, "shop", kNew);
  auto entry = find(storage, "shop", kNew);
  REQUIRE(entry);
  auto manifest = load(storage, *entry);
  REQUIRE(manifest);
  CHECK(render_manifest(*manifest) == *get(storage, entry->key + "/manifest.json"));

  const std::string text = *get(storage, entry->key + "/manifest.json");
  REQUIRE(put(storage, key_of("shop", kOld) + "/manifest.json", text));
  REQUIRE(put(storage, key_of("blog", kNew) + "/manifest.json", text));
  REQUIRE(put(storage, key_of("blog", kOld) + "/manifest.json", text.substr(1)));
  CHECK(load(storage, *find(storage, "shop", kOld)).error().code() == Errc::corrupt);
  CHECK(load(storage, *find(storage, "blog", kNew)).error().code() == Errc::corrupt);
  CHECK(load(storage, *find(storage, "blog", kOld)).error().code() == Errc::corrupt);
  CHECK(load(storage, {"shop", kMiddle, key_of("shop", kMiddle)}).error().code() == Errc::not_found);
}
