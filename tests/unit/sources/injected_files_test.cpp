#include "sources/injected_files.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <nlohmann/json.hpp>

#include "engine/answers.hpp"
#include "support/fake_engine.hpp"
#include "support/stack.hpp"
#include "support/tar.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr const char* kCreated = "2026-11-22T10:33:16.236526847Z";

std::int64_t created_ns() {
  const auto time = engine::parse_time("2026-11-22T10:33:16Z");
  REQUIRE(time);
  return std::chrono::nanoseconds(time->time_since_epoch()).count();
}

stream::TarEntry file(const std::string& path, std::int64_t mtime_ns, const std::string& contents) {
  stream::TarEntry entry = test::tar_file(path, contents.size());
  entry.mode = 0444;
  entry.mtime_ns = mtime_ns;
  return entry;
}

struct Fixture {
  test::FakeEngine engine;
  engine::ContainerInfo container =
      test::make_container({.service = "web", .mounts = {test::bind_mount("/srv/x", "/etc/bound")}});
  Fixture() {
    json raw = json::parse(container.raw);
    raw["Created"] = kCreated;
    container.raw = raw.dump();
    container.id = engine.add_container(container);
  }
  void add(const std::string& path, std::int64_t mtime_ns, const std::string& contents = "x") {
    engine.add_file("shop-web-1", file(path, mtime_ns, contents), contents);
  }
  std::vector<std::string> found() {
    const auto files = find_injected_files(engine, container);
    REQUIRE(files);
    std::vector<std::string> paths;
    for (const InjectedFile& each : files->files) paths.push_back(each.path);
    too_large = files->too_large;
    unseen = files->unseen;
    return paths;
  }
  std::vector<std::string> too_large;
  std::size_t unseen = 0;
};

TEST_CASE("what Compose has copied into a container is told by its time from what a program has written") {
  Fixture fixture;
  const std::int64_t now = created_ns();
  fixture.add("/etc/app/app.conf", now, "hello\n");
  fixture.add("/plain", now - kSecond);
  fixture.add("/run/secrets/pw", now + 5 * kSecond);
  fixture.add("/early", now + 933'496'893);        // by a program
  fixture.add("/unpacked", now - 1000 * kSecond);  // by a package, with the time of its making
  fixture.add("/later", now + 100 * kSecond);      // docker cp
  fixture.add("/etc/bound/file", now);             // of a mount
  fixture.add("/large", now, std::string(1'000'001, 'x'));
  fixture.add("/grown", now + 933'496'893, std::string(1'000'001, 'x'));
  CHECK(fixture.found() == std::vector<std::string>{"/etc/app/app.conf", "/run/secrets/pw", "/plain"});
  CHECK(fixture.too_large == std::vector<std::string>{"/large"});
  CHECK(fixture.unseen == 0);
}

TEST_CASE("files of a program that writes many of them don't hide those of Compose, and it is said what was not seen") {
  Fixture fixture;
  for (int i = 0; i < 2100; ++i) fixture.add(std::format("/cache/{}", i), created_ns() + 1);
  fixture.add("/etc/app/conf.d/deep/x.conf", created_ns());
  CHECK(fixture.found() == std::vector<std::string>{"/etc/app/conf.d/deep/x.conf"});
  CHECK(fixture.unseen == 101);
}

TEST_CASE("of a container whose record doesn't tell when it was made nothing is looked for") {
  Fixture fixture;
  fixture.add("/plain", created_ns());
  fixture.container.raw = "{}";
  CHECK(fixture.found().empty());
  CHECK(fixture.engine.log().empty());
}

TEST_CASE("recorded files come back into a container that is made of the record") {
  Fixture fixture;
  std::vector<InjectedFile> files{{"/etc/app/app.conf", 0444, 0, 0, "hello\n"},
                                  {"/run/secrets/pw", 0400, 33, 7, std::string("\0\xff", 2)}};
  REQUIRE(record_injected_files(fixture.container, {}));
  CHECK_FALSE(json::parse(fixture.container.raw).contains("DavitFiles"));
  REQUIRE(record_injected_files(fixture.container, files));
  const auto recorded = recorded_injected_files(fixture.container);
  REQUIRE(recorded);
  REQUIRE(recorded->size() == 2);
  CHECK((*recorded)[1].contents == files[1].contents);

  fixture.engine.add_image("web:1");
  const auto made = fixture.engine.create_container("made", {{"Image", "web:1"}});
  REQUIRE(made);
  REQUIRE(put_injected_files(fixture.engine, *made, fixture.container));
  const auto put = fixture.engine.put_into("made");
  REQUIRE(put.size() == 1);
  CHECK(put[0].first == "/");
  const auto tar = test::read_tar(put[0].second);
  REQUIRE(tar);
  REQUIRE(tar->members.size() == 2);
  CHECK(tar->members[0].entry.path == "etc/app/app.conf");
  CHECK(tar->members[0].data == "hello\n");
  CHECK(tar->members[1].entry.mode == 0400);
  CHECK(tar->members[1].entry.uid == 33);
  CHECK(tar->members[1].entry.gid == 7);
  CHECK(tar->members[1].data == files[1].contents);

  Fixture plain;
  REQUIRE(put_injected_files(plain.engine, plain.container.id, plain.container));
  CHECK(plain.engine.put_into("shop-web-1").empty());
}

TEST_CASE("a record is told without its files where they would only be in the way") {
  engine::ContainerInfo container = test::make_container({.service = "web"});
  const std::string before = container.raw;
  CHECK(without_injected_files(container) == before);
  REQUIRE(record_injected_files(container, {{"/etc/app.conf", 0444, 0, 0, std::string(1U << 20U, 'x')}}));
  CHECK(container.raw.size() > 1U << 20U);
  CHECK(json::parse(without_injected_files(container)) == json::parse(before));
}

TEST_CASE("a record that nobody has written so is refused") {
  engine::ContainerInfo container;
  container.name = "shop-web-1";
  for (const char* files :
       {R"([{"path": "/x"}])", R"([{"path": "/x", "mode": 1, "uid": 0, "gid": 0, "contents": "?"}])", "[1]",
        R"([{"path": "x", "mode": 1, "uid": 0, "gid": 0, "contents": ""}])"}) {
    INFO(files);
    container.raw = std::string(R"({"DavitFiles": )") + files + "}";
    const auto read = recorded_injected_files(container);
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::corrupt);
  }
}

}  // namespace
}  // namespace davit::sources
