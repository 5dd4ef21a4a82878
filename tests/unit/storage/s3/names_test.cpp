#include <catch2/catch_test_macros.hpp>
#include <random>

#include "storage/s3/lease.hpp"
#include "storage/s3/object_name.hpp"
#include "storage/s3/part_plan.hpp"

using namespace davit::storage::s3;

TEST_CASE("keys that S3 can hold are their names", "[storage][s3]") {
  for (const std::string key : {"backups/shop/20261121T083000Z-4f2a/manifest.json", "gr\xc3\xbc\xc3\x9f", "a b", "wow!",
                                "!", "!4", "!41", "100%", "db/my%22db.dump", "\xe6\x97\xa5"}) {
    CHECK(encode_key(key) == key);
    CHECK(decode_key(key) == key);
  }
  CHECK(encode_key("a\xff") == "a!FF");
  CHECK(encode_key("\n") == "!0A");
  CHECK(encode_key("!21") == "!2121");
  CHECK(encode_key("!FF") == "!21FF");
  CHECK(decode_key("!21FF") == "!FF");
}

TEST_CASE("names that no key has are nobody's", "[storage][s3]") {
  for (const std::string name : {"", ".current/x", "a//b", "a/", "!0a", "a\n", "\xff", "!C3!BC", "!2F"})
    CHECK((name == "!0a" || name == "!2F" ? decode_key(name) == name : !decode_key(name)));
}

TEST_CASE("keys of any bytes come back from their names", "[storage][s3]") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string key = "k";
    for (auto i = random() % 12; i > 0; --i) {
      constexpr std::string_view kOften = "!0A21FF\xc3\xbc\x01";
      char c = random() % 2 == 0 ? kOften[random() % kOften.size()] : static_cast<char>(random() % 255 + 1);
      if (c == '/' || c == '\0') c = 'x';
      key += c;
    }
    INFO(key);
    const std::string name = encode_key(key);
    CHECK(decode_key(name) == key);
    CHECK(name.starts_with(plain_beginning(key)));
  }
}

TEST_CASE("parts are equal for long and then grow", "[storage][s3]") {
  constexpr std::size_t kFirst = std::size_t{16} << 20U;
  CHECK(part_size(1, kFirst) == kFirst);
  CHECK(part_size(kEqualParts, kFirst) == kFirst);
  CHECK(part_size(kEqualParts + 1, kFirst) == 2 * kFirst);
  CHECK(part_size(kEqualParts + kPartsOfASize, kFirst) == 2 * kFirst);
  CHECK(part_size(kEqualParts + kPartsOfASize + 1, kFirst) == 4 * kFirst);
  std::uint64_t all = 0;
  for (std::uint32_t number = 1; number <= kMostParts; ++number) {
    CHECK(part_size(number, kFirst) <= kMostPartBytes);
    all += part_size(number, kFirst);
  }
  CHECK(all > std::uint64_t{2'000'000'000'000});
  CHECK(part_size(kMostParts, kMostPartBytes) == kMostPartBytes);
}

TEST_CASE("a lease says what it said", "[storage][s3]") {
  const LeaseText set{
      .is_set = true, .name = "p/backups/shop/1", .objects = {"p/backups/shop/1/a \"b\"", "c"}, .last = "m"};
  CHECK(parse_lease(render_lease(set)) == set);
  const LeaseText object{.is_set = false, .name = "p/dump", .objects = {}, .last = {}};
  CHECK(parse_lease(render_lease(object)) == object);
  for (const std::string bad : {"", "{}", "[]", "{\"davit_lease\": 2, \"set\": \"x\"}", "{\"davit_lease\": 1}",
                                "{\"davit_lease\": 1, \"set\": 7}"})
    CHECK_FALSE(parse_lease(bad));
}
