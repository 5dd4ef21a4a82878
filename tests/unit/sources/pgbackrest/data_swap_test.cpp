#include "sources/pgbackrest/data_swap.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "supervise/control_socket.hpp"
#include "support/process.hpp"
#include "support/quiet_run.hpp"
#include "support/temporary_directory.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;

// The script on this machine, with programs that end the whole of it at the n-th call, as SIGKILL would.
class Bench {
 public:
  Bench() {
    put("data/PG_VERSION", "17");
    put("data/global/pg_control", "old");
    put("data/base/1/2", "old");
    put("data/.hidden", "old");
    put("data/only old", "old");
    put("space/PG_17/1", "old");
    fs::create_directories(root() / "data/pg_tblspc");
    fs::create_symlink(root() / "space", root() / "data/pg_tblspc/16384");
  }

  [[nodiscard]] fs::path root() const { return directory_.path(); }
  [[nodiscard]] std::string space() const { return (root() / "space").string(); }

  void put(const fs::path& name, const std::string& text) const {
    fs::create_directories((root() / name).parent_path());
    std::ofstream(root() / name) << text;
  }

  // Without what is behind the n-th rename; 0: whole.
  [[nodiscard]] Cluster cluster(int dies_at = 0) const {
    fs::create_directories(root() / "bin");
    std::ofstream(root() / "count") << dies_at;
    std::ofstream mv(root() / "bin/mv");
    mv << "#!/bin/sh\nn=$(cat '" << root().string() << "/count')\n"
       << "if [ \"$n\" = 1 ]; then kill -9 0; fi\n"
       << "if rm '" << root().string() << "/starts' 2>/dev/null; then printf '7\\n/data\\n1\\n' >'" << root().string()
       << "/data/postmaster.pid'; fi\n"
       << "echo $((n - 1)) >'" << root().string() << "/count'\nPATH=/usr/bin:/bin exec mv \"$@\"\n";
    mv.close();
    fs::permissions(root() / "bin/mv", fs::perms::owner_all);
    return {Programs::on_this_machine({"PATH=" + (root() / "bin").string() + ":/usr/bin:/bin"}),
            (root() / "data").string()};
  }
  // Found before the machine's own.
  void program(const std::string& name, const std::string& body) const {
    std::ofstream(root() / "bin" / name) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(root() / "bin" / name, fs::perms::owner_all);
  }
  [[nodiscard]] bool died() const {
    int left = 0;
    std::ifstream(root() / "count") >> left;
    return left == 1;
  }

  // What pgBackRest would leave.
  void restore() const {
    const fs::path fresh = "data/.davit-restore/new";
    put(fresh / "PG_VERSION", "17");
    put(fresh / "global/pg_control", "new");
    put(fresh / "base/1/2", "new");
    put(fresh / "only new", "new");
    put("space/.davit-restore/new/PG_17/1", "new");
    fs::create_directories(root() / fresh / "pg_tblspc");
    fs::create_symlink(root() / "space/.davit-restore/new", root() / fresh / "pg_tblspc/16384");
  }

  // Every file with its text, every link with where it leads.
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    for (const char* top : {"data", "space"})
      for (const auto& entry : fs::recursive_directory_iterator(root() / top)) {
        const std::string name = entry.path().lexically_relative(root()).string();
        if (entry.is_symlink()) {
          found[name] = fs::read_symlink(entry.path()).string();
        } else if (entry.is_regular_file()) {
          std::ifstream in(entry.path());
          found[name] = std::string(std::istreambuf_iterator<char>(in), {});
        }
      }
    return found;
  }
  [[nodiscard]] std::vector<Tablespace> tablespaces() const { return {{"ts", 16384, space()}}; }

 private:
  test::TemporaryDirectory directory_;
};

// A server neither starts on a mixture, nor does an image make a new cluster.
void check_guarded(const Bench& bench) {
  const auto files = bench.files();
  CHECK(files.contains("data/PG_VERSION"));
  if (!files.contains("data/global/pg_control")) return;
  const std::string whose = files.at("data/global/pg_control");
  CHECK(files.at("data/base/1/2") == whose);
  CHECK(files.at("space/PG_17/1") == whose);
  CHECK(files.contains("data/only " + whose));
}

}  // namespace

