#include "sources/one_off.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "engine/decode.hpp"
#include "support/fake_engine.hpp"
#include "support/lives.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using test::lives;
using Mounts = OneOffOptions::Mounts;

const std::string kAnonymous(64, 'a');

engine::ContainerInfo recorded() {
  const auto info = engine::decode_container(json::parse(R"({
    "Id": "1", "Name": "/shop-db-1", "Image": "sha256:db",
    "Config": {"Image": "postgres:17", "Env": ["POSTGRES_PASSWORD=x", "PGDATA=/data", "PATH=/bin"], "Cmd": ["postgres", "-c", "a=b"],
      "Entrypoint": ["docker-entrypoint.sh"], "User": "999", "WorkingDir": "/w", "Hostname": "db", "StopSignal": "SIGINT",
      "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db", "davit.enable": "true"},
      "ExposedPorts": {"5432/tcp": {}}, "Healthcheck": {"Test": ["CMD", "x"]}},
    "HostConfig": {"NetworkMode": "shop_default", "PortBindings": {"5432/tcp": [{"HostPort": "5432"}]}, "ShmSize": 268435456,
      "RestartPolicy": {"Name": "always"}, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}], "Tmpfs": {"/run": ""},
      "Links": ["x"], "VolumesFrom": null, "CapAdd": null, "IpcMode": "container:9", "LogConfig": {"Type": "gelf"}},
    "Mounts": [
      {"Type": "volume", "Name": "shop_db", "Source": "/v/shop_db", "Destination": "/data", "Driver": "local", "RW": true},
      {"Type": "volume", "Name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Destination": "/anon", "RW": true},
      {"Type": "bind", "Source": "/srv/shop/db.conf", "Destination": "/etc/db.conf", "RW": false},
      {"Type": "bind", "Source": "/srv/shop/.db", "Destination": "/dump", "RW": true},
      {"Type": "tmpfs", "Destination": "/run"}]})"));
  REQUIRE(info);
  return *info;
}

json body_of(const OneOffOptions& options, bool volumes_exist = true) {
  const auto body = one_off_body(recorded(), options, "sha256:db", {{"davit.run", "run1"}, {"davit.role", "one-off"}},
                                 [&](const std::string& name) { return volumes_exist || name == "shop_db"; });
  REQUIRE(body);
  return *body;
}

TEST_CASE("a one-off can write where the record has memory, in whatever form that was asked for") {
  engine::ContainerInfo info = recorded();
  json raw = json::parse(info.raw);
  raw["HostConfig"]["ReadonlyRootfs"] = true;
  const json tmpfs{{"Type", "tmpfs"}, {"Target", "/tmp"}, {"TmpfsOptions", {{"SizeBytes", 1024}}}};
  raw["HostConfig"]["Mounts"] = {tmpfs, {{"Type", "volume"}, {"Source", "shop_db"}, {"Target", "/data"}}};
  info.raw = raw.dump();
  for (const Mounts how : {Mounts::recorded, Mounts::throwaway, Mounts::none}) {
    const auto body = one_off_body(info, {.mounts = how}, "sha256:db", {}, [](const std::string&) { return true; });
    REQUIRE(body);
    const json& host = (*body)["HostConfig"];
    CHECK(host["ReadonlyRootfs"] == true);
    CHECK(std::ranges::count(host["Mounts"], tmpfs) == 1);
    CHECK(host["Mounts"].size() == (how == Mounts::none ? 1U : 5U));
  }
}

TEST_CASE("a one-off has what was recorded, and nothing by which others reach or adopt it") {
  const json body = body_of({});
  CHECK(body["Image"] == "sha256:db");
  CHECK(body["Cmd"] == json::parse(R"(["postgres","-c","a=b"])"));
  CHECK(body["Entrypoint"] == json::parse(R"(["docker-entrypoint.sh"])"));
  CHECK(body["Env"] == json::parse(R"(["POSTGRES_PASSWORD=x","PGDATA=/data","PATH=/bin"])"));
  CHECK(body["User"] == "999");
  CHECK(body["WorkingDir"] == "/w");
  CHECK(body["StopSignal"] == "SIGINT");
  CHECK(body["Labels"] == json{{"davit.run", "run1"}, {"davit.role", "one-off"}});
  CHECK(body["Healthcheck"]["Test"] == json{"NONE"});
  const json& host = body["HostConfig"];
  CHECK(host["NetworkMode"] == "none");
  CHECK(host["RestartPolicy"]["Name"] == "no");
  CHECK(host["LogConfig"]["Type"] == "json-file");
  CHECK(host["ShmSize"] == 268435456);
  CHECK(host["Ulimits"][0]["Hard"] == 2);
  CHECK(host["Tmpfs"] == json{{"/run", ""}});
  for (const char* name : {"PortBindings", "Links", "IpcMode", "CapAdd", "VolumesFrom", "Binds"}) {
    INFO(name);
    CHECK_FALSE(host.contains(name));
  }
  CHECK_FALSE(body.contains("ExposedPorts"));
}

