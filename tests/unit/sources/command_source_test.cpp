#include <catch2/catch_test_macros.hpp>

#include "sources/source.hpp"
#include "stream/memory_stream.hpp"
#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"
#include "support/streams.hpp"

using namespace davit;
using namespace davit::sources;
using davit::test::ContainerSketch;
using davit::test::make_container;

namespace {

const engine::Labels kLabels{{"davit.command", R"(["slapcat", "-n", "1"])"},
                             {"davit.command.restore", R"(["slapadd"])"},
                             {"davit.hook.user", "ldap"}};

struct Bench {
  test::FakeEngine engine;
  test::QuietRun run;
  std::vector<test::FakeCommand> commands;
  test::FakeOutcome outcome{};

  Bench() {
    engine.on_command = [this](const test::FakeCommand& command) {
      commands.push_back(command);
      return outcome;
    };
  }
  // The stack "shop" with one service, whose container the Engine has, too.
  Stack stack(const ContainerSketch& sketch) {
    engine::ContainerInfo info = make_container(sketch);
    engine::ContainerInfo present;
    present.name = info.name;
    present.state.status = sketch.running ? "running" : "exited";
    info.id = engine.add_container(present);
    StackParts parts;
    parts.containers.push_back(std::move(info));
    return test::make_stack(std::move(parts));
  }
  Plan plan(Source& source, const Stack& stack) {
    auto plan = source.plan(stack, {}, [](const model::ItemId&) { return true; }, run.context);
    REQUIRE(plan);
    return *std::move(plan);
  }
};

}  // namespace

TEST_CASE("what a command prints is backed up, and given to another one on its stdin", "[command]") {
  Bench bench;
  const Stack stack = bench.stack({.service = "ldap", .labels = kLabels});
  const auto source = make_command_source(bench.engine, {.allowed = true});
  auto plan = bench.plan(*source, stack);
  REQUIRE(plan.items.size() == 1);
  model::Item& item = plan.items.front();
  CHECK(item.id.text() == "command:ldap");
  CHECK(item.consistency == model::Consistency::dump);
  REQUIRE(item.artefacts.size() == 1);
  model::Artefact& artefact = item.artefacts.front();
  CHECK(artefact.path == "commands/ldap.zst");
  CHECK(artefact.content == model::Content::raw);

  bench.outcome.out = std::string("dn: x\n\0\xff", 8);
  stream::MemorySink sink;
  REQUIRE(source->dump(item, artefact, {}, sink, bench.run.context));
  const std::string& stored = sink.contents();
  REQUIRE(bench.commands.size() == 1);
  CHECK(bench.commands[0].argv == std::vector<std::string>{"slapcat", "-n", "1"});
  CHECK(bench.commands[0].user == "ldap");
  CHECK(artefact.plain.bytes == 8);
  CHECK(artefact.stored.bytes == stored.size());

  stream::MemorySource checked(stored);
  CHECK(source->verify(item, artefact, checked, stack, bench.run.context));
  stream::MemorySource cut(stored.substr(0, stored.size() - 1));
  CHECK_FALSE(source->verify(item, artefact, cut, stack, bench.run.context));

  const Target target{"shop", "/srv/shop", &stack, &stack};
  const auto conflicts = source->check_restore(item, target, bench.run.context);
  REQUIRE(conflicts);
  REQUIRE(conflicts->size() == 1);
  CHECK(conflicts->front().replaceable);
  CHECK(conflicts->front().what == "davit.command.restore changes service ldap, at the end, without a way back");
  auto restoration = source->restore(item, target, bench.run.context);
  REQUIRE(restoration);
  CHECK((*restoration)->rollback(bench.run.context));
  stream::MemorySource whole(stored);
  REQUIRE((*restoration)->stage(artefact, whole, bench.run.context));
  REQUIRE(bench.commands.size() == 2);
  CHECK(bench.commands[1].argv == std::vector<std::string>{"slapadd"});
  CHECK(bench.commands[1].input == bench.outcome.out);
  const auto back = (*restoration)->rollback(bench.run.context);
  REQUIRE_FALSE(back);
  CHECK(back.error().message() == "davit.command.restore has run in service ldap, and nothing leads back from that");
}

