#include "util/temporary_file.hpp"

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>

#include "util/whole_file.hpp"

namespace davit {
namespace {

TEST_CASE("a temporary file has its contents for nobody else, and goes with its object") {
  auto file = TemporaryFile::make("contents");
  REQUIRE(file);
  const std::string path = (*file)->path();
  CHECK(read_whole_file(path) == "contents");
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  file->reset();
  CHECK(::stat(path.c_str(), &status) != 0);
}

}  // namespace
}  // namespace davit
