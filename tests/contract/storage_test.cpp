// One suite for every storage: what storage/storage.hpp promises.

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <thread>

#include "storage_factories.hpp"
#include "support/storage_access.hpp"

using davit::Errc;
using davit::storage::ObjectInfo;
using davit::storage::Storage;
using namespace davit::test;

namespace {

// Each test runs once for each storage.
StorageFixture any_storage() {
  static const std::vector<StorageFactory> factories = storage_factories();
  const std::size_t index = GENERATE(range(std::size_t{0}, storage_factories().size()));
  UNSCOPED_INFO("storage: " << factories[index].name);
  return factories[index].make();
}

template <class T>
Errc code_of(const davit::Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code();
}

std::vector<std::string> keys(const Storage& storage, std::string_view prefix = {}) {
  auto listed = storage.list(prefix);
  REQUIRE(listed);
  std::vector<std::string> found;
  for (const ObjectInfo& info : *listed) found.push_back(info.key);
  return found;
}

const std::vector<std::string> kOddKeys = {
    "plain",
    "two words/three more words",
    "percent%20 100%/%2F%zz",
    "gr\xc3\xbc\xc3\x9f"
    "e/\xe6\x97\xa5\xe6\x9c\xac",
    "latin1 \xfc\xff\x80/\xfe",
    "quotes \" ' ` $(x) ; & | < > \\ * ?",
    "-dash/--option/~tilde/#hash/a.b..c",
    "control \x01\x1b[31m\x7f\n\t end",
    "a/b/c/d/e/f/g/h/i/j/k/l",
    std::string(200, 'n') + "/" + std::string(200, 'm'),
    std::string(255, 'x'),
    "plus+and=and:and,and@",
};

}  // namespace

