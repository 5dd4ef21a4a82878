#include "sources/postgres/detect.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

engine::Mount volume(std::string name, std::string destination) {
  engine::Mount mount;
  mount.type = "volume";
  mount.name = std::move(name);
  mount.destination = std::move(destination);
  mount.writable = true;
  return mount;
}
engine::Mount bind(std::string source, std::string destination) {
  engine::Mount mount;
  mount.type = "bind";
  mount.source = std::move(source);
  mount.destination = std::move(destination);
  mount.writable = true;
  return mount;
}

Service service(std::string image, std::vector<std::string> env = {}) {
  Service made;
  made.name = "db";
  made.containers.emplace_back();
  made.containers.back().image = std::move(image);
  made.containers.back().env = std::move(env);
  return made;
}

TEST_CASE("the name of an image is what stands behind its registry and owner") {
  CHECK(image_name("postgres") == "postgres");
  CHECK(image_name("registry.example:5000/timescale/timescaledb-ha:pg17.5@sha256:ab") == "timescaledb-ha");
  CHECK(image_name("postgres@sha256:ab") == "postgres");
}

TEST_CASE("servers are told by image, environment or label") {
  CHECK(looks_like_postgres(service("postgres:17-alpine")));
  CHECK(looks_like_postgres(service("bitnami/postgresql:17")));
  CHECK(looks_like_postgres(service("registry.example:5000/own/database", {"PGDATA=/data"})));
  Service labelled = service("own/database");
  labelled.settings.postgres = Settings::Postgres::dump;
  CHECK(looks_like_postgres(labelled));
  Service off = service("postgres:17");
  off.settings.postgres = Settings::Postgres::off;
  CHECK_FALSE(looks_like_postgres(off));
}

TEST_CASE("clients of a server are no servers") {
  CHECK_FALSE(looks_like_postgres(service("shop/app:3", {"POSTGRES_PASSWORD=x", "POSTGRES_USER=shop", "PGHOST=db"})));
  CHECK_FALSE(looks_like_postgres(service("prometheuscommunity/postgres-exporter")));
  CHECK_FALSE(looks_like_postgres(service("postgrest/postgrest")));
  CHECK_FALSE(looks_like_postgres(service("dpage/pgadmin4")));
}

TEST_CASE("the data directory is PGDATA, or the official one") {
  CHECK(data_directory(service("postgres:17").containers[0]) == "/var/lib/postgresql/data");
  CHECK(data_directory(service("postgres:18", {"PGDATA=/var/lib/postgresql/18/docker/"}).containers[0]) ==
        "/var/lib/postgresql/18/docker");
}

TEST_CASE("a path lies on the deepest mount above it") {
  engine::ContainerInfo container;
  container.mounts = {volume("all", "/var/lib/postgresql"), volume("data", "/var/lib/postgresql/data"),
                      volume("near", "/var/lib/postgresql/data2")};
  REQUIRE(mount_of(container, "/var/lib/postgresql/data/base") != nullptr);
  CHECK(mount_of(container, "/var/lib/postgresql/data/base")->name == "data");
  CHECK(mount_of(container, "/var/lib/postgresql/18/docker")->name == "all");
  CHECK(mount_of(container, "/var/lib/postgres") == nullptr);
}

// A stack of "db", which has the mounts, and of "app", which has others.
Stack stack_of(std::vector<engine::Mount> of_db, std::vector<engine::Mount> of_app = {}) {
  Stack stack;
  stack.services.push_back(service("shop/app:3"));
  stack.services.back().name = "app";
  stack.services.back().containers[0].mounts = std::move(of_app);
  stack.services.push_back(service("postgres:17"));
  stack.services.back().containers[0].mounts = std::move(of_db);
  return stack;
}
std::vector<HeldMount> held(const Stack& stack, const HeldPaths& paths) {
  return mounts_holding(stack, stack.services[1], stack.services[1].containers[0], paths);
}
std::vector<std::string> covered(const Stack& stack, const HeldPaths& paths) {
  std::vector<std::string> names;
  for (const HeldMount& mount : held(stack, paths))
    if (mount.why_copied().empty()) names.push_back(mount.name);
  return names;
}
using Names = std::vector<std::string>;

TEST_CASE("a cluster covers its own mounts and no others") {
  const Stack stack =
      stack_of({volume("above", "/srv"), bind("/host/data", "/srv/data"), volume("wal", "/srv/data/pg_wal"),
                volume("space", "/spaces/one"), volume("uploads", "/uploads"), volume("other", "/spaces/two")});
  CHECK(covered(stack, {"/srv/data", {"/spaces/one/x"}}) == Names{"/host/data", "wal", "space"});
}

TEST_CASE("a dump doesn't stand for a volume that others use too") {
  const engine::Mount data = volume("data", "/var/lib/postgresql/data");
  CHECK(covered(stack_of({data}), {"/var/lib/postgresql/data"}) == Names{"data"});
  const auto shared = held(stack_of({data}, {volume("data", "/backup")}), {"/var/lib/postgresql/data"});
  REQUIRE(shared.size() == 1);
  CHECK(shared[0].name == "data");
  CHECK(shared[0].why_copied() == "used by app too");
  // A tablespace in a volume of everybody's.
  CHECK(covered(stack_of({data, volume("all", "/all")}, {volume("all", "/all")}),
                {"/var/lib/postgresql/data", {"/all/space"}}) == Names{"data"});
}

TEST_CASE("a dump doesn't stand for a bind mount of which others have a part") {
  const engine::Mount data = bind("/srv/shop/data", "/var/lib/postgresql/data");
  CHECK(covered(stack_of({data}, {bind("/srv/shop/data2", "/x")}), {"/var/lib/postgresql/data"}) ==
        Names{"/srv/shop/data"});
  CHECK(covered(stack_of({data}, {bind("/srv/shop/data/", "/x")}), {"/var/lib/postgresql/data"}).empty());
  CHECK(covered(stack_of({data}, {bind("/srv/shop/data/uploads", "/x")}), {"/var/lib/postgresql/data"}).empty());
}

TEST_CASE("a dump doesn't stand for a volume in which the data directory is one among others") {
  const auto one = held(stack_of({volume("data", "/data")}), {"/data/pg"});
  REQUIRE(one.size() == 1);
  CHECK(one[0].why_copied() == "it may hold other files in /data");
  // As a tablespace it would be covered, as the data directory it is not.
  CHECK(covered(stack_of({volume("data", "/data")}), {"/data/pg", {"/data/space"}}).empty());
}

TEST_CASE("the usual places of a cluster have room for nothing else") {
  const auto is_covered = [](const char* destination, const char* data) {
    return covered(stack_of({volume("data", destination)}), {data}) == Names{"data"};
  };
  CHECK(is_covered("/var/lib/postgresql/data", "/var/lib/postgresql/data"));
  CHECK(is_covered("/var/lib/postgresql/data", "/var/lib/postgresql/data/pgdata"));
  CHECK(is_covered("/var/lib/postgresql", "/var/lib/postgresql/18/docker"));
  CHECK(is_covered("/bitnami/postgresql", "/bitnami/postgresql/data"));
  CHECK(is_covered("/own/place", "/own/place"));
  CHECK(is_covered("/own/place/", "/own/place"));
  CHECK_FALSE(is_covered("/own", "/own/place"));
}

}  // namespace
}  // namespace davit::sources
