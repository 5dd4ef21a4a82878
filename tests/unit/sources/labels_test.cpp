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
  CHECK(far.error().hint() == "known are davit.enable, davit.files, davit.exclude, davit.postgres");
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

TEST_CASE("every rule takes the value that its text promises") {
  CHECK(label_rules().size() == 4);
  for (const LabelRule& rule : label_rules()) {
    const std::string value(rule.values.starts_with("p") ? "a"
                                                         : rule.values.substr(0, rule.values.find_first_of(", ")));
    INFO(rule.name << "=" << value);
    CHECK(parse_labels({{std::string(rule.name), value}}, LabelOwner::service, "s").has_value());
  }
}

}  // namespace
}  // namespace davit::sources
