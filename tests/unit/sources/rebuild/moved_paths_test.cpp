#include "sources/rebuild/moved_paths.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

TEST_CASE("what lies in a directory moves with it, and nothing else") {
  const MovedPaths moved{{{"/srv/shop", "/mnt/new/shop"}}};
  CHECK(moved("/srv/shop") == "/mnt/new/shop");
  CHECK(moved("/srv/shop/config/a b") == "/mnt/new/shop/config/a b");
  CHECK(moved("/srv/shopping") == "/srv/shopping");
  CHECK(moved("/srv") == "/srv");
  CHECK(moved("/var/run/docker.sock") == "/var/run/docker.sock");
  CHECK(moved.moves_any("/srv/shop/x"));
  CHECK_FALSE(moved.moves_any("/srv"));
  CHECK(MovedPaths{}("/srv/shop") == "/srv/shop");
}

TEST_CASE("the longest directory decides, and the root is one") {
  const MovedPaths moved{{{"/", "/mnt"}, {"/srv/shop", "/"}, {"/srv", "/data"}}};
  CHECK(moved("/etc/app") == "/mnt/etc/app");
  CHECK(moved("/srv/other") == "/data/other");
  CHECK(moved("/srv/shop/config") == "/config");
  CHECK(moved("/srv/shop") == "/");
}

}  // namespace
}  // namespace davit::sources
