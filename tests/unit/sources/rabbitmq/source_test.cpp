#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "sources/source.hpp"
#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/skipping_clock.hpp"
#include "support/stack.hpp"

using namespace davit;
using namespace davit::sources;
using davit::test::ContainerSketch;
using davit::test::volume_mount;

namespace {

constexpr const char* kFresh =
    R"({"rabbit_version":"4.0.5","vhosts":[{"name":"/"}],"users":[{"name":"guest","password_hash":"new"}]})";
constexpr const char* kUsed = R"({"rabbit_version":"4.0.5","vhosts":[{"name":"/"},{"name":"shop"}],)"
                              R"("users":[{"name":"guest","password_hash":"old"},{"name":"app","tags":[]}],)"
                              R"("queues":[{"name":"orders","vhost":"shop","durable":true}]})";

// The stack "shop" with the service mq, and a broker that holds definitions as text.
struct Bench {
  test::FakeEngine engine;
  helper::Host host{engine, {}};
  test::SkippingClock clock;
  test::QuietReporter reporter;
  RunContext run{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = {}};
  std::unique_ptr<Source> source = make_rabbitmq_source(host);
  std::string definitions = kUsed;
  std::string node = "rabbit@mq";
  std::string version = "4.0.5";
  bool hangs = false;
  bool keeps_queues = false;  // as a broker does with queues of other properties
  std::vector<std::string> imports;

  Bench() {
    engine.on_command = [this](const test::FakeCommand& command) -> test::FakeOutcome {
      if (command.argv.size() == 5 && command.argv[4] == "beam.smp") return {0, "999:999\nbeam.smp"};
      CHECK(command.user == "999:999");
      if (command.argv[0] == "sh" && command.argv[2].contains("import_definitions")) {
        CHECK(command.argv[4] == std::to_string(command.input.size()));
        return import(command.input);
      }
      if (command.argv.size() < 3 || command.argv[0] != "rabbitmqctl") return {127};
      if (command.argv[2] == "eval")
        return {0, "[" + node + ",\"" + version + "\",\"/var/lib/rabbitmq/mnesia/" + node + "\"]\n"};
      // Without a limit a node that hangs would be waited for.
      CHECK(command.argv[command.argv.size() - 2] == "-t");
      if (hangs) return {75, "", "Error: operation list_vhosts on node rabbit@mq timed out. Timeout value used: 60000"};
      if (command.argv[2] == "list_vhosts") return {0, "/\n"};
      return command.argv[2] == "export_definitions" ? test::FakeOutcome{0, definitions} : test::FakeOutcome{64};
    };
  }
  test::FakeOutcome import(const std::string& input) {
    imports.push_back(input);
    auto merged = nlohmann::json::parse(input);
    if (keeps_queues) merged["queues"] = nlohmann::json::parse(definitions)["queues"];
    definitions = merged.dump();
    return {};
  }
  Stack stack(const std::string& hostname,
              ContainerSketch sketch = {.service = "mq", .mounts = {volume_mount("shop_mq", "/var/lib/rabbitmq")}}) {
    engine::ContainerInfo info = test::make_container(sketch);
    info.image = "rabbitmq:4";
    engine::ContainerInfo present;
    present.name = info.name + std::to_string(++made_);
    present.state.status = sketch.running ? "running" : "exited";
    info.id = engine.add_container(present);
    info.hostname = hostname.empty() ? info.id.value.substr(0, 12) : hostname;
    StackParts parts;
    parts.containers.push_back(std::move(info));
    parts.volumes.push_back(test::make_volume_info("shop_mq", "mq", volume_labels));
    return test::make_stack(std::move(parts));
  }
  engine::Labels volume_labels = {};

  model::Item back_up(const Stack& stack, std::string* stored = nullptr) {
    auto plan = source->plan(stack, {}, [](const model::ItemId&) { return true; }, run);
    REQUIRE(plan);
    REQUIRE(plan->items.size() == 1);
    model::Item item = plan->items.front();
    stream::MemorySink sink;
    auto found = source->dump(item, item.artefacts.front(), {}, sink, run);
    REQUIRE(found);
    findings = *std::move(found);
    if (stored != nullptr) *stored = sink.contents();
    return item;
  }
  std::vector<Finding> findings;

 private:
  int made_ = 0;
};

const model::ItemId kData{model::ItemKind::volume, "mq"};
Takes takes_data() {
  return [](const model::ItemId& id) { return id == kData || id.kind == model::ItemKind::rabbitmq; };
}
Takes takes_definitions() {
  return [](const model::ItemId& id) { return id.kind == model::ItemKind::rabbitmq; };
}

}  // namespace

