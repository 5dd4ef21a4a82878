#include "app/pgbackrest/restore.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/temporary_directory.hpp"
#include "unit/sources/pgbackrest/recorded.hpp"

namespace davit::app {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

// What comes before each program: at the n-th, it fails, and, where davit dies by it, so does everything behind.
constexpr const char* kCount = R"sh(#!/bin/sh
[ ! -e "$ROOT/dead" ] || exit 137
read -r n <"$ROOT/count"
echo $((n - 1)) >"$ROOT/count"
if [ "$n" = 1 ]; then
  [ ! -e "$ROOT/dies" ] || : >"$ROOT/dead"
  exit 137
fi
)sh";

constexpr const char* kPgBackRest = R"sh(
for each; do
  case $each in
    --pg1-path=*) path=${each#*=} ;;
    --tablespace-map=16384=*) space=${each#*=16384=} ;;
    --set=*) set=yes ;;
  esac
done
case " $* " in
  *" info "*) cat "$ROOT/${set:+set-}info.json" ;;
  *" restore "*)
    mkdir -p "$path/global" "$path/base/1" "$path/pg_tblspc" "$space/PG_17"
    echo 17 >"$path/PG_VERSION"
    for name in global/pg_control base/1/2 'only new'; do echo new >"$path/$name"; done
    echo new >"$space/PG_17/1"
    ln -s "$space" "$path/pg_tblspc/16384"
    ;;
esac
)sh";

constexpr const char* kPsql = R"sh(
[ -e "$ROOT/runs" ] || exit 2
[ ! -e "$ROOT/new password" ] || ! grep -q new "$ROOT/data/global/pg_control" || exit 2
case "$*" in *pg_is_in_recovery*) echo 'f|2026-11-21 23:10:51+00' ;; *) echo 7 ;; esac
)sh";

// A server and a repository, both of scripts.
class Bench {
 public:
  Bench() {
    put("data/PG_VERSION", "17\n");
    for (const char* name : {"global/pg_control", "base/1/2", "only old"}) put(fs::path("data") / name, "old\n");
    put("space/PG_17/1", "old\n");
    fs::create_directories(root() / "data/pg_tblspc");
    fs::create_symlink(root() / "space", root() / "data/pg_tblspc/16384");
    put("runs", "");
    put("info.json", test::kTwoSets);
    std::string set = test::kOneSet;
    set.replace(set.find("/tmp/ts"), 7, (root() / "space").string());
    put("set-info.json", set);
    program("pgbackrest", kPgBackRest);
    program("psql", kPsql);
    program("pg_isready", "[ -e \"$ROOT/runs\" ] || exit 2\n");
    for (const char* name : {"sh", "mv"}) program(name, std::string("exec /bin/") + name + " \"$@\"\n");
    before = files();
    after = {{"data/PG_VERSION", "17\n"},
             {"data/base/1/2", "new\n"},
             {"data/global/pg_control", "new\n"},
             {"data/only new", "new\n"},
             {"data/pg_tblspc/16384", (root() / "space").string()},
             {"space/PG_17/1", "new\n"}};
  }

  void dies_at(int n) const {
    put("dies", "");
    put("count", std::to_string(n) + "\n");
  }
  void fails_at(int n) const { put("count", std::to_string(n) + "\n"); }
  [[nodiscard]] bool came_to_it() const {
    int left = 0;
    std::ifstream(root() / "count") >> left;
    return left < 1;
  }
  // The cluster in the repository has another one than the container names.
  void another_password() const { put("new password", ""); }
  [[nodiscard]] bool is_dead() const { return fs::exists(root() / "dead"); }
  [[nodiscard]] bool runs() const { return fs::exists(root() / "runs"); }
  // Somebody else's davit, and a server that starts if it finds a cluster.
  void come_back(bool started) const {
    fs::remove(root() / "dead");
    put("count", "0\n");
    if (started && fs::exists(root() / "data/global/pg_control")) put("runs", "");
  }

  [[nodiscard]] ServerControl control() const {
    const sources::Cluster cluster(
        sources::Programs::on_this_machine(
            {"ROOT=" + root().string(), "PATH=" + (root() / "bin").string() + ":/usr/bin:/bin"}),
        (root() / "data").string());
    const auto lives = [this]() -> Result<> {
      if (is_dead()) return fail(Errc::unavailable, "davit is dead");
      return {};
    };
    return {.cluster = cluster,
            .runs = runs(),
            .stop = [this, lives, cluster](RunContext&) -> Result<sources::Cluster> {
              TRY(lives());
              fs::remove(root() / "runs");
              return cluster;
            },
            .start = [this, lives, cluster](RunContext&) -> Result<sources::Cluster> {
              TRY(lives());
              if (!fs::exists(root() / "data/global/pg_control")) return fail(Errc::failed, "there is no cluster");
              put("runs", "");
              return cluster;
            },
            .leave = [lives](RunContext&) { return lives(); },
            .check_runs = [this, lives](RunContext&) -> Result<> {
              TRY(lives());
              if (!runs()) return fail(Errc::failed, "the server has ended");
              return {};
            }};
  }

