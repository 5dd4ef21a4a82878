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

TEST_CASE("a cluster covers its own mounts and no others") {
  engine::ContainerInfo container;
  container.mounts = {volume("above", "/srv"),           bind("/host/data", "/srv/data"),
                      volume("wal", "/srv/data/pg_wal"), volume("space", "/spaces/one"),
                      volume("uploads", "/uploads"),     volume("other", "/spaces/two")};
  CHECK(mounts_holding(container, {"/srv/data", "/spaces/one/x"}) ==
        std::vector<std::string>{"/host/data", "wal", "space"});
}

}  // namespace
}  // namespace davit::sources