TEST_CASE("a command that fails fails the backup, and the restore", "[command]") {
  Bench bench;
  const Stack stack = bench.stack({.service = "ldap", .labels = kLabels});
  const auto source = make_command_source(bench.engine, {.allowed = true});
  auto plan = bench.plan(*source, stack);
  REQUIRE(plan.items.size() == 1);
  model::Item& item = plan.items.front();
  stream::MemorySink good;
  bench.outcome.out = "all of it";
  REQUIRE(source->dump(item, item.artefacts.front(), {}, good, bench.run.context));

  bench.outcome = {5, "some of it", "no such base"};
  stream::MemorySink bad;
  auto artefact = item.artefacts.front();
  const auto dumped = source->dump(item, artefact, {}, bad, bench.run.context);
  REQUIRE_FALSE(dumped);
  CHECK_FALSE(bad.finished());
  CHECK(dumped.error().message() == "davit.command ended with exit code 5: no such base");
  auto restoration = source->restore(item, {"shop", "/srv/shop", &stack, &stack}, bench.run.context);
  REQUIRE(restoration);
  stream::MemorySource whole(good.contents());
  const auto staged = (*restoration)->stage(item.artefacts.front(), whole, bench.run.context);
  REQUIRE_FALSE(staged);
  CHECK(staged.error().message() == "davit.command.restore ended with exit code 5: no such base");
}

TEST_CASE("commands are not run unless that is allowed, nor where nothing runs", "[command]") {
  Bench bench;
  const Stack runs = bench.stack({.service = "ldap", .labels = kLabels});
  const Stack off = bench.stack({.service = "ldap", .running = false, .labels = kLabels, .number = 2});
  const Stack unlabelled = bench.stack({.service = "ldap", .number = 3});
  const auto allowed = make_command_source(bench.engine, {.allowed = true});
  const auto forbidden = make_command_source(bench.engine, {});
  auto plan = bench.plan(*forbidden, runs);
  CHECK(plan.items.empty());
  REQUIRE(plan.not_covered.size() == 1);
  CHECK(plan.not_covered[0].why == "davit.command is not run: --allow-hooks is not set");
  plan = bench.plan(*allowed, off);
  CHECK(plan.items.empty());
  REQUIRE(plan.not_covered.size() == 1);
  CHECK(plan.not_covered[0].why == "its service doesn't run, so its davit.command can't");
  CHECK(bench.plan(*allowed, unlabelled).not_covered.empty());

  const auto item = bench.plan(*allowed, runs).items.at(0);
  const auto conflict = [&](Source& source, const Stack& recorded, const Stack& present) -> std::string {
    const auto conflicts = source.check_restore(item, {"shop", "/srv/shop", &recorded, &present}, bench.run.context);
    REQUIRE(conflicts);
    REQUIRE(conflicts->size() == 1);
    CHECK_FALSE(conflicts->front().replaceable);
    CHECK_FALSE(source.restore(item, {"shop", "/srv/shop", &recorded, &present}, bench.run.context));
    return conflicts->front().what;
  };
  CHECK(conflict(*forbidden, runs, runs) == "davit.command.restore of service ldap may not be run");
  CHECK(conflict(*allowed, runs, off) == "no container of service ldap runs to restore into");
  CHECK(conflict(*allowed, runs, Stack{}) == "no container of service ldap runs to restore into");
  CHECK(conflict(*allowed, unlabelled, unlabelled) == "service ldap has no label davit.command.restore");
  // The label of the backup counts where there is none now.
  CHECK(allowed->restore(item, {"shop", "/srv/shop", &runs, &unlabelled}, bench.run.context));
  CHECK(bench.commands.empty());
}
