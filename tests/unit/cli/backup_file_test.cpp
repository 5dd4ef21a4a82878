#include "cli/backup_file.hpp"

#include <catch2/catch_test_macros.hpp>

#include "catalog/manifest.hpp"

namespace davit::cli {
namespace {

TEST_CASE("a path is told from an id, a beginning of one, and latest") {
  for (const std::string id : {"latest", "20261121T083000Z-4f2a", "2026", "2026112", "-"}) CHECK_FALSE(is_file(id));
  for (const std::string file : {"shop.tar", "./shop", "/srv/shop", "shop.tar.zst", "backups/latest", ".shop"})
    CHECK(is_file(file));
}

TEST_CASE("standard input is no place to restore from") {
  Globals globals;
  globals.quiet = true;
  Workbench bench(globals);
  const auto place = place_of(bench, "-");
  REQUIRE_FALSE(place);
  CHECK(place.error().code() == Errc::usage);
  CHECK(place.error().hint().contains("davit import -"));
}

TEST_CASE("a file that is not there is told of by its path") {
  Globals globals;
  globals.quiet = true;
  Workbench bench(globals);
  const auto place = place_of(bench, "/nowhere/shop.tar");
  REQUIRE_FALSE(place);
  CHECK(place.error().code() == Errc::not_found);
  CHECK(place.error().message() == "open /nowhere/shop.tar: no such file or directory");
}

}  // namespace
}  // namespace davit::cli
