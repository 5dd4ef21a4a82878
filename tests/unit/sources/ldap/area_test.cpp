#include "sources/ldap/area.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

using namespace davit;
using namespace davit::sources;
using davit::test::read_file;
using davit::test::write_file;
namespace fs = std::filesystem;

namespace {

// A directory of slapd's with files of others beside its own, and the script that exchanges them.
class Bench {
 public:
  Bench() {
    fs::create_directories(tools());
    // Every rename and removal can be the last thing that happens: the script is killed before it, or behind it.
    for (const char* tool : {"mv", "rm", "sync"}) {
      const fs::path path = tools() / tool;
      write_file(path, std::format("#!/bin/sh\nn=$(($(cat {0}) + 1)); echo $n > {0}\n"
                                   "[ \"$n\" != \"$(cat {1})\" ] || {{ kill -9 $PPID; exit 1; }}\n"
                                   "PATH=/usr/bin:/bin {2} \"$@\"; rc=$?\n"
                                   "[ \"$n\" != \"$(cat {3})\" ] || kill -9 $PPID\nexit $rc\n",
                                   (root_ / "count").string(), (root_ / "before").string(),
                                   std::string_view(tool) == "sync" ? "true" : tool,  // nobody cuts the power here
                                   (root_ / "behind").string()));
      fs::permissions(path, fs::perms::owner_all);
    }
    kill_at(0, 0);
  }
  // At the n-th tool from here on; 0: never.
  void kill_at(int before, int behind) {
    write_file(root_ / "count", "0\n");
    write_file(root_ / "before", std::to_string(before) + "\n");
    write_file(root_ / "behind", std::to_string(behind) + "\n");
  }
  [[nodiscard]] int tools_used() const { return std::stoi(read_file(root_ / "count")); }

  void fill() {
    fs::remove_all(directory());
    fs::create_directories(directory() / "cn=config");
    write_file(directory() / "cn=config.ldif", "old");
    write_file(directory() / "cn=config" / "schema.ldif", "old");
    write_file(directory() / "started-with-tls", "marker");
    write_file(directory() / "cert.pem", "certificate");
  }
  void make_new() {
    fs::create_directories(area() / "new" / "cn=config");
    write_file(area() / "new" / "cn=config.ldif", "new");
    write_file(area() / "new" / "cn=config" / "schema.ldif", "new");
  }
  test::Finished run(const char* task, const std::vector<std::string>& made = {}, const char* id = "4f2a") {
    std::vector<std::string> argv{"env",
                                  "PATH=" + tools().string() + ":/usr/bin:/bin",
                                  "sh",
                                  "-c",
                                  ldap_area_script(),
                                  "davit",
                                  task,
                                  id,
                                  std::format("{}:{}", ::getuid(), ::getgid()),
                                  "config",
                                  directory().string(),
                                  place ? directory().string() : std::string()};
    argv.insert(argv.end(), made.begin(), made.end());
    return test::run_tool(argv);
  }
  // What slapd would find, and whether everybody else's files are there.
  [[nodiscard]] std::string contents() const {
    std::string text =
        read_file(directory() / "cn=config.ldif") + " " + read_file(directory() / "cn=config" / "schema.ldif");
    if (read_file(directory() / "cert.pem") != "certificate") text += ", the certificate is lost";
    if (read_file(directory() / "started-with-tls") != "marker") text += ", the marker is lost";
    if (fs::exists(area())) text += ", and an area";
    return text;
  }
  bool place = false;  // the directory is that of a volume that is restored along
  [[nodiscard]] fs::path directory() const { return root_ / "slapd.d"; }
  [[nodiscard]] fs::path area() const { return directory() / ".davit-ldap-4f2a"; }

 private:
  [[nodiscard]] fs::path tools() const { return root_ / "tools"; }
  test::TemporaryDirectory root_;
};

}  // namespace

TEST_CASE("what slapd keeps in a directory is exchanged, and what lies beside it stays", "[ldap]") {
  Bench bench;
  bench.fill();
  const auto begun = bench.run("begin");
  INFO(begun.output);
  REQUIRE(begun.exit_code == 0);
  CHECK(fs::is_directory(bench.area() / "stage"));
  CHECK(bench.contents() == "old old, and an area");
  bench.make_new();
  REQUIRE(bench.run("exchange").exit_code == 0);
  CHECK(bench.contents() == "new new, and an area");
  SECTION("and back") {
    REQUIRE(bench.run("undo").exit_code == 0);
    CHECK(bench.contents() == "old old");
    CHECK(bench.run("undo").exit_code == 0);
  }
  SECTION("and the old ones go") {
    REQUIRE(bench.run("finish").exit_code == 0);
    CHECK(bench.contents() == "new new");
  }
}

