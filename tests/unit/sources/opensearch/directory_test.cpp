#include "sources/opensearch/directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/stack.hpp"

namespace davit::sources {
namespace {

engine::ContainerInfo with(std::vector<engine::Mount> mounts) {
  engine::ContainerInfo info;
  info.mounts = std::move(mounts);
  return info;
}
SearchNode node(std::string name, std::vector<std::string> paths) { return {std::move(name), std::move(paths), {}, 1}; }

const engine::Mount kOwn = test::bind_mount("/srv/backup/.opensearch", "/mnt/snapshots");

TEST_CASE("the snapshot directory is the mount that path.repo names") {
  const auto found = find_search_directory(with({test::volume_mount("data", "/usr/share/opensearch/data"), kOwn}),
                                           "search", {node("a", {"/elsewhere", "/mnt/snapshots/x"})});
  REQUIRE(found);
  CHECK(found->path == "/mnt/snapshots/x");
  CHECK(found->host == "/srv/backup/.opensearch/x");
  CHECK(found->repository() == "/mnt/snapshots/x/davit");
  CHECK(found->own);
  CHECK(found->mount.empty());
}

TEST_CASE("one called .opensearch comes before another, and a volume will do") {
  const auto other = test::bind_mount("/srv/other", "/other");
  const auto found = find_search_directory(with({other, kOwn}), "search", {node("a", {"/other", "/mnt/snapshots"})});
  REQUIRE(found);
  CHECK(found->host == "/srv/backup/.opensearch");
  CHECK(found->mount == "/srv/backup/.opensearch");

  const auto volume = find_search_directory(with({test::volume_mount("snapshots", "/snapshots")}), "search",
                                            {node("a", {"/snapshots"})});
  REQUIRE(volume);
  CHECK(volume->mount == "snapshots");
  CHECK(volume->host == "/var/lib/docker/volumes/snapshots/_data");
  CHECK_FALSE(volume->own);
}

void refused(const Result<SearchDirectory>& found, std::string_view what, std::string_view hint) {
  REQUIRE_FALSE(found);
  INFO(found.error().message() << " | " << found.error().hint());
  CHECK(found.error().code() == Errc::usage);
  CHECK(found.error().message().contains(what));
  CHECK(found.error().hint().contains(hint));
}

TEST_CASE("what is missing is said in lines of the compose file") {
  refused(find_search_directory(with({}), "search", {node("a", {})}), "path.repo is not set on its node a",
          "to service search in the compose file `environment: [\"path.repo=/mnt/opensearch\"]` and `volumes: "
          "[\"${BACKUP_ROOT}/.opensearch:/mnt/opensearch\"]`");
  refused(find_search_directory(with({kOwn}), "search", {node("a", {})}), "path.repo is not set",
          "`environment: [\"path.repo=/mnt/snapshots\"]`, on every node");
  refused(find_search_directory(with({}), "search", {node("a", {"/mnt/repo"})}), "is no mount",
          "file `volumes: [\"${BACKUP_ROOT}/.opensearch:/mnt/repo\"]`");
  refused(find_search_directory(with({kOwn}), "search", {node("a", {"/mnt/repo"})}), "is no mount",
          "`environment: [\"path.repo=/mnt/snapshots\"]`");
  refused(find_search_directory(with({kOwn}), "search", {node("a", {"/mnt/snapshots"}), node("b", {}), node("c", {})}),
          "node b, c", "path.repo=/mnt/snapshots");
  refused(find_search_directory(with({kOwn}), "search", {node("a", {"/mnt/snapshots"}), node("b", {"/x"})}),
          "no directory in common", "path.repo");
  refused(
      find_search_directory(with({test::bind_mount("/srv/.opensearch", "/s", false)}), "search", {node("a", {"/s"})}),
      "mounted read-only", "`:ro`");
}

}  // namespace
}  // namespace davit::sources
