#include "sources/restore_checks.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

namespace davit::sources {
namespace {

using test::make_container;
using test::make_volume_info;

PlaceCheck empty_volume() {
  PlaceCheck check;
  check.what = "volume shop_data";
  check.seen.free_bytes = 1000;
  check.needed_bytes = 1000;
  check.stack = "shop";
  return check;
}

TEST_CASE("nothing stands in the way of a place that is empty and large enough") {
  CHECK(check_place(empty_volume()).empty());
  PlaceCheck missing = empty_volume();
  missing.seen.exists = false;
  missing.seen.free_bytes = 0;
  CHECK(check_place(missing).empty());
}

TEST_CASE("data is in the way unless it is what the backup holds, and may be replaced") {
  PlaceCheck check = empty_volume();
  check.seen.empty = false;
  check.seen.entries = 1204;
  check.seen.used_bytes = 5000;
  const auto conflicts = check_place(check);
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].what == "volume shop_data holds data (1204 entries, 5 kB)");
  CHECK(conflicts[0].replaceable);
  check.left_out = {"cache", "*.tmp"};
  CHECK(check_place(check)[0].what.ends_with(
      "; what davit.exclude kept out of the backup is lost with it (cache, *.tmp)"));
  check.same_contents = true;
  CHECK(check_place(check).empty());

  PlaceCheck leftover = empty_volume();
  leftover.seen.leftovers = {"dead"};
  REQUIRE(check_place(leftover).size() == 1);
}

TEST_CASE("what runs and too little space stand in the way even of --replace") {
  PlaceCheck check = empty_volume();
  const auto app = make_container({.service = "app"});
  const auto app2 = make_container({.service = "app", .number = 2});
  const auto db = make_container({.service = "db"});
  auto other = make_container({.service = "x", .labels = {{"com.docker.compose.project", "elsewhere"}}});
  other.name = "other";
  check.users = {&app, &app2, &db, &other};
  check.needed_bytes = 1001;
  const auto conflicts = check_place(check);
  REQUIRE(conflicts.size() == 2);
  CHECK(conflicts[0].what == "volume shop_data is in use by shop-app-1, shop-app-2, shop-db-1, other");
  CHECK(conflicts[0].remedy == "stop the services first: docker compose -p shop stop app db; docker stop other");
  CHECK_FALSE(conflicts[0].replaceable);
  CHECK(conflicts[1].what.contains("free, and the restore needs"));
  CHECK_FALSE(conflicts[1].replaceable);
}

TEST_CASE("a volume that is not the one of the backup is a conflict, and no value of its options is shown") {
  const auto recorded =
      make_volume_info("shop_data", "data", {{"com.docker.compose.version", "2.20"}}, {{"o", "password=secret"}});
  const auto same =
      make_volume_info("shop_data", "data", {{"com.docker.compose.version", "2.40"}}, {{"o", "password=secret"}});
  CHECK(check_volume(same, &recorded).empty());
  auto other = make_volume_info("shop_data", "", {}, {{"o", "password=other"}});
  other.driver = "nfs";
  const auto conflicts = check_volume(other, &recorded);
  REQUIRE(conflicts.size() == 4);
  CHECK(conflicts[0].what == "volume shop_data has the driver nfs, and had local");
  CHECK(conflicts[1].what == "volume shop_data has other options than it had");
  CHECK(conflicts[2].what.contains("com.docker.compose.project=\"\", and had \"shop\""));
  for (const Conflict& conflict : conflicts) {
    CHECK(conflict.replaceable);
    CHECK_FALSE((conflict.what + conflict.remedy).contains("password"));
  }
}

TEST_CASE("a place that holds the repository is never replaced, nor is one inside it") {
  const std::vector<std::string> skip{"/srv/shop/backups/", "/var/lib/docker/volumes/repo/_data"};
  const auto whole = check_backups("directory /srv/shop", "/srv/shop", skip);
  REQUIRE(whole);
  CHECK_FALSE(whole->replaceable);
  CHECK(whole->what.contains("/srv/shop/backups"));
  CHECK(check_backups("x", "/srv/shop/backups/sub", skip));
  CHECK(check_backups("x", "/var/lib/docker/volumes/repo/_data", skip));
  CHECK_FALSE(check_backups("x", "/srv/shop/config", skip));
  CHECK_FALSE(check_backups("x", "/srv/shop/backups2", skip));
  CHECK_FALSE(check_backups("x", "", skip));
}

TEST_CASE("a file is in the way if it is there and not known to be the same") {
  const std::vector<FileCheck> files{
      {"compose.yaml", true, "a", "a"}, {".env", true, "a", "b"}, {"gone", false, "a", ""}, {"unknown", true, "", ""}};
  const auto conflicts = check_files("/srv/shop", files);
  REQUIRE(conflicts.size() == 2);
  CHECK(conflicts[0].what == "/srv/shop/.env exists with other contents");
  CHECK(conflicts[0].replaceable);
  CHECK(conflicts[1].what == "/srv/shop/unknown exists with other contents");
}

}  // namespace
}  // namespace davit::sources
