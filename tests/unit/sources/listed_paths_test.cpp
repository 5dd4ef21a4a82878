#include "sources/listed_paths.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit::sources;

TEST_CASE("a list of paths is taken apart where the next one begins, also where a path has a comma") {
  using Paths = std::vector<std::string>;
  CHECK(listed_paths("/srv/a,b/compose.yaml,/srv/a,b/extra.yaml") ==
        Paths{"/srv/a,b/compose.yaml", "/srv/a,b/extra.yaml"});
  CHECK(listed_paths("-,/srv/compose.yaml,-") == Paths{"-", "/srv/compose.yaml", "-"});
  CHECK(listed_paths("/srv/compose.yaml") == Paths{"/srv/compose.yaml"});
}
