#include "sources/ldap/config.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sources/ldap/server.hpp"

using namespace davit;
using namespace davit::sources;

namespace {

constexpr std::string_view kConfig =
    "dn: cn=config\nobjectClass: olcGlobal\ncn: config\n\n"
    "dn: olcDatabase={-1}frontend,cn=config\nolcDatabase: {-1}frontend\n\n"
    "dn: olcDatabase={0}config,cn=config\nolcDatabase: {0}config\n\n"
    "dn: olcDatabase={2}mdb,cn=config\nolcDatabase: {2}mdb\nolcDbDirectory: /var/lib/ldap/log\nolcSuffix: cn=log\n\n"
    "dn: olcDatabase={1}MDB,cn=config\nolcDatabase: {1}mdb\nolcDbDirectory:: L3Zhci9saWIvbMOkcA==\n"
    "olcSuffix: dc=example,dc=org\nolcSuffix: dc=other\n\n"
    "dn: olcOverlay={0}memberof,olcDatabase={1}mdb,cn=config\nolcDbDirectory: /not/a/database\n\n"
    "dn: olcDatabase={3}monitor,cn=config\nolcDatabase: {3}monitor\n\n"
    "dn: olcDatabase={4}ldap,cn=config\nolcDatabase: {4}ldap\n\n"
    "dn: olcDatabase={10}hdb,cn=config\nolcDatabase: {10}hdb\nolcDbDirectory: /old\n\n";

}  // namespace

TEST_CASE("the databases with files are found in slapd's configuration, in the order of their numbers", "[ldap]") {
  const auto databases = databases_of(kConfig);
  REQUIRE(databases);
  REQUIRE(databases->size() == 3);
  CHECK((*databases)[0].number == 1);
  CHECK((*databases)[0].type == "mdb");
  CHECK((*databases)[0].suffix == "dc=example,dc=org");
  CHECK((*databases)[0].directory == "/var/lib/l\xc3\xa4p");
  CHECK((*databases)[1].number == 2);
  CHECK((*databases)[1].directory == "/var/lib/ldap/log");
  CHECK((*databases)[2].number == 10);
  CHECK((*databases)[2].type == "hdb");
  const auto data = databases_of("dn: dc=example,dc=org\ndc: example\n\n");
  REQUIRE_FALSE(data);
  CHECK(data.error().message() == "it is no configuration of slapd: it has no entry cn=config");
}

TEST_CASE("databases are given other directories, and nothing else of the configuration changes", "[ldap]") {
  const auto moved = with_directories(kConfig, {{1, "/var/lib/l\xc3\xa4p/.davit/new"}, {10, "/x"}});
  REQUIRE(moved);
  const auto databases = databases_of(*moved);
  REQUIRE(databases);
  CHECK((*databases)[0].directory == "/var/lib/l\xc3\xa4p/.davit/new");
  CHECK((*databases)[1].directory == "/var/lib/ldap/log");
  CHECK((*databases)[2].directory == "/x");
  CHECK(moved->contains("olcDbDirectory: /not/a/database\n"));
  const auto back = with_directories(*moved, {{1, "/var/lib/l\xc3\xa4p"}, {10, "/old"}});
  REQUIRE(back);
  CHECK(*back == *with_directories(kConfig, {}));
}

TEST_CASE("slapd's arguments tell where its configuration is", "[ldap]") {
  const auto read = [](std::vector<std::string> argv) { return read_ldap_arguments(argv); };
  CHECK(read({"slapd", "-h", "ldap:///", "-F", "/etc/ldap/slapd.d", "-d", "0"}).config_directory ==
        "/etc/ldap/slapd.d");
  CHECK(read({"slapd", "-F/x"}).config_directory == "/x");
  CHECK(read({"slapd"}).config_directory.empty());
  CHECK_FALSE(read({"slapd"}).config_file);
  CHECK(read({"slapd", "-f", "/etc/slapd.conf"}).config_file);
  CHECK(read({"slapd", "-F"}).config_directory.empty());
  CHECK(ldap_series("2.6.10") == "2.6");
  CHECK(ldap_series("2") == "2");
}