TEST_CASE("the definitions of a broker are backed up, with what a restore must know", "[rabbitmq]") {
  Bench bench;
  bench.volume_labels = {{"davit.quiesce", "stop"}};
  std::string stored;
  const Stack stack = bench.stack("mq");
  const model::Item item = bench.back_up(stack, &stored);
  CHECK(item.id.text() == "rabbitmq:mq");
  CHECK(item.artefacts.front().path == "rabbitmq/mq.definitions.json.zst");
  CHECK(item.artefacts.front().entries == 5);
  CHECK(item.attributes.at("node") == "rabbit@mq");
  CHECK(item.attributes.at("data") == "volume:mq");
  CHECK(item.attributes.at("version") == "4.0.5");
  CHECK(bench.findings.empty());
  stream::MemorySource whole(stored);
  CHECK(bench.source->verify(item, item.artefacts.front(), whole, stack, bench.run));
  auto fewer = item.artefacts.front();
  fewer.entries = 4;
  stream::MemorySource again(stored);
  CHECK_FALSE(bench.source->verify(item, fewer, again, stack, bench.run));
}

TEST_CASE("a broker without a hostname, and one that lives while its messages are read, are findings", "[rabbitmq]") {
  Bench bench;
  const Stack nameless = bench.stack("");
  bench.node = "rabbit@" + nameless.services.front().containers.front().hostname;
  bench.back_up(nameless);
  REQUIRE(bench.findings.size() == 2);
  CHECK(bench.findings[0].what.contains("service mq has no hostname"));
  CHECK(bench.findings[0].what.contains("write \"hostname: mq\" for it in the compose file"));
  CHECK(bench.findings[1].what ==
        "volume:mq is read while the node lives, so queued messages may not come back from it: set the label "
        "davit.quiesce=stop on service mq, or on the volume");
  const std::string anonymous(64, 'f');
  bench.back_up(bench.stack("mq", {.service = "mq", .mounts = {volume_mount(anonymous, "/var/lib/rabbitmq")}}));
  REQUIRE(bench.findings.size() == 1);
  CHECK(bench.findings[0].what.contains("in a volume without a name; name one for /var/lib/rabbitmq"));
  bench.back_up(bench.stack("mq", {.service = "mq"}));
  REQUIRE(bench.findings.size() == 1);
  CHECK(bench.findings[0].what.contains("in the container itself"));
}

TEST_CASE("a node that would have another name is refused, where its data is restored", "[rabbitmq]") {
  Bench bench;
  const Stack recorded = bench.stack("mq");
  model::Item item = bench.back_up(recorded);
  const auto conflicts_of = [&](const Stack& was, const Stack& now) {
    Target target{"shop", "/srv/shop", &was, &now};
    target.takes = takes_data();
    auto conflicts = bench.source->check_restore(item, target, bench.run);
    REQUIRE(conflicts);
    return *std::move(conflicts);
  };
  const ContainerSketch stopped{.service = "mq", .running = false};
  CHECK(conflicts_of(recorded, bench.stack("mq", stopped)).empty());
  const Stack nothing;
  CHECK(conflicts_of(recorded, nothing).empty());
  auto conflicts = conflicts_of(recorded, bench.stack("other", stopped));
  REQUIRE(conflicts.size() == 1);
  CHECK_FALSE(conflicts[0].replaceable);
  CHECK(conflicts[0].what ==
        "the queues of rabbitmq:mq are of node rabbit@mq, and the node of service mq would have "
        "the name rabbit@other and find none of them");
  CHECK(conflicts[0].remedy.contains("write \"hostname: mq\" for service mq in the compose file"));
  CHECK(conflicts[0].remedy.contains("--exclude volume:mq"));
  const Stack nameless = bench.stack("");
  bench.node = "rabbit@" + nameless.services.front().containers.front().hostname;
  item = bench.back_up(nameless);
  conflicts = conflicts_of(nameless, nothing);
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].what.contains("a name made of its new container's id"));
}

TEST_CASE("a node that is called by something else than its host is known by its image and environment", "[rabbitmq]") {
  Bench bench;
  bench.volume_labels = {{"davit.quiesce", "stop"}};
  bench.node = "rabbit@localhost";
  const Stack recorded = bench.stack("");
  const model::Item item = bench.back_up(recorded);
  CHECK(bench.findings.empty());
  const auto conflicts_of = [&](const Stack& now) {
    Target target{"shop", "/srv/shop", &recorded, &now};
    target.takes = takes_data();
    auto conflicts = bench.source->check_restore(item, target, bench.run);
    REQUIRE(conflicts);
    return *std::move(conflicts);
  };
  CHECK(conflicts_of({}).empty());
  Stack now = bench.stack("", {.service = "mq", .running = false});
  CHECK(conflicts_of(now).empty());
  now.services.front().containers.front().env = {"RABBITMQ_NODE_NAME=bunny@localhost"};
  const auto conflicts = conflicts_of(now);
  REQUIRE(conflicts.size() == 1);
  CHECK_FALSE(conflicts[0].replaceable);
  CHECK(conflicts[0].what.ends_with("RABBITMQ_NODE_NAME is not that of the backup"));
  CHECK(conflicts[0].remedy.starts_with("give service mq what it had in the compose file, and make its container"));
  now.services.front().containers.front().env = {"RABBITMQ_NODENAME=rabbit@localhost"};
  CHECK(conflicts_of(now).empty());
}

