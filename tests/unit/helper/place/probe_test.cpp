#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>

#include "helper/place/place.hpp"
#include "stream/memory_stream.hpp"
#include "support/tree.hpp"
#include "util/unique_fd.hpp"

namespace davit::helper {
namespace {

using test::Tree;

TEST_CASE("a probe that is asked for paths is about these alone") {
  const Tree place;
  test::make_file(place / "compose.yaml", std::string(5000, 'x'));
  std::filesystem::create_directories(place / "config/nginx");
  test::make_file(place / "config/nginx/a.conf", "1");
  test::make_file(place / "config/other", "2");
  test::make_file(place / "data", std::string(100'000, 'x'));
  std::filesystem::create_symlink("data", place / "link");

  const auto some = probe_place(place.fd(), {"compose.yaml", "config/nginx", "link", "missing/file"});
  REQUIRE(some);
  CHECK(some->present == std::vector<std::string>{"compose.yaml", "config/nginx", "link"});
  CHECK(some->directories == std::vector<std::string>{"config/nginx"});
  CHECK(some->links == std::vector<std::string>{"link"});
  CHECK(some->entries == 4);  // the two, a.conf and the link
  CHECK(some->used_bytes < 100'000);
  CHECK_FALSE(some->empty);

  const auto none = probe_place(place.fd(), {"config/missing"});
  REQUIRE(none);
  CHECK(none->empty);
  CHECK(none->entries == 0);
  CHECK(none->present.empty());
}

TEST_CASE("leftovers of a restore are seen by a probe of paths, too") {
  const Tree place;
  std::filesystem::create_directories(place / ".davit-restore-dead/old");
  test::make_file(place / "compose.yaml", "x");
  for (const std::vector<std::string>& paths : {std::vector<std::string>{}, std::vector<std::string>{"compose.yaml"}}) {
    const auto probe = probe_place(place.fd(), paths);
    REQUIRE(probe);
    CHECK(probe->leftovers == std::vector<std::string>{"dead"});
    CHECK(probe->entries == 1);
  }
}

TEST_CASE("the repository is known by what it is, found by a probe and left out of an archive") {
  const Tree place;
  std::filesystem::create_directories(place / "deep/repository/backups");
  test::make_file(place / "deep/file", "1");
  test::make_file(place / "deep/repository/backups/manifest.json", "{}");
  struct stat status{};
  REQUIRE(::stat((place / "deep/repository").c_str(), &status) == 0);
  const DirectoryId repository{status.st_dev, status.st_ino};
  CHECK(probe_place(place.fd(), {}, repository)->holds_repository);
  CHECK_FALSE(probe_place(place.fd(), {}, DirectoryId{status.st_dev, status.st_ino + 1'000'000})->holds_repository);
  CHECK_FALSE(probe_place(place.fd(), {})->holds_repository);

  PackOptions options;
  options.repository = repository;
  stream::MemorySink tar;
  const auto report = pack_place(place.fd(), options, tar, {});
  REQUIRE(report);
  CHECK(report->entries == 3);  // the root, deep, deep/file
  REQUIRE(report->findings.size() == 1);
  CHECK(report->findings.front().path == "deep/repository");

  const UniqueFd inside(::open((place / "deep/repository").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(probe_place(inside.get(), {}, repository)->holds_repository);
  stream::MemorySink nothing;
  CHECK(pack_place(inside.get(), options, nothing, {}).error().code() == Errc::usage);
}

}  // namespace
}  // namespace davit::helper
