#include "sources/rebuild/images.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "engine/decode.hpp"
#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;
using How = ImageStep::How;

constexpr const char* kDigest = "postgres@sha256:d1d1";

engine::ImageInfo image(const std::string& id, const std::string& tag, const std::vector<std::string>& digests) {
  const auto info = engine::decode_image({{"Id", id}, {"RepoTags", {tag}}, {"RepoDigests", digests}, {"Os", "linux"}});
  REQUIRE(info);
  return *info;
}

// Services db and copy of one image, and app of one that was built.
Stack recorded() {
  const auto made_of = [](const char* service, const char* reference, const char* id) {
    engine::ContainerInfo container = test::make_container({.service = service});
    container.image = reference;
    container.image_id = id;
    return container;
  };
  return test::make_stack(
      {.containers = {made_of("app", "shop-app", "sha256:app"), made_of("copy", "postgres:17", "sha256:pg"),
                      made_of("db", "postgres:17", "sha256:pg")},
       .images = {image("sha256:pg", "postgres:17", {"mirror:5000/postgres@sha256:ffff", kDigest}),
                  image("sha256:app", "shop-app", {})}});
}

void add(test::FakeEngine& engine, const std::string& id, const std::string& reference,
         const std::vector<std::string>& digests = {}) {
  engine.add_image_as({{"Id", id}, {"RepoTags", {reference}}, {"RepoDigests", digests}, {"Os", "linux"}}, reference);
}

struct Fixture {
  test::FakeEngine engine;
  test::QuietRun run;
  Stack stack = recorded();
  // Of the image of postgres.
  ImageStep plan(bool allow_other = false) {
    const auto steps = plan_images(
        engine, stack, {.takes = [](auto service) { return service != "app"; }, .allow_other = allow_other});
    REQUIRE(steps);
    REQUIRE(steps->size() == 1);
    CHECK(steps->front().services == std::vector<std::string>{"copy", "db"});
    return steps->front();
  }
};

TEST_CASE("an image is found by its id, and tagged where its reference doesn't name it") {
  Fixture fixture;
  add(fixture.engine, "sha256:pg", "postgres:17");
  ImageStep step = fixture.plan();
  CHECK(step.how == How::present);
  CHECK(step.present_id == "sha256:pg");
  CHECK_FALSE(step.tag);
  CHECK(image_conflicts({step}).empty());

  Fixture other;
  add(other.engine, "sha256:pg", "elsewhere:1");
  step = other.plan();
  CHECK(step.how == How::present);
  CHECK(step.tag);
  CHECK(step.tagged_id.empty());
  CHECK(image_conflicts({step}).empty());
  REQUIRE(tag_if_missing(other.engine, step, step.present_id));
  CHECK(other.engine.inspect_image("postgres:17")->id == "sha256:pg");
}

TEST_CASE("an image of another id is the same by the digest of its registry") {
  Fixture fixture;
  add(fixture.engine, "sha256:of-another-store", "x:1", {kDigest});
  const ImageStep step = fixture.plan();
  CHECK(step.how == How::present);
  CHECK(step.present_id == "sha256:of-another-store");
  CHECK(step.tag);
  const auto id = pull_if_missing(fixture.engine, step, fixture.run.context);
  REQUIRE(id);
  CHECK(*id == "sha256:of-another-store");
}

TEST_CASE("an image that isn't there is pulled by the digest of its own repository, and tagged") {
  Fixture fixture;
  fixture.engine.allow_pull(kDigest);
  const ImageStep step = fixture.plan();
  CHECK(step.how == How::pull);
  CHECK(step.digest == kDigest);
  CHECK(step.present_id.empty());
  CHECK(image_conflicts({step}).empty());
  const auto id = pull_if_missing(fixture.engine, step, fixture.run.context);
  REQUIRE(id);
  REQUIRE(tag_if_missing(fixture.engine, step, *id));
  CHECK(fixture.engine.inspect_image("postgres:17")->id == *id);
  CHECK(fixture.run.reporter.notes == std::vector<std::string>{std::string("pulling ") + kDigest});
}

TEST_CASE("a pull that is refused says what to do") {
  Fixture fixture;
  const auto id = pull_if_missing(fixture.engine, fixture.plan(), fixture.run.context);
  REQUIRE_FALSE(id);
  CHECK(id.error().message().starts_with("get image postgres:17: pull image postgres@sha256:d1d1"));
  CHECK(id.error().hint().contains("docker pull postgres@sha256:d1d1"));
}

TEST_CASE("a tag that another image has is given to that of the backup only with --replace") {
  Fixture fixture;
  add(fixture.engine, "sha256:newer", "postgres:17");
  const ImageStep step = fixture.plan();
  CHECK(step.how == How::pull);
  CHECK(step.tag);
  CHECK(step.tagged_id == "sha256:newer");
  const auto conflicts = image_conflicts({step});
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].replaceable);
  CHECK(conflicts[0].what == "the tag postgres:17 names another image than that of copy, db");

  // Or the other one is taken.
  const ImageStep allowed = fixture.plan(true);
  CHECK(allowed.how == How::other);
  CHECK(allowed.present_id == "sha256:newer");
  CHECK_FALSE(allowed.tag);
  CHECK(image_conflicts({allowed}).empty());
}

TEST_CASE("an image that was built must be brought, or built again and allowed") {
  Fixture fixture;
  const auto plan = [&](bool allow) {
    const auto steps = plan_images(fixture.engine, fixture.stack,
                                   {.takes = [](auto service) { return service == "app"; }, .allow_other = allow});
    REQUIRE(steps);
    return steps->front();
  };
  CHECK(plan(true).how == How::missing);
  const auto missing = image_conflicts({plan(false)});
  REQUIRE(missing.size() == 1);
  CHECK_FALSE(missing[0].replaceable);
  CHECK(missing[0].what ==
        "image shop-app of app is not on this host, and no registry is known to have it: it was built, or loaded from "
        "a file");
  CHECK(missing[0].remedy.contains("docker load"));

  add(fixture.engine, "sha256:rebuilt", "shop-app");
  const auto other = image_conflicts({plan(false)});
  REQUIRE(other.size() == 1);
  CHECK_FALSE(other[0].replaceable);
  CHECK(other[0].what.contains("is not the one that the backup was made with"));
  CHECK(plan(true).how == How::other);
}

TEST_CASE("a reference by digest is that digest, and gets no tag") {
  Fixture fixture;
  engine::ContainerInfo container = test::make_container({.service = "db"});
  container.image = kDigest;
  container.image_id = "sha256:pg";
  fixture.stack = test::make_stack({.containers = {container}});
  auto steps = plan_images(fixture.engine, fixture.stack, {});
  REQUIRE(steps);
  CHECK(steps->front().how == How::pull);
  CHECK(steps->front().digest == kDigest);
  CHECK_FALSE(steps->front().tag);
  add(fixture.engine, "sha256:of-another-store", "x:1", {kDigest});
  steps = plan_images(fixture.engine, fixture.stack, {});
  REQUIRE(steps);
  CHECK(steps->front().how == How::present);
}

}  // namespace
}  // namespace davit::sources