TEST_CASE("a restored cluster changes places with the old one, and the old one goes", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  const Cluster cluster = bench.cluster();
  const DataSwap swap(cluster);
  CHECK(*swap.state(run.context) == DataSwap::State::none);
  REQUIRE(swap.check(run.context));
  CHECK(swap.space(run.context)->free > 0);
  REQUIRE(swap.begin(bench.tablespaces(), false, run.context));
  CHECK(*swap.state(run.context) == DataSwap::State::restoring);
  CHECK(fs::is_directory(swap.fresh_directory()));
  CHECK(fs::is_directory(DataSwap::fresh_directory(bench.tablespaces().front())));
  bench.restore();
  REQUIRE(swap.exchange(run.context));
  CHECK(*swap.state(run.context) == DataSwap::State::swapped);
  REQUIRE(swap.finish(run.context));
  CHECK(*swap.state(run.context) == DataSwap::State::none);
  const std::map<std::string, std::string> expected{{"data/PG_VERSION", "17"},
                                                    {"data/base/1/2", "new"},
                                                    {"data/global/pg_control", "new"},
                                                    {"data/only new", "new"},
                                                    {"data/pg_tblspc/16384", bench.space()},
                                                    {"space/PG_17/1", "new"}};
  CHECK(bench.files() == expected);
}

TEST_CASE("killed at any rename, the old cluster comes back whole, also when that is killed", "[pgbackrest][swap]") {
  test::QuietRun run;
  bool whole = false;
  int deaths = 0;
  for (int dies_at = 1; !whole; ++dies_at) {
    const Bench bench;
    const auto before = bench.files();
    const Cluster cluster = bench.cluster();
    REQUIRE(DataSwap(cluster).begin(bench.tablespaces(), false, run.context));
    bench.restore();
    static_cast<void>(DataSwap(bench.cluster(dies_at)).exchange(run.context));
    whole = !bench.died();
    if (!whole) ++deaths;
    check_guarded(bench);
    // Each undo gets one rename further than the last.
    for (int undo_dies_at = 1; *DataSwap(bench.cluster()).state(run.context) != DataSwap::State::none; ++undo_dies_at) {
      const Cluster dying = bench.cluster(undo_dies_at);
      if (DataSwap(dying).undo(run.context)) REQUIRE(DataSwap(bench.cluster()).clear(run.context));
      check_guarded(bench);
      REQUIRE(undo_dies_at < 100);
    }
    CAPTURE(dies_at);
    CHECK(bench.files() == before);
  }
  CHECK(deaths > 10);
}

TEST_CASE("no files are taken from a server that somebody has started meanwhile", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  bench.put("data/postmaster.pid", "5\n/data\n1\n");  // of one that was killed: nobody's
  const auto before = bench.files();
  const Cluster cluster = bench.cluster();
  const DataSwap swap(cluster);
  REQUIRE(swap.begin(bench.tablespaces(), false, run.context));
  bench.restore();
  bench.put("starts", "");
  const auto refused = swap.exchange(run.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().contains("a server was started on these files meanwhile"));
  CHECK(bench.files().at("data/global/pg_control") == "old");
  CHECK(bench.files().at("data/only old") == "old");
  CHECK(*swap.state(run.context) == DataSwap::State::restoring);
  // It is stopped again, and has left nothing.
  bench.put("data/postmaster.pid", "5\n/data\n1\n");
  REQUIRE(swap.exchange(run.context));
  bench.put("starts", "");
  CHECK_FALSE(swap.undo(run.context));
  CHECK(bench.files().at("data/global/pg_control") == "new");
  CHECK(bench.files().at("space/PG_17/1") == "new");
  CHECK(*swap.state(run.context) == DataSwap::State::swapped);
  REQUIRE(swap.undo(run.context));
  REQUIRE(swap.clear(run.context));
  CHECK(bench.files() == before);
}