TEST_CASE("a broker that hangs is not waited for", "[rabbitmq]") {
  Bench bench;
  const Stack stack = bench.stack("mq");
  bench.hangs = true;
  const auto plan = bench.source->plan(stack, {}, [](const model::ItemId&) { return true; }, bench.run);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().code() == Errc::unavailable);
  CHECK(plan.error().message().contains("timed out"));
}

TEST_CASE("definitions are only looked at where the data is restored along", "[rabbitmq]") {
  Bench bench;
  std::string stored;
  const Stack stack = bench.stack("mq");
  const model::Item item = bench.back_up(stack, &stored);
  Target target{"shop", "/srv/shop", &stack, &stack};
  target.takes = takes_data();
  auto restoration = bench.source->restore(item, target, bench.run);
  REQUIRE(restoration);
  stream::MemorySource whole(stored);
  REQUIRE((*restoration)->stage(item.artefacts.front(), whole, bench.run));
  REQUIRE((*restoration)->commit(bench.run));
  CHECK((*restoration)->rollback(bench.run));
  CHECK(bench.imports.empty());
  stream::MemorySource cut(stored.substr(0, stored.size() - 3));
  CHECK_FALSE((*restoration)->stage(item.artefacts.front(), cut, bench.run));
}

TEST_CASE("definitions are imported into a running broker, and what they would change is named", "[rabbitmq]") {
  Bench bench;
  std::string stored;
  const Stack stack = bench.stack("mq");
  const model::Item item = bench.back_up(stack, &stored);
  Target target{"shop", "/srv/shop", &stack, &stack};
  target.takes = takes_definitions();
  const auto conflicts_of = [&](const Target& towards) {
    auto conflicts = bench.source->check_restore(item, towards, bench.run);
    REQUIRE(conflicts);
    return *std::move(conflicts);
  };
  const auto restore = [&]() -> Result<> {
    TRY_ASSIGN(restoration, bench.source->restore(item, target, bench.run));
    stream::MemorySource whole(stored);
    TRY(restoration->stage(item.artefacts.front(), whole, bench.run));
    TRY(restoration->commit(bench.run));
    const auto back = restoration->rollback(bench.run);
    CHECK_FALSE(back);  // nothing leads back, and nobody is told that it does
    return {};
  };
  SECTION("one that was just made") {
    bench.definitions = kFresh;
    CHECK(conflicts_of(target).empty());
    REQUIRE(restore());
    CHECK(bench.imports == std::vector<std::string>{kUsed});
  }
  SECTION("one that is in use") {
    bench.definitions =
        R"({"vhosts":[{"name":"/"},{"name":"mine"}],"users":[{"name":"app","tags":["administrator"]}]})";
    const auto conflicts = conflicts_of(target);
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts[0].replaceable);
    CHECK(conflicts[0].what.contains("2 vhosts (/, mine), 1 user (app)"));
    const auto refused = restore();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::exists);
    CHECK(refused.error().message() == "the import changes in the broker of service mq: user app");
    CHECK(bench.imports.empty());
    target.replace = true;
    CHECK(restore());
    CHECK(bench.imports.size() == 1);
  }
  SECTION("one that keeps its own queues") {
    bench.definitions =
        R"({"vhosts":[{"name":"/"},{"name":"shop"}],"users":[],"queues":[{"name":"orders","vhost":"shop","durable":false}]})";
    bench.keeps_queues = true;
    target.replace = true;
    const auto restored = restore();
    REQUIRE_FALSE(restored);
    CHECK(restored.error().message().ends_with("not have them as in the backup: queue orders in vhost shop"));
  }
  SECTION("one of an older series") {
    bench.version = "3.13.7";
    bench.definitions = kFresh;
    const auto conflicts = conflicts_of(target);
    REQUIRE(conflicts.size() == 1);
    CHECK_FALSE(conflicts[0].replaceable);
    CHECK(conflicts[0].what == "the broker of service mq is RabbitMQ 3.13.7, and the definitions are of 4.0.5");
    CHECK_FALSE(restore());
    CHECK(bench.imports.empty());
    target.allow_version_change = true;
    CHECK(conflicts_of(target).empty());
    CHECK(restore());
  }
  SECTION("one that doesn't run") {
    const Stack stopped = bench.stack("mq", {.service = "mq", .running = false});
    target.present = &stopped;
    const auto conflicts = conflicts_of(target);
    REQUIRE(conflicts.size() == 1);
    CHECK_FALSE(conflicts[0].replaceable);
    // A restore that makes the containers has it running by then.
    target.starts = [](std::string_view service) { return service == "mq"; };
    CHECK(conflicts_of(target).empty());
  }
}
