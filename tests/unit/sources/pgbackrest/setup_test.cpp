#include "sources/pgbackrest/setup.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/quiet_run.hpp"
#include "support/temporary_directory.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;

// pgBackRest's files on this machine, in a directory that would outlive the container, and a server whose superuser is
// postgres.
class Bench {
 public:
  Bench() {
    put("bin/psql", "#!/bin/sh\necho postgres\n");
    put("bin/stat", "#!/bin/sh\n[ \"$2\" != %d ] || exec echo \"$3\"\nPATH=/usr/bin:/bin exec stat \"$@\"\n");
    for (const char* program : {"bin/psql", "bin/stat"}) fs::permissions(root() / program, fs::perms::owner_all);
    fs::create_directories(root() / "etc/conf.d");
  }
  void put(const fs::path& name, const std::string& text) const {
    fs::create_directories((root() / name).parent_path());
    std::ofstream(root() / name) << text;
  }
  [[nodiscard]] std::string text_of(const fs::path& name) const {
    std::ifstream in(root() / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] Cluster cluster() const {
    return {Programs::on_this_machine({"PATH=" + (root() / "bin").string() + ":/usr/bin:/bin",
                                       "PGBACKREST_CONFIG_PATH=" + (root() / "etc").string()}),
            "/data"};
  }
  Result<std::vector<std::string>> write(const SetupOptions& options) {
    return write_configuration(cluster(), options, run_.context);
  }
  [[nodiscard]] RunContext& run() { return run_.context; }

 private:
  [[nodiscard]] fs::path root() const { return directory_.path(); }
  test::TemporaryDirectory directory_;
  test::QuietRun run_;
};

}  // namespace

TEST_CASE("what is missing in pgBackRest's configuration is written, and once only", "[pgbackrest]") {
  Bench bench;
  const auto written = bench.write({.stanza = "db", .retention_full = {}});
  REQUIRE(written);
  CHECK(written->size() == 3);
  const std::string text = bench.text_of("etc/pgbackrest.conf");
  CHECK(text.contains("[db]\npg1-path=/data\n"));
  CHECK(text.contains("repo1-retention-full=1\n"));
  CHECK(text.contains("start-fast=y\n"));
  const auto again = bench.write({.stanza = "db", .retention_full = 1});
  REQUIRE(again);
  CHECK(again->empty());
  CHECK(bench.text_of("etc/pgbackrest.conf") == text);
}

TEST_CASE("what a file that is included says is as good", "[pgbackrest]") {
  Bench bench;
  const std::string included = "[db]\npg1-path = /data\n[global]\nrepo1-retention-full=2\nrepo1-path=/elsewhere\n";
  bench.put("etc/conf.d/db.conf", included);
  const auto written = bench.write({.stanza = "db", .retention_full = {}});
  REQUIRE(written);
  CHECK(written->size() == 1);
  CHECK(bench.text_of("etc/pgbackrest.conf") == "[global]\nstart-fast=y\n");
  const auto place = find_repository(bench.cluster(), bench.run());
  REQUIRE(place);
  CHECK(place->path == "/elsewhere");
  // Twice, it would be an error of pgBackRest's at every segment.
  const auto refused = bench.write({.stanza = "db", .retention_full = 5});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::usage);
  CHECK(refused.error().message().contains("repo1-retention-full stands in a file of"));
  CHECK(bench.text_of("etc/pgbackrest.conf") == "[global]\nstart-fast=y\n");
  CHECK(bench.text_of("etc/conf.d/db.conf") == included);
}

TEST_CASE("how many backups are kept is set where it counts", "[pgbackrest]") {
  Bench bench;
  bench.put("etc/pgbackrest.conf",
            "[global]\nstart-fast=n\nrepo1-retention-full=7\n\n[db]\npg1-path=/data\nrepo1-retention-full=2\n");
  REQUIRE(bench.write({.stanza = "db", .retention_full = 3}));
  const std::string expected =
      "[global]\nstart-fast=n\nrepo1-retention-full=7\n\n[db]\nrepo1-retention-full=3\npg1-path=/data\n";
  CHECK(bench.text_of("etc/pgbackrest.conf") == expected);
  const auto again = bench.write({.stanza = "db", .retention_full = 3});
  REQUIRE(again);
  CHECK(again->empty());
  CHECK(bench.text_of("etc/pgbackrest.conf") == expected);
}

TEST_CASE("the stanza of another cluster is left alone", "[pgbackrest]") {
  Bench bench;
  bench.put("etc/pgbackrest.conf", "[db]\npg1-path=/other\n");
  const auto refused = bench.write({.stanza = "db", .retention_full = {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::usage);
  CHECK(refused.error().message().contains("pg1-path is /other"));
  CHECK(bench.text_of("etc/pgbackrest.conf") == "[db]\npg1-path=/other\n");
}

}  // namespace davit::sources