TEST_CASE("what a dead run undoes still is waited for", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  const Cluster cluster = bench.cluster();
  const DataSwap swap(cluster);
  REQUIRE(swap.begin(bench.tablespaces(), false, run.context));
  bench.put("data/.davit-restore/step", "returning\n");
  // It ends when somebody waits, which is by sleep, and it would be seen at work until then.
  bench.put("bin/sleep",
            "#!/bin/sh\n: >'" + (bench.root() / "waited").string() + "'\nPATH=/usr/bin:/bin exec sleep \"$@\"\n");
  fs::permissions(bench.root() / "bin/sleep", fs::perms::owner_all);
  const std::string undoes =
      "cd \"$2\"; : >../up; while [ ! -e ../waited ]; do sleep 0.05; done; echo back >.davit-restore/step";
  const std::jthread dead([&] {
    static_cast<void>(test::run_tool({"sh", "-c", undoes, "davit", "undo", (bench.root() / "data").string(), ""}));
  });
  while (!fs::exists(bench.root() / "up")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto state = swap.state(run.context);
  const bool waited = fs::exists(bench.root() / "waited");
  bench.put("waited", "");
  REQUIRE(state);
  CHECK(waited);
  CHECK(*state == DataSwap::State::restoring);
}

TEST_CASE("what is mounted below a data directory can't be moved aside, be it a file", "[pgbackrest][swap]") {
  test::QuietRun run;
  const Programs programs = Programs::on_this_machine({"PATH=/usr/bin:/bin"});
  // The Engine mounts files there, which are of the same file system as others of its volumes.
  const Cluster etc{programs, "/etc"};
  const auto refused = DataSwap(etc).check(run.context);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().contains("is a mount of its own"));
}

TEST_CASE("a tablespace may lie at any odd name", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  const std::string odd = (bench.root() / "data of\todd \\names 'and %s ").string();
  fs::rename(bench.root() / "space", odd);
  const std::vector<Tablespace> tablespaces{{"ts", 16384, odd}};
  const Cluster cluster = bench.cluster();
  const DataSwap swap(cluster);
  REQUIRE(swap.begin(tablespaces, false, run.context));
  bench.restore();
  bench.put(fs::path(DataSwap::fresh_directory(tablespaces.front())) / "PG_17/1", "new");
  REQUIRE(swap.exchange(run.context));
  CHECK(test::read_file(fs::path(odd) / "PG_17/1") == "new");
  CHECK(fs::read_symlink(bench.root() / "data/pg_tblspc/16384").string() == odd);
  REQUIRE(swap.undo(run.context));
  REQUIRE(swap.clear(run.context));
  CHECK(test::read_file(fs::path(odd) / "PG_17/1") == "old");
  CHECK_FALSE(fs::exists(fs::path(odd) / ".davit-restore"));
}

TEST_CASE("tablespaces that would be moved with others are refused before anything is", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  const auto before = bench.files();
  const Cluster cluster = bench.cluster();
  fs::create_directories(bench.root() / "space/inner");
  fs::create_directories(bench.root() / "space 2");
  fs::create_directories(bench.root() / "data/inner");
  fs::create_directory_symlink(bench.root() / "data/inner", bench.root() / "link");
  const auto place = [&](const char* name) { return (bench.root() / name).string(); };
  const std::vector<std::vector<Tablespace>> refused{{{"a", 1, place("space")}, {"b", 2, place("space/inner")}},
                                                     {{"a", 1, place("space/inner")}, {"b", 2, place("space")}},
                                                     {{"a", 1, place("space")}, {"b", 2, place("space/")}},
                                                     {{"a", 1, place("data/inner")}},
                                                     {{"a", 1, place("link")}},
                                                     {{"a", 1, bench.root().string()}}};
  for (const auto& tablespaces : refused) {
    CAPTURE(tablespaces.back().location);
    const auto begun = DataSwap(cluster).begin(tablespaces, false, run.context);
    REQUIRE_FALSE(begun);
    CHECK(begun.error().message().contains("can not be exchanged apart from"));
    REQUIRE(DataSwap(cluster).undo(run.context));
    REQUIRE(DataSwap(cluster).clear(run.context));
    CHECK(bench.files() == before);
  }
  CHECK(DataSwap(cluster).begin({{"a", 1, place("space")}, {"b", 2, place("space 2")}}, false, run.context));
}

