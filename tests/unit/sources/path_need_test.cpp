#include "sources/path_need.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit::sources;

TEST_CASE("a path that a restore needs is read again from its line, and no other line has one") {
  for (const char* path : {"/srv/tls", "/srv/a of the host (b", "/"}) {
    INFO(path);
    CHECK(needed_path(path_need(path, "bind mount of web")) == path);
  }
  CHECK(path_need("/srv/tls", "bind mount of web") == "path /srv/tls of the host (bind mount of web)");
  for (const char* line : {"network proxy (external)", "path x of the host (y)", "path /x", ""})
    CHECK_FALSE(needed_path(line));
}
