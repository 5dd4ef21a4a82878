#include "support/sample_manifest.hpp"

namespace davit::test {
namespace {

std::string digest(char digit) { return std::string(64, digit); }

model::Item sample_volume() {
  model::Item item;
  item.id = {model::ItemKind::volume, "uploads"};
  item.consistency = model::Consistency::paused;
  item.services = {"app", "worker"};
  item.attributes = {{"driver", "local"}, {"label.com.docker.compose.project", "shop"}, {"volume", "shop_uploads"}};
  model::Artefact artefact;
  artefact.path = "volumes/uploads.tar.zst";
  artefact.content = model::Content::tar;
  artefact.codec = stream::Codec::zstd;
  artefact.plain = {18446744073709551615U, digest('a')};
  artefact.stored = {9007199254740993U, digest('b')};
  artefact.entries = 16001;
  artefact.base = "20261120T083000Z-00ff/volumes/uploads.tar.zst";
  artefact.encryption = "age";
  item.artefacts = {artefact};
  return item;
}

model::Item sample_database() {
  model::Item item;
  item.id = {model::ItemKind::postgres, "db"};
  item.consistency = model::Consistency::dump;
  item.services = {"db"};
  item.attributes = {
      {"image", "postgres:17"}, {"skipped.closed", "allows no connections"}, {"user", "postgres"}, {"version", "17.6"}};
  model::Artefact globals;
  globals.path = "db/db/globals.sql.zst";
  globals.content = model::Content::sql;
  globals.codec = stream::Codec::zstd;
  globals.plain = {700, digest('c')};
  globals.stored = {300, digest('d')};
  model::Artefact dump;
  dump.path = "db/db/my%22db%20%27x.dump";
  dump.content = model::Content::pg_custom;
  dump.plain = {123456, digest('e')};
  dump.stored = dump.plain;
  dump.attributes = {{"database", "my\"db 'x"}};
  model::Artefact latin;
  latin.path = "db/db/caf%E9.dump";
  latin.content = model::Content::pg_custom;
  latin.stored = latin.plain = {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
  latin.attributes = {{"database", "caf\xe9"}};
  item.artefacts = {globals, dump, latin};
  return item;
}

model::Item sample_definition() {
  model::Item item;
  item.id = {model::ItemKind::stack, "definition"};
  item.consistency = model::Consistency::snapshot;
  model::Artefact artefact;
  artefact.path = "stack/definition.json.zst";
  artefact.content = model::Content::json;
  artefact.codec = stream::Codec::zstd;
  artefact.plain = {4096, digest('0')};
  artefact.stored = {1024, digest('1')};
  item.artefacts = {artefact};
  return item;
}

}  // namespace

catalog::Manifest sample_manifest() {
  using namespace std::chrono;
  catalog::Manifest manifest;
  manifest.id = "20261121T083000Z-4f2a";
  manifest.stack = "shop";
  manifest.started = sys_days(year(2026) / 11 / 21) + 8h + 30min;
  manifest.finished = manifest.started + 95s;
  manifest.davit_version = "0.1.0";
  manifest.engine_version = "26.1.5";
  manifest.project_dir = "/srv/shop of gr\xc3\xbcn";
  manifest.services = {
      {"app", "shop/app:1.4", "sha256:" + digest('2'), {"shop/app@sha256:" + digest('3')}, "linux/amd64", 2},
      {"db", "postgres:17", "sha256:" + digest('4'), {}, "linux/amd64", 1}};
  manifest.items = {sample_volume(), sample_database(), sample_definition()};
  manifest.findings = {{"volume:uploads", "tmp/x\\x01", "changed while it was read: 4096 bytes became 1024"}};
  manifest.not_covered = {{"volume:pgdata", "data of postgres:db, which is dumped"}};
  manifest.needs = {"network proxy (external)"};
  manifest.held = {{"app", "paused", 1234ms}};
  return manifest;
}

}  // namespace davit::test
