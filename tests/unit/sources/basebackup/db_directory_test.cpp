#include "sources/basebackup/db_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "sources/postgres/programs.hpp"
#include "support/quiet_run.hpp"
#include "support/temporary_directory.hpp"
#include "util/unique_fd.hpp"

namespace davit::sources {

namespace fs = std::filesystem;

TEST_CASE("the directory for what is put aside is found by its name, on either side") {
  engine::ContainerInfo container;
  engine::Mount mount;
  mount.type = "bind";
  mount.source = "/srv/backups/.db";
  mount.destination = "/staging";
  mount.writable = true;
  container.mounts = {mount};
  CHECK(db_directory_of(container) == "/staging");
  container.mounts[0].source = "/srv/other";
  CHECK(db_directory_of(container).empty());
  container.mounts[0].destination = "/.db";
  CHECK(db_directory_of(container) == "/.db");
  container.mounts[0].writable = false;
  CHECK(db_directory_of(container).empty());
}

TEST_CASE("what dead runs have put aside goes, and nothing else") {
  const test::TemporaryDirectory directory;
  const fs::path root = directory.path();
  const auto put = [&](const fs::path& name, const std::string& text) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  };
  put("data/PG_VERSION", "17");
  put("db/davit-aaaaaaaa/pid", "999999999\n");
  put("db/davit-aaaaaaaa/set/base.tar", "x");
  put("db/davit-bbbbbbbb/set/base.tar", "x");   // killed before it said who it is
  put("db/davit-cccccccc/pid", "999999999\n");  // of another container, where it lives
  const int held = ::open((root / "db/davit-cccccccc/pid").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(held >= 0);
  const UniqueFd lock(held);
  REQUIRE(::flock(lock.get(), LOCK_EX | LOCK_NB) == 0);
  put("db/davit-mine", "its user's");
  put("db/dump.sql", "its user's");
  put("db/.hidden file", "its user's");
  test::QuietRun run;
  const auto answer =
      Programs::on_this_machine({"PATH=/usr/bin:/bin"})
          .ask({"sh", "-c", std::string(tending_script()), "davit", (root / "db").string(), (root / "data").string()},
               run.context);
  REQUIRE(answer.has_value());
  CHECK(answer->outcome.exit_code == 0);
  CHECK(!fs::exists(root / "db/davit-aaaaaaaa"));
  CHECK(!fs::exists(root / "db/davit-bbbbbbbb"));
  CHECK(fs::exists(root / "db/davit-cccccccc/pid"));
  CHECK(fs::exists(root / "db/davit-mine"));
  CHECK(fs::exists(root / "db/dump.sql"));
  CHECK(fs::exists(root / "db/.hidden file"));
  std::string said;
  for (const std::string& line : read_tending(answer->out, "/.db")) said += line + "\n";
  CAPTURE(said);
  CHECK(said.contains("davit-aaaaaaaa in /.db, left by a dead run, was removed"));
  CHECK(said.contains("holds what is not davit's, and stays: "));
  CHECK(said.contains("dump.sql"));
  CHECK(said.contains(".hidden file"));
}

TEST_CASE("of much that is not davit's only some is named") {
  std::string out;
  for (int i = 0; i < 7; ++i) out += "foreign file" + std::to_string(i) + std::string(1, '\0');
  const auto lines = read_tending(out, "/.db");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with("file4 and 2 others"));
  CHECK(read_tending("", "/.db").empty());
  CHECK(read_tending(std::string("stranger 999:999\0", 17), "/.db").front().contains("chown 999:999"));
}

}  // namespace davit::sources
