#include "sources/dotenv.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::sources;

namespace {

// The value of BACKUP_ROOT; "unset"; or, in brackets, why it can't be told.
std::string root_of(std::string_view text) {
  Dotenv variables;
  if (const auto added = variables.add(text); !added) return "[" + added.error().message() + "]";
  const auto value = variables.get("BACKUP_ROOT");
  if (!value) return "[" + value.error().message() + "]";
  return value->value_or("unset");
}

}  // namespace

TEST_CASE("variables of a .env are read as Compose reads them", "[dotenv]") {
  CHECK(root_of("") == "unset");
  CHECK(root_of("OTHER=x\n") == "unset");
  CHECK(root_of("BACKUP_ROOT=/srv/backup\n") == "/srv/backup");
  CHECK(root_of("\xef\xbb\xbf"
                "BACKUP_ROOT=/srv/backup") == "/srv/backup");
  CHECK(root_of("# BACKUP_ROOT=/no\n  export\tBACKUP_ROOT = /srv/backup \r\nX=1\r\n") == "/srv/backup");
  CHECK(root_of("BACKUP_ROOT=/srv/back up # the disk\n") == "/srv/back up");
  CHECK(root_of("BACKUP_ROOT=/srv/a#b\n") == "/srv/a#b");
  CHECK(root_of("BACKUP_ROOT= # nothing\n") == "");
  CHECK(root_of("BACKUP_ROOT=\n") == "");
  CHECK(root_of("BACKUP_ROOT: /srv/backup\n") == "/srv/backup");
  CHECK(root_of("BACKUP_ROOT='/srv/$X # \"y' # comment\n") == "/srv/$X # \"y");
  CHECK(root_of("BACKUP_ROOT=\"/srv/a\\\"b\\$c # d\"\n") == "/srv/a\"b$c # d");
  CHECK(root_of("BACKUP_ROOT=/one\nBACKUP_ROOT=/two\n") == "/two");
  CHECK(root_of("KEY=\"-----BEGIN\nBACKUP_ROOT=/no\n-----END\"\nBACKUP_ROOT=/yes\n") == "/yes");
  CHECK(root_of("KEY='a\nBACKUP_ROOT=/no'\n") == "unset");
}

TEST_CASE("variables of the same .env are put in, and defaults", "[dotenv]") {
  CHECK(root_of("BASE=/srv\nBACKUP_ROOT=$BASE/backup\n") == "/srv/backup");
  CHECK(root_of("BASE=/srv\nBACKUP_ROOT=\"${BASE}/x\"\n") == "/srv/x");
  CHECK(root_of("BACKUP_ROOT=${BASE:-/srv}/x\n") == "/srv/x");
  CHECK(root_of("BASE=\nBACKUP_ROOT=${BASE:-/srv}/x\n") == "/srv/x");
  CHECK(root_of("BASE=\nBACKUP_ROOT=${BASE-/srv}/x\n") == "/x");
  CHECK(root_of("BACKUP_ROOT=${A:-${B:-/b}/c}/d\n") == "/b/c/d");
  CHECK(root_of("A=1\nBACKUP_ROOT=/x${A:+/y}${B+/z}\n") == "/x/y");
  CHECK(root_of("A=/a\nBACKUP_ROOT=${A:?must be set}\n") == "/a");
  CHECK(root_of("BACKUP_ROOT=/srv/a$$b$/c$\n") == "/srv/a$b$/c$");
}

TEST_CASE("what only a shell knows is refused, where it matters", "[dotenv]") {
  CHECK(root_of("BACKUP_ROOT=$HOME/backup\n") == "[it needs the variable HOME, which the file does not set]");
  CHECK(root_of("A=$HOME\nBACKUP_ROOT=/x/${A}\n") == "[A: it needs the variable HOME, which the file does not set]");
  CHECK(root_of("A=$HOME\nBACKUP_ROOT=/x\n") == "/x");
  CHECK(root_of("BACKUP_ROOT\n") == "[it is taken from the shell of docker compose]");
  CHECK(root_of("BACKUP_ROOT=${A:?set it}\n") == "[it needs the variable A, which the file does not set]");
  CHECK(root_of("BACKUP_ROOT=${A!x}\n") == "[it has ${A!x}, which davit does not read]");
  CHECK(root_of("BACKUP_ROOT=${A\n") == "[a ${ in it has no }]");
  CHECK(root_of("BACKUP_ROOT=${}\n") == "[a ${ in it has no name]");
  CHECK(root_of("X=1\nBACKUP_ROOT='/srv\n") == "[line 2 has a quote without its end]");
  CHECK(root_of("BACKUP_ROOT='/srv'/x\n") == "[line 1 goes on behind its quotes]");
}