TEST_CASE("a directory that is missing is made, and goes again", "[ldap]") {
  Bench bench;
  const auto missing = bench.run("missing");
  CHECK(missing.output == bench.directory().string() + "\n");
  REQUIRE(bench.run("begin", {bench.directory().string()}).exit_code == 0);
  bench.make_new();
  REQUIRE(bench.run("exchange").exit_code == 0);
  CHECK(read_file(bench.directory() / "cn=config.ldif") == "new");
  REQUIRE(bench.run("undo", {bench.directory().string()}).exit_code == 0);
  CHECK_FALSE(fs::exists(bench.directory()));
  CHECK(bench.run("undo", {bench.directory().string()}).exit_code == 0);
}

TEST_CASE("a second restore does not begin where one was cut off", "[ldap]") {
  Bench bench;
  bench.fill();
  REQUIRE(bench.run("begin").exit_code == 0);
  const auto other = bench.run("begin", {}, "other");
  CHECK(other.exit_code == 82);
  CHECK(other.output.contains(bench.area().string()));
  REQUIRE(bench.run("undo").exit_code == 0);
  CHECK(bench.run("begin", {}, "other").exit_code == 0);
}

TEST_CASE("an exchange that is killed anywhere leads back, and so does an undo that is killed", "[ldap]") {
  Bench bench;
  const auto prepare = [&] {
    bench.kill_at(0, 0);
    bench.fill();
    REQUIRE(bench.run("begin").exit_code == 0);
    bench.make_new();
  };
  prepare();
  bench.kill_at(0, 0);
  REQUIRE(bench.run("exchange").exit_code == 0);
  const int steps = bench.tools_used();
  REQUIRE(steps >= 6);
  bench.kill_at(0, 0);
  REQUIRE(bench.run("undo").exit_code == 0);
  const int back = bench.tools_used();
  REQUIRE(back >= 6);
  for (const bool behind : {false, true})
    for (int at = 1; at <= steps; ++at) {
      prepare();
      bench.kill_at(behind ? 0 : at, behind ? at : 0);
      CHECK(bench.run("exchange").exit_code != 0);
      bench.kill_at(0, 0);
      REQUIRE(bench.run("undo").exit_code == 0);
      CHECK(bench.contents() == "old old");
    }
  for (const bool behind : {false, true})
    for (int at = 1; at <= back; ++at) {
      prepare();
      REQUIRE(bench.run("exchange").exit_code == 0);
      bench.kill_at(behind ? 0 : at, behind ? at : 0);
      CHECK(bench.run("undo").exit_code != 0);
      bench.kill_at(0, 0);
      REQUIRE(bench.run("undo").exit_code == 0);
      CHECK(bench.contents() == "old old");
    }
}

TEST_CASE("what the helper of a volume has put back by itself is left alone by an undo", "[ldap]") {
  Bench bench;
  bench.place = true;
  const fs::path helper_area = bench.directory() / ".davit-restore-4f2a";
  const auto prepare = [&] {
    bench.kill_at(0, 0);
    bench.fill();
    fs::create_directories(helper_area);
    REQUIRE(bench.run("begin").exit_code == 0);
    bench.make_new();
  };
  // As the helper does it: whatever bears the name goes, and what there was before the restore comes.
  const auto lead_back = [&](bool had_old) {
    for (const char* name : {"cn=config", "cn=config.ldif"}) fs::remove_all(bench.directory() / name);
    fs::remove_all(helper_area);
    if (!had_old) return;
    fs::create_directories(bench.directory() / "cn=config");
    write_file(bench.directory() / "cn=config.ldif", "oldest");
    write_file(bench.directory() / "cn=config" / "schema.ldif", "oldest");
  };
  prepare();
  REQUIRE(bench.run("exchange").exit_code == 0);
  const int steps = bench.tools_used();
  REQUIRE(steps >= 6);
  for (const bool had_old : {true, false})
    for (int at = 1; at <= steps + 1; ++at) {
      prepare();
      bench.kill_at(at, 0);
      CHECK((bench.run("exchange").exit_code == 0) == (at > steps));
      bench.kill_at(0, 0);
      lead_back(had_old);
      REQUIRE(bench.run("undo").exit_code == 0);
      CHECK(bench.contents() == (had_old ? "oldest oldest" : " "));
    }
  // One that is yet to be led back gets what the exchange has taken.
  prepare();
  REQUIRE(bench.run("exchange").exit_code == 0);
  REQUIRE(bench.run("undo").exit_code == 0);
  CHECK(bench.contents() == "old old");
}
