#include "sources/pgbackrest/set_item.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"

namespace davit::sources {

TEST_CASE("a restore point names its set, so that people and davit find it again") {
  BackupSet set;
  set.label = "20261121-231043F_20261121-231050D";
  set.type = "diff";
  set.prior = "20261121-231043F";
  const std::string text =
      render_set(set, "shop", {{"fa st", 16385, "/srv/space"}}, {"s3", "/shop", "backups", "s3.example", ""});
  const auto label = parse_set_label(text);
  REQUIRE(label.has_value());
  CHECK(*label == set.label);
  const auto object = nlohmann::json::parse(text);
  CHECK(object.at("stanza") == "shop");
  CHECK(object.at("repository").at("bucket") == "backups");
  CHECK(object.at("tablespaces").at(0).at("oid") == 16385);
  CHECK(object.at("command").get<std::string>().contains("--set=" + set.label));
  for (const char* other : {"", "{}", "[]", R"({"set": 5})"}) {
    const auto refused = parse_set_label(other);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == Errc::corrupt);
  }
}

TEST_CASE("stanza and type come from the container") {
  engine::ContainerInfo container;
  CHECK(stanza_of(container) == "db");
  CHECK(type_of(container).value() == std::nullopt);
  container.labels["davit.pgbackrest.stanza"] = "shop";
  container.labels["davit.pgbackrest.type"] = "diff";
  CHECK(stanza_of(container) == "shop");
  CHECK(type_of(container).value() == BackupType::diff);
  container.env = {"PGBACKREST_STANZA=poddb"};
  CHECK(stanza_of(container) == "poddb");
  container.labels["davit.pgbackrest.type"] = "weekly";
  CHECK(!type_of(container).has_value());
}

TEST_CASE("where a repository is, is said in one line") {
  CHECK(RepositoryPlace{"posix", "/var/lib/pgbackrest", "", "", ""}.text() == "posix /var/lib/pgbackrest");
  CHECK(RepositoryPlace{"posix", "/var/lib/pgbackrest", "", "", ""}.is_local());
  CHECK(RepositoryPlace{"s3", "/shop", "backups", "s3.example", ""}.text() == "s3 backups at s3.example /shop");
  CHECK(!RepositoryPlace{"s3", "/shop", "backups", "s3.example", ""}.is_local());
  CHECK(!RepositoryPlace{"posix", "/r", "", "", "backup.example"}.is_local());
}

TEST_CASE("a repository in a directory that is restored along need not be there before") {
  test::FakeEngine engine;
  test::QuietRun run;
  engine::ContainerInfo container;
  container.name = "db";
  model::Item item;
  item.id = {model::ItemKind::postgres, "db"};
  item.attributes = {{"stanza", "db"},
                     {"set", "20261121-231043F"},
                     {"repository.local", "true"},
                     {"repository.bind", "infra/backups"}};
  Target target{};
  for (const char* restored : {"infra/backups", "infra", "."}) {
    CAPTURE(restored);
    target.takes = [restored](const model::ItemId& id) { return id == model::ItemId{model::ItemKind::bind, restored}; };
    const auto conflicts = check_set(engine, container, false, item, target, run.context);
    REQUIRE(conflicts);
    CHECK(conflicts->empty());
  }
  for (const char* restored : {"infra/back", "backups", ""}) {
    CAPTURE(restored);
    target.takes = [restored](const model::ItemId& id) { return id == model::ItemId{model::ItemKind::bind, restored}; };
    const auto conflicts = check_set(engine, container, false, item, target, run.context);
    CHECK((!conflicts || !conflicts->empty()));
  }
}

}  // namespace davit::sources
