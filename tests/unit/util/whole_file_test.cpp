#include "util/whole_file.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "support/temporary_directory.hpp"

using davit::Errc;
using davit::read_whole_file;

TEST_CASE("a file is read as a whole, up to the limit and not beyond") {
  const davit::test::TemporaryDirectory directory;
  const std::string path = directory / "file";
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096},
                                 std::size_t{4097}, std::size_t{100'000}}) {
    std::string text(size, 'x');
    if (size > 0) text.back() = '\0';
    davit::test::write_file(path, text);
    CHECK(read_whole_file(path) == text);
    CHECK(read_whole_file(path, size) == text);
    if (size == 0) continue;
    const auto over = read_whole_file(path, size - 1);
    REQUIRE_FALSE(over);
    CHECK(over.error().code() == Errc::failed);
  }
}

TEST_CASE("files of /proc, which say that they are empty, are read") {
  const auto stat = read_whole_file("/proc/self/stat");
  REQUIRE(stat);
  CHECK(stat->starts_with(std::to_string(::getpid()) + " "));
}

TEST_CASE("what can't be read says so") {
  const davit::test::TemporaryDirectory directory;
  CHECK(read_whole_file(directory / "gone").error().code() == Errc::not_found);
  const auto odd = read_whole_file(directory.path());
  REQUIRE_FALSE(odd);
  CHECK(odd.error().message() == "read " + directory.path().string() + ": is a directory");
}