TEST_CASE("recorded mounts are mounted by name; an anonymous volume that is gone becomes a fresh one") {
  const json mounts = body_of({}, false)["HostConfig"]["Mounts"];
  REQUIRE(mounts.size() == 4);
  CHECK(mounts[0] == json{{"Type", "volume"}, {"Source", "shop_db"}, {"Target", "/data"}, {"ReadOnly", false}});
  CHECK(mounts[1] == json{{"Type", "volume"}, {"Target", "/anon"}});
  CHECK(mounts[2] ==
        json{{"Type", "bind"}, {"Source", "/srv/shop/db.conf"}, {"Target", "/etc/db.conf"}, {"ReadOnly", true}});
  CHECK(mounts[3] == json{{"Type", "bind"}, {"Source", "/srv/shop/.db"}, {"Target", "/dump"}, {"ReadOnly", false}});
  CHECK(body_of({}, true)["HostConfig"]["Mounts"][1]["Source"] == kAnonymous);
}

TEST_CASE("a named volume that is missing is not left for the Engine to make without labels") {
  const auto body = one_off_body(recorded(), {}, "i", {}, [](const std::string&) { return false; });
  REQUIRE_FALSE(body);
  CHECK(body.error().code() == Errc::not_found);
  CHECK(body.error().message() == "volume shop_db, which it mounts at /data, is missing");
}

TEST_CASE("throwaway mounts let nothing be written that stays") {
  const json mounts = body_of({.mounts = Mounts::throwaway}, false)["HostConfig"]["Mounts"];
  REQUIRE(mounts.size() == 4);
  for (const json& mount : mounts) {
    INFO(mount.dump());
    CHECK((mount["Type"] == "volume" ? !mount.contains("Source") : mount["ReadOnly"] == true));
  }
  CHECK(mounts[3] == json{{"Type", "volume"}, {"Target", "/dump"}});
  CHECK_FALSE(body_of({.mounts = Mounts::none})["HostConfig"].contains("Mounts"));
}

TEST_CASE("command, user and environment can differ from the record") {
  const json body = body_of({.command = {{"sleep", "1"}}, .user = "root", .env = {"PGDATA=/other", "NEW=1"}});
  CHECK(body["Cmd"] == json::parse(R"(["sleep","1"])"));
  CHECK(body["Entrypoint"] == json::parse(R"(["docker-entrypoint.sh"])"));
  CHECK(body["User"] == "root");
  CHECK(body["Env"] == json::parse(R"(["POSTGRES_PASSWORD=x","PATH=/bin","PGDATA=/other","NEW=1"])"));
  const json other = body_of({.entrypoint = {{"sh"}}});
  CHECK(other["Entrypoint"] == json::parse(R"(["sh"])"));
  CHECK(other["Cmd"] == json::array());
}

TEST_CASE("a record that is none is corrupt") {
  engine::ContainerInfo odd;
  odd.name = "x";
  for (const char* raw : {"", "[]", "{}", R"({"Config":{}})", R"({"Config":1,"HostConfig":{}})"}) {
    odd.raw = raw;
    INFO(raw);
    const auto body = one_off_body(odd, {}, "i", {}, [](const std::string&) { return true; });
    REQUIRE_FALSE(body);
    CHECK(body.error().code() == Errc::corrupt);
  }
}

struct Fixture {
  test::FakeEngine engine;
  test::SkippingClock clock;
  test::QuietReporter reporter;
  std::stop_source stop;
  RunContext run{.run_id = "run1", .clock = clock, .reporter = reporter, .stop = stop.get_token()};
  engine::ContainerInfo record = test::make_container({.service = "db"});

  Fixture() { engine.add_image("db:1"); }
  std::size_t ours() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        engine.container_names(), [](const std::string& name) { return name.starts_with("davit-one-off-run1-"); }));
  }
};

TEST_CASE("a one-off is waited for, used, and gone at the end of its life") {
  Fixture f;
  int asked = 0;
  {
    auto one_off = OneOff::start(
        f.engine, f.record, {.purpose = "try"}, [&](const engine::ContainerId&) { return ++asked == 3; }, f.run);
    REQUIRE(one_off);
    CHECK(asked == 3);
    CHECK(f.ours() == 1);
    CHECK(one_off->check_running());
    OneOff moved = std::move(*one_off);
    CHECK(one_off->id().value.empty());
    CHECK(f.engine.status_of(moved.id().value) == "running");
  }
  CHECK(f.ours() == 0);
}

