#include "cli/pg/server_flags.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/temporary_directory.hpp"

namespace davit::cli {
namespace {

using Parameters = net::PqParameters;

Parameters of(const ServerFlags& flags, std::map<std::string, std::string, std::less<>> environment = {}) {
  auto parameters = server_parameters(flags, Environment(std::move(environment)));
  REQUIRE(parameters);
  return *parameters;
}
ServerFlags at(const std::string& host, const std::string& port = "") {
  ServerFlags flags;
  flags.host = host;
  flags.port = port;
  return flags;
}

TEST_CASE("a host may bring its port") {
  CHECK(of(at("db")) == Parameters{{"host", "db"}, {"user", "postgres"}});
  CHECK(of(at("localhost:5432")) == Parameters{{"host", "localhost"}, {"port", "5432"}, {"user", "postgres"}});
  CHECK(of(at("localhost:5432", "5432"))["port"] == "5432");
  CHECK(of(at("db", "6432"))["port"] == "6432");
  CHECK(of(at("[::1]:5432")) == Parameters{{"host", "::1"}, {"port", "5432"}, {"user", "postgres"}});
  CHECK(of(at("[::1]"))["host"] == "::1");
  CHECK(of(at("fe80::1")) == Parameters{{"host", "fe80::1"}, {"user", "postgres"}});
  CHECK(of(at("/run/postgresql")) == Parameters{{"host", "/run/postgresql"}});
}

TEST_CASE("ports that are none, or contradict each other, are refused") {
  for (const ServerFlags& flags : {at("db:x"), at("db", "99999999"), at("db:1", "2"), at("db", "-1")}) {
    CAPTURE(flags.host, flags.port);
    const auto parameters = server_parameters(flags, {});
    REQUIRE_FALSE(parameters);
    CHECK(parameters.error().code() == Errc::usage);
  }
}

TEST_CASE("a user who was named anywhere is not replaced by postgres") {
  ServerFlags named = at("db");
  named.user = "ann";
  CHECK(of(named)["user"] == "ann");
  CHECK_FALSE(of(at("db"), {{"PGUSER", "ann"}}).contains("user"));
  CHECK_FALSE(of(at("db"), {{"PGSERVICE", "shop"}}).contains("user"));
  CHECK(of({}, {{"PGHOST", "db"}})["user"] == "postgres");
  CHECK(of({}, {{"PGHOSTADDR", "10.0.0.1"}})["user"] == "postgres");
  CHECK_FALSE(of({}, {{"PGHOST", "/run/postgresql"}}).contains("user"));
  CHECK_FALSE(of({}).contains("user"));
}

TEST_CASE("a password comes from the flag, or the file that a variable names; libpq finds the others") {
  const test::TemporaryDirectory directory;
  test::write_file(directory / "password", "from file\n");
  const std::string file = (directory / "password").string();
  CHECK(of(at("db"), {{"PGPASSWORD_FILE", file}})["password"] == "from file");
  CHECK_FALSE(of(at("db"), {{"PGPASSWORD", "x"}}).contains("password"));
  ServerFlags flags = at("db");
  flags.password = "flag";
  CHECK(of(flags, {{"PGPASSWORD_FILE", file}})["password"] == "flag");
  CHECK(server_parameters(at("db"), Environment({{"PGPASSWORD", "x"}, {"PGPASSWORD_FILE", file}})).error().code() ==
        Errc::usage);
}

TEST_CASE("a server in a container is not reached by host, port and user") {
  ServerFlags flags;
  flags.container = "db";
  CHECK(check_in_container(flags));
  for (auto member : {&ServerFlags::host, &ServerFlags::port, &ServerFlags::user, &ServerFlags::password,
                      &ServerFlags::tools_image}) {
    ServerFlags with = flags;
    with.*member = "something";
    const auto refused = check_in_container(with);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::usage);
    CHECK_FALSE(refused.error().message().contains("something"));
  }
}

}  // namespace
}  // namespace davit::cli
