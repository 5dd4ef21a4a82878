#include "sources/host_path.hpp"

#include <catch2/catch_test_macros.hpp>

#include "util/text.hpp"

namespace davit::sources {
namespace {

TEST_CASE("paths become normal, and never leave the root") {
  CHECK(normal_path("/srv//shop/./x/../") == "/srv/shop");
  CHECK(normal_path("/../..") == "/");
  CHECK(normal_path("config/app.ini", "/srv/shop") == "/srv/shop/config/app.ini");
  CHECK(normal_path("../other", "/srv/shop") == "/srv/other");
  CHECK(normal_path("./", "/srv/shop") == "/srv/shop");
  CHECK(normal_path("/a/..b/...", "/srv") == "/a/..b/...");
}

TEST_CASE("a path is below a directory by its parts, not by its letters") {
  CHECK(path_below("/srv/shop/a/b", "/srv/shop") == "a/b");
  CHECK(path_below("/srv/shop", "/srv/shop") == ".");
  CHECK_FALSE(path_below("/srv/shopping", "/srv/shop"));
  CHECK_FALSE(path_below("/srv", "/srv/shop"));
  CHECK(path_below("/etc", "/") == "etc");
  CHECK(path_below("/", "/") == ".");
  CHECK(parent_of("/etc") == "/");
  CHECK(parent_of("/srv/shop") == "/srv");
  CHECK(parent_of("/") == "/");
  CHECK(last_part("/srv/shop") == "shop");
}

TEST_CASE("names of artefacts fit into a file name and stay apart") {
  CHECK(artefact_name("config/nginx") == "config%2Fnginx");
  const std::string long_a = std::string(300, 'a') + "1";
  const std::string long_b = std::string(300, 'a') + "2";
  CHECK(artefact_name(long_a).size() == 200);
  CHECK(artefact_name(long_a) == artefact_name(long_a));
  CHECK(artefact_name(long_a) != artefact_name(long_b));
  CHECK(artefact_name(std::string(70, '\xff')).size() <= 200);
}

}  // namespace
}  // namespace davit::sources