  // Every file with its text, every link with where it leads.
  [[nodiscard]] Files files() const {
    Files found;
    for (const char* top : {"data", "space"})
      for (const auto& entry : fs::recursive_directory_iterator(root() / top)) {
        const std::string name = entry.path().lexically_relative(root()).string();
        if (entry.is_symlink()) {
          found[name] = fs::read_symlink(entry.path()).string();
        } else if (entry.is_regular_file()) {
          found[name] = test::read_file(entry.path());
        }
      }
    return found;
  }
  // Neither a server nor an image finds what it would take for a cluster, unless it is one.
  [[nodiscard]] bool is_guarded() const {
    const Files now = files();
    if (!now.contains("data/PG_VERSION")) return false;
    if (!now.contains("data/global/pg_control")) return true;
    for (const auto& [name, text] : now.at("data/global/pg_control") == "old\n" ? before : after)
      if (!now.contains(name) || now.at(name) != text) return false;
    return true;
  }

  test::SkippingClock clock;
  test::QuietReporter reporter;
  RunContext run{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = {}};
  PhysicalRestoreOptions options{.stanza = "db"};
  Files before;
  Files after;

 private:
  [[nodiscard]] fs::path root() const { return directory_.path(); }
  void put(const fs::path& name, const std::string& text) const {
    fs::create_directories((root() / name).parent_path());
    std::ofstream(root() / name) << text;
  }
  void program(const std::string& name, const std::string& text) const {
    put("count", "0\n");
    put("bin/" + name, kCount + text);
    fs::permissions(root() / "bin" / name, fs::perms::owner_all);
  }

  test::TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("a restore leads from a server that runs to one with the restored files", "[pgbackrest][physical]") {
  Bench bench;
  const auto restored = restore_physical(bench.control(), bench.options, bench.run);
  REQUIRE(restored);
  CHECK(restored->set.label == "20261121-231043F_20261121-231050D");
  CHECK(restored->reached == "2026-11-21 23:10:51+00");
  CHECK(restored->warnings.empty());
  CHECK(bench.files() == bench.after);
  CHECK(bench.runs());
}

TEST_CASE("whatever fails once, the old server runs as before, or the new one does", "[pgbackrest][physical]") {
  int old = 0;
  for (int at = 1;; ++at) {
    CAPTURE(at);
    Bench bench;
    bench.fails_at(at);
    const auto restored = restore_physical(bench.control(), bench.options, bench.run);
    if (!bench.came_to_it()) break;
    // What could not be removed is told, and goes the next time.
    if (restored && !restored->warnings.empty()) {
      bench.come_back(false);
      REQUIRE(settle_physical(bench.control(), bench.run));
    }
    CHECK(bench.files() == (restored ? bench.after : bench.before));
    CHECK(bench.runs());
    if (!restored) {
      ++old;
      CAPTURE(restored.error().message());
      CHECK_FALSE(restored.error().message().contains("could not be put back"));
    }
    REQUIRE(at < 500);
  }
  CHECK(old > 10);
}

TEST_CASE("killed at any command, the next davit finds the old state or the new one, and its server runs",
          "[pgbackrest][physical]") {
  // The guard starts the service; in a wrapper's container nobody does.
  std::map<Settled, int> seen;
  for (int at = 1;; ++at) {
    const bool started = at % 2 == 0;
    CAPTURE(started, at);
    Bench bench;
    bench.dies_at(at);
    static_cast<void>(restore_physical(bench.control(), bench.options, bench.run));
    if (!bench.is_dead()) break;
    CHECK(bench.is_guarded());
    bench.come_back(started);
    const auto settled = settle_physical(bench.control(), bench.run);
    REQUIRE(settled);
    ++seen[*settled];
    const Files now = bench.files();
    if (*settled == Settled::restored) CHECK(now == bench.after);
    if (*settled == Settled::old) CHECK(now == bench.before);
    if (*settled == Settled::nothing) CHECK((now == bench.before || now == bench.after));
    CHECK(bench.runs());
    REQUIRE(at < 500);
  }
  CHECK(seen[Settled::nothing] > 0);
  CHECK(seen[Settled::old] > 10);
  CHECK(seen[Settled::restored] > 1);
}

TEST_CASE("a restored cluster that davit can't ask is not waited for for ever", "[pgbackrest][physical]") {
  Bench bench;
  bench.another_password();
  const auto restored = restore_physical(bench.control(), bench.options, bench.run);
  REQUIRE_FALSE(restored);
  CHECK(restored.error().code() == Errc::credentials);
  CHECK(restored.error().message().contains("davit can't ask it"));
  CHECK(restored.error().message().contains("the old cluster is back, and its server runs"));
  CHECK(bench.files() == bench.before);
  CHECK(bench.runs());
}

TEST_CASE("a server that had been stopped stays so when its restore fails", "[pgbackrest][physical]") {
  Bench bench;
  bench.come_back(false);
  auto control = bench.control();
  REQUIRE(control.stop(bench.run));
  control.runs = false;
  bool left = false;
  control.leave = [&left](RunContext&) -> Result<> {
    left = true;
    return {};
  };
  control.start = [](RunContext&) -> Result<sources::Cluster> { return fail(Errc::failed, "it doesn't start"); };
  const auto restored = restore_physical(std::move(control), bench.options, bench.run);
  REQUIRE_FALSE(restored);
  CHECK(restored.error().message() == "it doesn't start; the old cluster is back");
  CHECK(left);
  CHECK(bench.files() == bench.before);
}

}  // namespace davit::app