TEST_CASE("where the disk is full the old cluster comes back", "[pgbackrest][swap]") {
  const bool exchanged = GENERATE(false, true);
  const Bench bench;
  test::QuietRun run;
  const auto before = bench.files();
  const Cluster cluster = bench.cluster();
  REQUIRE(DataSwap(cluster).begin(bench.tablespaces(), false, run.context));
  bench.restore();
  if (exchanged) REQUIRE(DataSwap(cluster).exchange(run.context));
  // No file can be written to until the room that was kept is given back, or that of the new cluster.
  const std::string folder = (bench.root() / "data/.davit-restore").string();
  bench.program("mkdir", "[ ! -e " + folder + "/reserve ] || { echo full >&2; exit 1; }\nexec /bin/mkdir \"$@\"");
  fs::remove(folder + "/step.new");
  fs::create_symlink("/dev/full", folder + "/step.new");
  bench.program("rm", "for each; do case $each in */reserve | */new) /bin/rm -f '" + folder +
                          "/step.new' ;; esac; done\nexec /bin/rm \"$@\"");
  REQUIRE(DataSwap(cluster).undo(run.context));
  REQUIRE(DataSwap(cluster).clear(run.context));
  CHECK(bench.files() == before);
}

TEST_CASE("whoever is at work there keeps a second one out", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  const Cluster cluster = bench.cluster();
  const DataSwap swap(cluster);
  CHECK(swap.check_nobody_inside(run.context));
  {
    const auto held = supervise::hold_restore_name((bench.root() / "data").string());
    REQUIRE(held);
    CHECK(swap.check_nobody_inside(run.context).error().code() == Errc::locked);
    CHECK(supervise::hold_restore_name((bench.root() / "data").string()).error().code() == Errc::locked);
  }
  CHECK(swap.check_nobody_inside(run.context));
  REQUIRE(swap.begin({}, false, run.context));
  CHECK(swap.check_idle(run.context));
  // As pgbackrest has it in its arguments.
  const pid_t worker = ::fork();
  if (worker == 0) {
    ::execlp("sleep", ("--pg1-path=" + swap.fresh_directory()).c_str(), "60", nullptr);
    ::_exit(1);
  }
  const auto busy = [&] { return !swap.check_idle(run.context); };
  for (int i = 0; i < 500 && !busy(); ++i) ::usleep(10'000);
  CHECK(swap.check_idle(run.context).error().code() == Errc::locked);
  CHECK(::waitpid(worker, nullptr, WNOHANG) == 0);
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  CHECK(swap.check_idle(run.context));
}

TEST_CASE("a copy of the old files is what a restore of differences begins with", "[pgbackrest][swap]") {
  const Bench bench;
  bench.put("data/postmaster.pid", "1");
  test::QuietRun run;
  const Cluster cluster = bench.cluster();
  REQUIRE(DataSwap(cluster).begin(bench.tablespaces(), true, run.context));
  const auto files = bench.files();
  CHECK(files.at("data/.davit-restore/new/global/pg_control") == "old");
  CHECK(files.at("data/.davit-restore/new/.hidden") == "old");
  CHECK_FALSE(files.contains("data/.davit-restore/new/postmaster.pid"));
  CHECK_FALSE(files.contains("data/.davit-restore/new/pg_tblspc/16384"));
  REQUIRE(DataSwap(cluster).undo(run.context));
  REQUIRE(DataSwap(cluster).clear(run.context));
  CHECK_FALSE(fs::exists(bench.root() / "data/.davit-restore"));
}

TEST_CASE("a data directory that was removed is made again, and a missing tablespace is said", "[pgbackrest][swap]") {
  const Bench bench;
  test::QuietRun run;
  const Cluster cluster = bench.cluster();
  const auto missing = DataSwap(cluster).begin({{"gone", 1, "/nowhere/at all"}}, false, run.context);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message().contains("/nowhere/at all"));
  REQUIRE(DataSwap(cluster).undo(run.context));
  REQUIRE(DataSwap(cluster).clear(run.context));
  fs::remove_all(bench.root() / "data");
  CHECK(*DataSwap(cluster).state(run.context) == DataSwap::State::none);
  REQUIRE(DataSwap(cluster).begin({}, false, run.context));
}

}  // namespace davit::sources