TEST_CASE("an object comes back as it was written", "[storage]") {
  auto fixture = any_storage();
  const std::string text = sample_bytes(3'000'001);
  auto writer = fixture.storage->create("dir/object");
  REQUIRE(writer);
  std::string_view rest = text;
  for (std::size_t size = 1; !rest.empty(); size = size * 3 + 1) {
    REQUIRE(write_text(**writer, rest.substr(0, size)));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  REQUIRE(write_text(**writer, ""));
  REQUIRE((*writer)->finish());
  auto info = (*writer)->commit();
  REQUIRE(info);
  CHECK(info->key == "dir/object");
  CHECK(info->bytes == text.size());
  CHECK(get(*fixture.storage, "dir/object") == text);
  auto stat = fixture.storage->stat("dir/object");
  REQUIRE(stat);
  CHECK(stat->bytes == text.size());
  const auto age = std::chrono::system_clock::now() - stat->modified;
  CHECK(age < std::chrono::minutes(10));
  CHECK(age > -std::chrono::minutes(10));
}

TEST_CASE("an object of no bytes is an object", "[storage]") {
  auto fixture = any_storage();
  REQUIRE(put(*fixture.storage, "empty", ""));
  CHECK(get(*fixture.storage, "empty") == "");
  CHECK(fixture.storage->stat("empty")->bytes == 0);
  CHECK(keys(*fixture.storage) == std::vector<std::string>{"empty"});
}

TEST_CASE("reading begins at an offset", "[storage]") {
  auto fixture = any_storage();
  const std::string text = sample_bytes(100'000);
  REQUIRE(put(*fixture.storage, "object", text));
  for (const std::size_t offset : {0U, 1U, 4095U, 4096U, 99'999U, 100'000U})
    CHECK(get(*fixture.storage, "object", offset) == text.substr(offset));
  CHECK(code_of(get(*fixture.storage, "object", 100'001)) == Errc::usage);
}

TEST_CASE("the end is told again at each further read", "[storage]") {
  auto fixture = any_storage();
  REQUIRE(put(*fixture.storage, "object", "abc"));
  auto source = fixture.storage->open("object");
  REQUIRE(source);
  std::array<std::byte, 8> buffer{};
  std::size_t total = 0;
  while (total < 3) {
    auto count = (*source)->read(buffer);
    REQUIRE(count);
    REQUIRE(*count > 0);
    total += *count;
  }
  CHECK((*source)->read(buffer) == std::size_t{0});
  CHECK((*source)->read(buffer) == std::size_t{0});
}

TEST_CASE("keys are bytes", "[storage]") {
  auto fixture = any_storage();
  for (const std::string& key : kOddKeys) {
    INFO(key);
    auto info = put(*fixture.storage, key, "contents of " + key);
    REQUIRE(info);
    CHECK(info->key == key);
  }
  for (const std::string& key : kOddKeys) {
    INFO(key);
    CHECK(get(*fixture.storage, key) == "contents of " + key);
    CHECK(fixture.storage->stat(key)->key == key);
    CHECK(keys(*fixture.storage, key) == std::vector{key});
  }
  auto sorted = kOddKeys;
  std::ranges::sort(sorted);
  CHECK(keys(*fixture.storage) == sorted);
  for (const std::string& key : kOddKeys) REQUIRE(fixture.storage->remove(key));
  CHECK(keys(*fixture.storage).empty());
}

TEST_CASE("what is no key is refused everywhere", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  REQUIRE(put(storage, "there/object", "x"));
  const std::vector<std::string> bad = {
      "",
      "/",
      "/a",
      "a/",
      "a//b",
      ".",
      "..",
      "../a",
      "a/..",
      "a/./b",
      "a/../../b",
      ".current/x",
      ".db/x",
      "a/.tmp",
      {"a\0b", 3},
      std::string(256, 'x'),
      std::string(200, 'x') + "/" + std::string(200, 'x') + "/" + std::string(200, 'x') + "/" + std::string(200, 'x')};
  for (const std::string& key : bad) {
    INFO(key);
    CHECK(code_of(storage.create(key)) == Errc::usage);
    CHECK(code_of(storage.open(key)) == Errc::usage);
    CHECK(code_of(storage.stat(key)) == Errc::usage);
    CHECK(code_of(storage.remove(key)) == Errc::usage);
    CHECK(code_of(storage.stage(key, "run")) == Errc::usage);
    CHECK(code_of(storage.stage("backups/x", key)) == Errc::usage);
    auto set = storage.stage("backups/shop/1", "run");
    REQUIRE(set);
    CHECK(code_of((*set)->create(key)) == Errc::usage);
    CHECK(code_of((*set)->publish(key, "x")) == Errc::usage);
    REQUIRE((*set)->discard());
  }
  CHECK(code_of(storage.stage("backups/x", "two/parts")) == Errc::usage);
  // A prefix is no key; one that leads nowhere finds nothing.
  for (const std::string prefix : {"/", "..", "../", "a//", "there/../there", ".current/", "there/object/"})
    CHECK(keys(storage, prefix).empty());
  CHECK(keys(storage) == std::vector<std::string>{"there/object"});
}

TEST_CASE("absent is not found, and only that", "[storage]") {
  auto fixture = any_storage();
  REQUIRE(put(*fixture.storage, "a/b", "x"));
  for (const std::string key : {"c", "a", "a/c", "a/b/c", "c/d/e"}) {
    INFO(key);
    CHECK(code_of(fixture.storage->open(key)) == Errc::not_found);
    CHECK(code_of(fixture.storage->stat(key)) == Errc::not_found);
    CHECK(fixture.storage->remove(key));
  }
  CHECK(get(*fixture.storage, "a/b") == "x");
  CHECK(keys(*fixture.storage, "c/").empty());
}

TEST_CASE("listing goes by the text of the prefix, sorted", "[storage]") {
  auto fixture = any_storage();
  for (const std::string key : {"a/1", "a/10", "a/2/x", "a-b", "a", "ab/c", "b"})
    if (key != "a") REQUIRE(put(*fixture.storage, key, key));
  using Keys = std::vector<std::string>;
  CHECK(keys(*fixture.storage) == Keys{"a-b", "a/1", "a/10", "a/2/x", "ab/c", "b"});
  CHECK(keys(*fixture.storage, "a") == Keys{"a-b", "a/1", "a/10", "a/2/x", "ab/c"});
  CHECK(keys(*fixture.storage, "a/") == Keys{"a/1", "a/10", "a/2/x"});
  CHECK(keys(*fixture.storage, "a/1") == Keys{"a/1", "a/10"});
  CHECK(keys(*fixture.storage, "a/2/") == Keys{"a/2/x"});
  CHECK(keys(*fixture.storage, "a/2/x") == Keys{"a/2/x"});
  CHECK(keys(*fixture.storage, "a/2/xy").empty());
  CHECK(keys(*fixture.storage, "c").empty());
}

TEST_CASE("a listing may be long", "[storage]") {
  auto fixture = any_storage();
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    expected.push_back("many/" + std::to_string(i % 7) + "/object " + std::to_string(i));
    REQUIRE(put(*fixture.storage, expected.back(), std::to_string(i)));
  }
  std::ranges::sort(expected);
  CHECK(keys(*fixture.storage, "many/") == expected);
}

TEST_CASE("what was not committed is never seen", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  {
    auto opened = storage.create("dir/opened");
    auto written = storage.create("dir/written");
    auto finished = storage.create("dir/finished");
    REQUIRE(opened);
    REQUIRE(write_text(**written, sample_bytes(100'000)));
    REQUIRE(write_text(**finished, "abc"));
    REQUIRE((*finished)->finish());
    CHECK(keys(storage).empty());
    for (const std::string key : {"dir/opened", "dir/written", "dir/finished"})
      CHECK(code_of(storage.stat(key)) == Errc::not_found);
  }
  CHECK(keys(storage).empty());
  CHECK(put(storage, "dir/written", "now"));
  CHECK(get(storage, "dir/written") == "now");
}

TEST_CASE("a writer insists on its order", "[storage]") {
  auto fixture = any_storage();
  auto writer = fixture.storage->create("object");
  REQUIRE(writer);
  CHECK(code_of((*writer)->commit()) == Errc::bug);
  writer = fixture.storage->create("object");
  REQUIRE(write_text(**writer, "abc"));
  REQUIRE((*writer)->finish());
  CHECK(code_of(write_text(**writer, "d")) == Errc::bug);
  REQUIRE((*writer)->commit());
  CHECK(code_of((*writer)->commit()) == Errc::bug);
  CHECK(get(*fixture.storage, "object") == "abc");
}

TEST_CASE("an object is never replaced", "[storage]") {
  auto fixture = any_storage();
  REQUIRE(put(*fixture.storage, "object", "first"));
  CHECK(code_of(put(*fixture.storage, "object", "second")) == Errc::exists);
  CHECK(get(*fixture.storage, "object") == "first");

  auto one = fixture.storage->create("contended");
  auto two = fixture.storage->create("contended");
  REQUIRE(one);
  REQUIRE(two);
  REQUIRE(write_text(**one, "one"));
  REQUIRE(write_text(**two, "two"));
  REQUIRE((*one)->finish());
  REQUIRE((*two)->finish());
  REQUIRE((*two)->commit());
  CHECK(code_of((*one)->commit()) == Errc::exists);
  one->reset();
  CHECK(get(*fixture.storage, "contended") == "two");
}

TEST_CASE("of many writers of one key one wins, whole", "[storage]") {
  auto fixture = any_storage();
  constexpr int kWriters = 8;
  std::vector<std::string> outcomes(kWriters);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kWriters; ++i)
      threads.emplace_back([&, i] {
        const auto stored = put(*fixture.storage, "deep/down/object", sample_bytes(200'000, static_cast<unsigned>(i)));
        outcomes[static_cast<std::size_t>(i)] = stored ? "stored" : std::string(davit::name_of(stored.error().code()));
      });
  }
  CHECK(std::ranges::count(outcomes, "stored") == 1);
  CHECK(std::ranges::count(outcomes, "exists") == kWriters - 1);
  const auto winner = static_cast<unsigned>(std::ranges::find(outcomes, "stored") - outcomes.begin());
  CHECK(get(*fixture.storage, "deep/down/object") == sample_bytes(200'000, winner));
  CHECK(keys(*fixture.storage).size() == 1);
}

TEST_CASE("a reader keeps what it opened", "[storage]") {
  auto fixture = any_storage();
  const std::string text = sample_bytes(300'000);
  REQUIRE(put(*fixture.storage, "object", text));
  auto first = fixture.storage->open("object");
  auto second = fixture.storage->open("object", 5);
  CHECK(davit::stream::read_all(**first, 1U << 20U) == text);
  CHECK(davit::stream::read_all(**second, 1U << 20U) == text.substr(5));
}

TEST_CASE("removed is gone, and may be stored anew", "[storage]") {
  auto fixture = any_storage();
  REQUIRE(put(*fixture.storage, "a/b/c", "1"));
  REQUIRE(put(*fixture.storage, "a/d", "2"));
  REQUIRE(fixture.storage->remove("a/b/c"));
  REQUIRE(fixture.storage->remove("a/b/c"));
  CHECK(code_of(fixture.storage->stat("a/b/c")) == Errc::not_found);
  CHECK(contents(*fixture.storage) == std::map<std::string, std::string>{{"a/d", "2"}});
  REQUIRE(put(*fixture.storage, "a/b/c", "3"));
  CHECK(get(*fixture.storage, "a/b/c") == "3");
}

TEST_CASE("a set is seen once it is published, whole", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  auto set = storage.stage("backups/shop/1", "run");
  REQUIRE(set);
  const std::string big = sample_bytes(500'000);
  REQUIRE(put(**set, "volumes/uploads.tar.zst", big));
  REQUIRE(put(**set, "db/db/my%22db.dump", ""));
  CHECK(code_of(put(**set, "db/db/my%22db.dump", "again")) == Errc::exists);
  CHECK(code_of(storage.stat("backups/shop/1/manifest.json")) == Errc::not_found);
  {
    auto dropped = (*set)->create("dropped");
    REQUIRE(dropped);
    REQUIRE(write_text(**dropped, "not to be seen"));
  }
  REQUIRE((*set)->publish("manifest.json", "{}"));
  const std::map<std::string, std::string> expected = {{"backups/shop/1/db/db/my%22db.dump", ""},
                                                       {"backups/shop/1/manifest.json", "{}"},
                                                       {"backups/shop/1/volumes/uploads.tar.zst", big}};
  CHECK(contents(storage) == expected);
  CHECK((*set)->discard());
  CHECK(code_of((*set)->create("late")) == Errc::bug);
  CHECK(code_of((*set)->publish("manifest.json", "again")) == Errc::bug);
  set->reset();
  CHECK(contents(storage) == expected);
}

TEST_CASE("a set that is dropped or discarded leaves nothing", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  for (const bool discard : {true, false}) {
    auto set = storage.stage("backups/shop/1", "run");
    REQUIRE(set);
    REQUIRE(put(**set, "volumes/a", "a"));
    auto open = (*set)->create("volumes/b");
    REQUIRE(write_text(**open, "b"));
    if (discard) {
      REQUIRE((*set)->discard());
      CHECK(keys(storage).empty());
    }
    open->reset();
    set->reset();
    CHECK(keys(storage).empty());
    CHECK(storage.sweep({})->empty());
  }
}

TEST_CASE("a set in the making has a name of its own", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  auto one = storage.stage("backups/shop/1", "run");
  REQUIRE(one);
  CHECK(code_of(storage.stage("backups/shop/2", "run")) == Errc::exists);
  auto other = storage.stage("backups/shop/2", "other");
  REQUIRE(other);
  REQUIRE(put(**one, "a", "1"));
  REQUIRE(put(**other, "a", "2"));
  REQUIRE((*other)->publish("manifest.json", "m2"));
  REQUIRE((*one)->publish("manifest.json", "m1"));
  CHECK(contents(storage) == std::map<std::string, std::string>{{"backups/shop/1/a", "1"},
                                                                {"backups/shop/1/manifest.json", "m1"},
                                                                {"backups/shop/2/a", "2"},
                                                                {"backups/shop/2/manifest.json", "m2"}});
  CHECK(storage.stage("backups/shop/3", "run"));
}

TEST_CASE("a published set is never replaced", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  auto first = storage.stage("backups/shop/1", "first");
  auto second = storage.stage("backups/shop/1", "second");
  REQUIRE(put(**first, "a", "first"));
  REQUIRE(put(**second, "a", "second"));
  REQUIRE(put(**second, "b", "second"));
  REQUIRE((*first)->publish("manifest.json", "first"));
  CHECK(code_of((*second)->publish("manifest.json", "second")) == Errc::exists);
  second->reset();
  CHECK(contents(storage) ==
        std::map<std::string, std::string>{{"backups/shop/1/a", "first"}, {"backups/shop/1/manifest.json", "first"}});
}

TEST_CASE("a set with an open writer is not published", "[storage]") {
  auto fixture = any_storage();
  auto set = fixture.storage->stage("backups/shop/1", "run");
  auto writer = (*set)->create("a");
  REQUIRE(write_text(**writer, "half"));
  CHECK(code_of((*set)->publish("manifest.json", "{}")) == Errc::bug);
  CHECK(keys(*fixture.storage).empty());
}

TEST_CASE("a sweep takes nothing that lives or is published", "[storage]") {
  auto fixture = any_storage();
  Storage& storage = *fixture.storage;
  auto published = storage.stage("backups/shop/1", "one");
  REQUIRE((*published)->publish("manifest.json", "{}"));
  auto living = storage.stage("backups/shop/2", "two");
  REQUIRE(put(**living, "a", "a"));
  REQUIRE(put(storage, "object", "x"));
  CHECK(storage.sweep({})->empty());
  REQUIRE((*living)->publish("manifest.json", "{}"));
  CHECK(keys(storage) == std::vector<std::string>{"backups/shop/1/manifest.json", "backups/shop/2/a",
                                                  "backups/shop/2/manifest.json", "object"});
}
