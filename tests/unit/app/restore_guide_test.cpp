#include "app/restore_guide.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace davit::app {
namespace {

using Catch::Matchers::ContainsSubstring;

catalog::Manifest sample() {
  catalog::Manifest manifest;
  manifest.id = "20261121T083000Z-4f2a";
  manifest.stack = "shop";
  model::Item volume;
  volume.id = {model::ItemKind::volume, "it's"};
  volume.attributes = {{"volume", "shop_it's"}, {"driver", "local"}, {"label.com.docker.compose.volume", "it's"}};
  model::Artefact tar;
  tar.path = "volumes/it%27s.tar.zst";
  tar.codec = stream::Codec::zstd;
  tar.stored = {3, std::string(64, 'a')};
  volume.artefacts = {tar};
  model::Item database;
  database.id = {model::ItemKind::postgres, "db"};
  database.attributes = {{"version", "17.6"}};
  model::Artefact dump;
  dump.path = "db/db/orders.dump";
  dump.content = model::Content::pg_custom;
  dump.attributes = {{"database", "orders"}};
  database.artefacts = {dump};
  manifest.items = {volume, database};
  manifest.not_covered = {{"volume:pgdata", "data of postgres:db, which is dumped"}};
  return manifest;
}

TEST_CASE("the guide checks every artefact by its stored hash") {
  CHECK_THAT(render_restore_guide(sample()), ContainsSubstring(std::string(64, 'a') + "  volumes/it%27s.tar.zst\n"));
}

TEST_CASE("names are quoted for the shell") {
  const std::string guide = render_restore_guide(sample());
  CHECK_THAT(guide, ContainsSubstring("'shop_it'\\''s'"));
  CHECK_THAT(guide, ContainsSubstring("--label 'com.docker.compose.volume=it'\\''s'"));
}

TEST_CASE("of a volume with driver options the guide says where these stand, and how to read them") {
  catalog::Manifest manifest = sample();
  CHECK_FALSE(render_restore_guide(manifest).contains("driver options"));
  manifest.items[0].attributes["options"] = "3";
  model::Item stack;
  stack.id = {model::ItemKind::stack, "definition"};
  model::Artefact definition;
  definition.path = "stack/definition.json.zst";
  definition.codec = stream::Codec::zstd;
  stack.artefacts = {definition};
  manifest.items.push_back(stack);
  const std::string guide = render_restore_guide(manifest);
  CHECK_THAT(guide, ContainsSubstring("Without its 3 driver options"));
  CHECK_THAT(guide, ContainsSubstring("    zstd -dc 'stack/definition.json.zst' | sed -n '/^  \"volumes\": /,$p'\n"));
}

TEST_CASE("an artefact without a codec is read as it is") {
  CHECK_THAT(render_restore_guide(sample()), ContainsSubstring("cat 'db/db/orders.dump' | pg_restore --create"));
}

TEST_CASE("the guide says what the backup does not hold") {
  CHECK_THAT(render_restore_guide(sample()),
             ContainsSubstring("- volume:pgdata: data of postgres:db, which is dumped\n"));
}

TEST_CASE("the guide puts a directory back with the server's own tools, beside what was there") {
  catalog::Manifest manifest = sample();
  model::Item directory;
  directory.id = {model::ItemKind::ldap, "ldap"};
  directory.attributes = {{"version", "2.6.10"}, {"user", "911:911"}, {"config", "/etc/ldap/slapd.d"}};
  model::Artefact config;
  config.path = "ldap/ldap.config.ldif";
  config.attributes = {{"database", "0"}};
  model::Artefact data;
  data.path = "ldap/ldap.data-1.ldif";
  data.attributes = {{"database", "1"}, {"directory", "/var/lib/l'dap"}};
  directory.artefacts = {config, data};
  manifest.items = {directory};
  const std::string guide = render_restore_guide(manifest);
  CHECK_THAT(guide, ContainsSubstring("--user '911:911'"));
  CHECK_THAT(guide, ContainsSubstring("\"$(docker inspect --format '{{.Image}}' \"$CONTAINER\")\""));
  CHECK_THAT(guide, ContainsSubstring("aside '/var/lib/l'\\''dap' data.mdb lock.mdb\n"));
  CHECK_THAT(guide, ContainsSubstring("slapadd -n '0' -F '/etc/ldap/slapd.d' -l '/restored/ldap-ldap-0.ldif'\n"));
  CHECK_THAT(guide, ContainsSubstring("slapadd -q -s -g -n '1' "));
}

TEST_CASE("the guide imports definitions from a file, never from standard input") {
  catalog::Manifest manifest = sample();
  model::Item broker;
  broker.id = {model::ItemKind::rabbitmq, "mq"};
  broker.attributes = {{"version", "4.0.5"}, {"node", "rabbit@mq"}, {"data", "volume:mq"}};
  model::Artefact definitions;
  definitions.path = "rabbitmq/mq.definitions.json";
  broker.artefacts = {definitions};
  manifest.items = {broker};
  const std::string guide = render_restore_guide(manifest);
  CHECK_THAT(guide, ContainsSubstring("import_definitions /tmp/definitions.json --format json </dev/null"));
  CHECK_THAT(guide, ContainsSubstring("< \"$OUT\"/'rabbitmq-mq.json'\n"));
  CHECK_THAT(guide, ContainsSubstring("let its node be called `rabbit@mq` again"));
}

}  // namespace
}  // namespace davit::app