TEST_CASE("close stops it first, and says when it did not end well") {
  Fixture f;
  auto one_off = OneOff::start(f.engine, f.record, {.purpose = "try"}, [](const auto&) { return true; }, f.run);
  REQUIRE(one_off);
  f.engine.finish_container(one_off->id(), 3);
  const auto closed = one_off->close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().message().starts_with("try: the one-off container of "));
  CHECK(closed.error().message().contains("exit code 3"));
  CHECK(f.ours() == 0);
  CHECK(one_off->close());  // nothing is left to do
}

TEST_CASE("a one-off that ends before it is ready is noticed at once") {
  Fixture f;
  int asked = 0;
  const auto one_off = OneOff::start(
      f.engine, f.record, {.purpose = "restore postgres:db"},
      [&](const engine::ContainerId& id) -> Result<bool> {
        ++asked;
        f.engine.finish_container(id, 1);
        return fail(Errc::failed, "exec in a container that has ended");
      },
      f.run);
  REQUIRE_FALSE(one_off);
  CHECK(asked == 1);
  CHECK(one_off.error().message().starts_with(
      "restore postgres:db: the one-off container of db:1 ended with exit code 1: "));
  CHECK(f.ours() == 0);
}

TEST_CASE("one that never becomes ready is given up in time, and a cancelled wait ends") {
  Fixture f;
  const auto late = OneOff::start(
      f.engine, f.record, {.purpose = "try", .ready_within = std::chrono::seconds(5)},
      [](const auto&) { return false; }, f.run);
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::unavailable);
  CHECK(late.error().message().contains("was not ready after 5 s"));
  CHECK(f.clock.at.time_since_epoch() < std::chrono::seconds(6));
  const auto cancelled = OneOff::start(
      f.engine, f.record, {.purpose = "try"},
      [&](const auto&) {
        f.stop.request_stop();
        return false;
      },
      f.run);
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code() == Errc::cancelled);
  CHECK(f.ours() == 0);
}

TEST_CASE("whichever call of the Engine fails, no one-off stays behind once the Engine answers again") {
  std::uint64_t calls = 0;
  {
    Fixture f;
    f.engine.set_faults({});
    REQUIRE(OneOff::start(f.engine, f.record, {.purpose = "try"}, [](const auto&) { return true; }, f.run));
    calls = f.engine.operations();
  }
  for (std::uint64_t call = 1; call < calls; ++call) {
    Fixture f;
    f.engine.set_faults({.fail_at = call});
    {
      const auto one_off =
          OneOff::start(f.engine, f.record, {.purpose = "try"}, [](const auto&) { return true; }, f.run);
    }
    INFO("call " << call);
    CHECK(f.engine.failed());
    CHECK(f.ours() == 0);
  }
}

TEST_CASE("the image is the recorded one, else what its tag names, else pulled") {
  Fixture f;
  const auto ready = [](const auto&) { return true; };
  f.record.image_id = f.engine.inspect_image("db:1")->id;
  REQUIRE(OneOff::start(f.engine, f.record, {.purpose = "try"}, ready, f.run));
  CHECK(f.reporter.notes.empty());
  f.record.image_id = "sha256:" + std::string(64, '7');
  REQUIRE(OneOff::start(f.engine, f.record, {.purpose = "try"}, ready, f.run));
  REQUIRE(f.reporter.notes.size() == 1);
  CHECK(f.reporter.notes[0] == "image db:1 is not the one that was recorded");
  f.record.image = "gone:1";
  const auto missing = OneOff::start(f.engine, f.record, {.purpose = "try"}, ready, f.run);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().hint().contains("gone:1"));
  f.engine.allow_pull("gone:1");
  CHECK(OneOff::start(f.engine, f.record, {.purpose = "try"}, ready, f.run).has_value());
}

TEST_CASE("one-offs of dead runs are swept, those of living ones stay") {
  Fixture f;
  auto one_off = OneOff::start(f.engine, f.record, {.purpose = "try"}, [](const auto&) { return true; }, f.run);
  REQUIRE(one_off);
  const auto none = sweep_one_offs(f.engine, lives({"run1"}));
  REQUIRE(none);
  CHECK(none->empty());
  CHECK(f.ours() == 1);
  const auto swept = sweep_one_offs(f.engine, lives({"run2"}));
  REQUIRE(swept);
  CHECK(swept->size() == 1);
  CHECK(f.ours() == 0);
}

}  // namespace
}  // namespace davit::sources
