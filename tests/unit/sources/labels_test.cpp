#include "sources/labels.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

TEST_CASE("labels of services and volumes become settings") {
  const auto service = parse_labels({{"davit.enable", "false"},
                                     {"davit.files", " certs , conf/app.ini,"},
                                     {"davit.postgres", "dump"},
                                     {"davit.exclude", "*.tmp,cache/*"},
                                     {"traefik.enable", "true"},
                                     {"davits.enable", "no business of ours"}},
                                    LabelOwner::service, "app");
  REQUIRE(service);
  CHECK_FALSE(service->enable);
  CHECK(service->files == std::vector<std::string>{"certs", "conf/app.ini"});
  CHECK(service->exclude == std::vector<std::string>{"*.tmp", "cache/*"});
  CHECK(service->postgres == Settings::Postgres::dump);

  const auto plain = parse_labels({}, LabelOwner::volume, "data");
  REQUIRE(plain);
  CHECK(plain->enable);
  CHECK(plain->postgres == Settings::Postgres::automatic);
}

TEST_CASE("an unknown label names the nearest known one") {
  const auto result = parse_labels({{"davit.enabel", "true"}}, LabelOwner::service, "app");
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Errc::usage);
  CHECK(result.error().message() == "service app: label davit.enabel is unknown");
  CHECK(result.error().hint() == "did you mean davit.enable?");
  const auto far = parse_labels({{"davit.whatever", "1"}}, LabelOwner::volume, "data");
  REQUIRE_FALSE(far);
  CHECK(far.error().hint().starts_with("known are davit.enable, davit.files, davit.exclude, davit.postgres, "));
}

TEST_CASE("a wrong value names the label, its owner and what it takes") {
  const auto result = parse_labels({{"davit.enable", "flase"}}, LabelOwner::volume, "uploads");
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Errc::usage);
  CHECK(result.error().message() == "volume uploads: label davit.enable has the value \"flase\"");
  CHECK(result.error().hint() == "it takes true or false");
  CHECK_FALSE(parse_labels({{"davit.enable", ""}}, LabelOwner::volume, "uploads"));
  CHECK_FALSE(parse_labels({{"davit.postgres", "yes"}}, LabelOwner::service, "db"));
  CHECK_FALSE(parse_labels({{"davit.files", " , "}}, LabelOwner::service, "db"));
}

TEST_CASE("a label on what it has no meaning for is refused") {
  const auto result = parse_labels({{"davit.postgres", "off"}}, LabelOwner::volume, "data");
  REQUIRE_FALSE(result);
  CHECK(result.error().message() == "volume data: label davit.postgres has no meaning on a volume");
  CHECK(result.error().hint() == "put it on a service");
}

TEST_CASE("how a server is backed up is read") {
  using Postgres = Settings::Postgres;
  for (const auto& [value, expected] :
       {std::pair("auto", Postgres::automatic), std::pair("dump", Postgres::dump),
        std::pair("basebackup", Postgres::basebackup), std::pair("pgbackrest", Postgres::pgbackrest),
        std::pair("off", Postgres::off)}) {
    INFO(value);
    const auto settings = parse_labels({{"davit.postgres", value}}, LabelOwner::service, "db");
    REQUIRE(settings);
    CHECK(settings->postgres == expected);
  }
  CHECK(parse_labels({{"davit.pgbackrest.type", "diff"}}, LabelOwner::service, "db"));
  CHECK_FALSE(parse_labels({{"davit.pgbackrest.type", "daily"}}, LabelOwner::service, "db"));
}

TEST_CASE("how services are held, and for how long, is read") {
  using Quiesce = Settings::Quiesce;
  const auto quiesce = [](const std::string& value, LabelOwner owner = LabelOwner::service) {
    const auto settings = parse_labels({{"davit.quiesce", value}}, owner, "s");
    return settings ? settings->quiesce : std::nullopt;
  };
  CHECK(quiesce("stop") == Quiesce::stop);
  CHECK(quiesce(" pause ") == Quiesce::pause);
  CHECK(quiesce("none", LabelOwner::volume) == Quiesce::none);
  CHECK_FALSE(quiesce("halt"));
  const auto max = [](const std::string& value) {
    const auto settings = parse_labels({{"davit.quiesce.max", value}}, LabelOwner::volume, "v");
    return settings ? settings->quiesce_max : std::nullopt;
  };
  CHECK(max("90") == std::chrono::seconds(90));
  CHECK(max("5m") == std::chrono::seconds(300));
  for (const char* wrong : {"0", "-1", "soon", "", "99999999999999999999", "1.5"}) CHECK_FALSE(max(wrong));
  const auto plain = parse_labels({}, LabelOwner::service, "s");
  REQUIRE(plain);
  CHECK_FALSE(plain->quiesce);
  CHECK_FALSE(plain->quiesce_max);
  CHECK(plain->hook_timeout == std::chrono::seconds(60));
}

TEST_CASE("hooks and commands are arrays of arguments") {
  const auto settings = parse_labels({{"davit.before", R"(["sh", "-c", "a \"b\"; c"])"},
                                      {"davit.after", R"(["true"])"},
                                      {"davit.hook.timeout", "5"},
                                      {"davit.hook.user", "www-data"},
                                      {"davit.command", R"(["slapcat", "-n", "1"])"},
                                      {"davit.command.restore", R"(["slapadd", ""])"}},
                                     LabelOwner::service, "app");
  REQUIRE(settings);
  CHECK(settings->before == std::vector<std::string>{"sh", "-c", "a \"b\"; c"});
  CHECK(settings->after == std::vector<std::string>{"true"});
  CHECK(settings->hook_timeout == std::chrono::seconds(5));
  CHECK(settings->hook_user == "www-data");
  CHECK(settings->command == std::vector<std::string>{"slapcat", "-n", "1"});
  CHECK(settings->command_restore == std::vector<std::string>{"slapadd", ""});
  for (const char* wrong : {"", "redis-cli SAVE", "[]", "[1]", R"([""])", R"(["a", null])", R"({"a": "b"})", R"(["a)",
                            R"(["a\u0000b"])", R"("a")"}) {
    INFO(wrong);
    const auto refused = parse_labels({{"davit.before", wrong}}, LabelOwner::service, "app");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::usage);
    CHECK(refused.error().message().starts_with("service app: label davit.before has the value"));
    CHECK(refused.error().hint() == "it takes a JSON array of arguments, such as [\"tool\", \"--option\"]");
  }
  CHECK_FALSE(parse_labels({{"davit.before", R"(["a"])"}}, LabelOwner::volume, "v"));
}

TEST_CASE("every rule takes the value that its text promises") {
  CHECK(label_rules().size() == 24);
  for (const LabelRule& rule : label_rules()) {
    std::string value(rule.values.substr(0, rule.values.find_first_of(", ")));
    if (rule.values.contains("such as ")) value = rule.values.substr(rule.values.find("such as ") + 8);
    INFO(rule.name << "=" << value);
    CHECK(parse_labels({{std::string(rule.name), value}}, LabelOwner::service, "s").has_value());
  }
}

}  // namespace
}  // namespace davit::sources
