#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "sources/ldap/entry.hpp"
#include "sources/source.hpp"
#include "stream/memory_stream.hpp"
#include "support/helper_engine.hpp"
#include "support/memory_journal.hpp"
#include "support/quiet_run.hpp"
#include "support/stack.hpp"

using namespace davit;
using namespace davit::sources;
using davit::test::ContainerSketch;
using davit::test::volume_mount;

namespace {

constexpr const char* kConfig =
    "dn: cn=config\nobjectClass: olcGlobal\ncn: config\n\n"
    "dn: olcDatabase={1}mdb,cn=config\nolcDatabase: {1}mdb\nolcDbDirectory: /var/lib/ldap\nolcSuffix: dc=shop\n\n"
    "dn: olcDatabase={2}hdb,cn=config\nolcDatabase: {2}hdb\nolcDbDirectory: /old\nolcSuffix: dc=old\n\n";
constexpr const char* kData = "dn: dc=shop\ndc: shop\n\ndn: cn=a,dc=shop\ncn: a\nuserPassword:: e1NTSEF9\n\n";

// The stack "shop" with the service ldap, and its tools, played: what slapadd takes in a directory, slapcat gives.
struct Bench {
  test::FakeEngine engine;
  helper::Host host{engine, {}};
  test::QuietRun quiet;
  RunContext& run = quiet.context;
  test::MemoryJournal journal;
  std::unique_ptr<Source> source = make_ldap_source(host);
  std::map<std::string, std::string> loaded{{"/etc/ldap/slapd.d 0", kConfig}, {"/etc/ldap/slapd.d 1", kData}};
  std::vector<std::string> log;  // what was done in one-off containers
  std::string process = std::string("911:911\nslapd\0-F\0/etc/ldap/slapd.d\0", 36);
  std::string version = "@(#) $OpenLDAP: slapd 2.6.10+dfsg-1 (today) $\n";
  int slapadd_fails = 0;
  std::string lost;  // an entry that slapadd takes and forgets

  Bench() {
    engine.add_image("ldap:1");
    engine.on_command = [this](const test::FakeCommand& command) { return play(command); };
  }

  test::FakeOutcome play(const test::FakeCommand& command) {
    const auto& argv = command.argv;
    const auto after = [&](const char* option) {
      const auto found = std::ranges::find(argv, option);
      return found == argv.end() ? std::string() : *(found + 1);
    };
    if (argv[0] == "sh" && argv.size() == 5 && argv[4] == "slapd")
      return process.empty() ? test::FakeOutcome{81} : test::FakeOutcome{0, process};
    if (argv[0] == "sh" && argv.size() == 5) return {0, argv[4] + "\n"};
    if (argv[0] == "sh" && argv.size() == 3) return {0, version};
    if (argv[0] == "sh") {
      CHECK(command.user == "0:0");
      if (argv[4] != "missing") log.push_back(argv[4] + " " + argv[8]);
      return {};
    }
    CHECK(command.user == "911:911");
    const std::string at = after("-F") + " " + after("-n");
    if (argv[0] == "slapcat") {
      CHECK(std::ranges::contains(argv, "-g"));
      return loaded.contains(at) ? test::FakeOutcome{0, loaded[at]} : test::FakeOutcome{1, "", "no such database"};
    }
    log.push_back(argv[0] + " " + at);
    if (argv[0] == "slaptest") return {};
    if (slapadd_fails > 0 && --slapadd_fails == 0) return {1, "", "slapadd: line 1: bad"};
    loaded[at] = command.input;
    if (const auto gone = loaded[at].find(lost); !lost.empty() && gone != std::string::npos)
      loaded[at].erase(gone, lost.size());
    return {};
  }

  Stack stack(bool running) {
    engine::ContainerInfo info = test::make_container(
        {.service = "ldap",
         .mounts = {volume_mount("shop_config", "/etc/ldap/slapd.d"), volume_mount("shop_data", "/var/lib/ldap"),
                    volume_mount("shop_certs", "/certs")},
         .running = running,
         .labels = labels});
    info.image = "osixia/openldap:1.5.0";
    info.image_id = "";
    engine.add_image(info.image);
    engine.add_volume("shop_config");
    engine.add_volume("shop_data");
    engine.add_volume("shop_certs");
    engine::ContainerInfo present;
    present.name = info.name + std::to_string(++made_);
    present.state.status = running ? "running" : "exited";
    info.id = engine.add_container(present);
    StackParts parts;
    parts.containers.push_back(std::move(info));
    parts.volumes.push_back(test::make_volume_info("shop_config", "config"));
    parts.volumes.push_back(test::make_volume_info("shop_data", "data"));
    return test::make_stack(std::move(parts));
  }
  engine::Labels labels = {};

  Plan plan(const Stack& stack) {
    auto plan = source->plan(stack, {}, [](const model::ItemId&) { return true; }, run);
    REQUIRE(plan);
    return *std::move(plan);
  }
  // The item with all that is stored of it, by path.
  model::Item back_up(const Stack& stack) {
    Plan planned = plan(stack);
    REQUIRE(planned.items.size() == 1);
    model::Item item = planned.items.front();
    for (model::Artefact& artefact : item.artefacts) {
      stream::MemorySink sink;
      REQUIRE(source->dump(item, artefact, {}, sink, run));
      stored[artefact.path] = sink.contents();
    }
    return item;
  }
  std::map<std::string, std::string> stored;

  // Everything up to the commit; the restoration is led back after an error.
  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Stack& stack, std::vector<Finding>& found,
                                               bool version_change = false) {
    Target target{"shop", "/srv/shop", &stack, &stack};
    target.takes = [](const model::ItemId&) { return true; };
    target.journal = &journal;
    target.allow_version_change = version_change;
    TRY_ASSIGN(restoration, source->restore(item, target, run));
    const auto stage = [&]() -> Result<> {
      for (const model::Artefact& artefact : item.artefacts) {
        stream::MemorySource from(stored.at(artefact.path));
        TRY_ASSIGN(findings, restoration->stage(artefact, from, run));
        std::ranges::move(findings, std::back_inserter(found));
      }
      return restoration->commit(run);
    };
    if (auto staged = stage(); !staged) {
      CHECK(restoration->rollback(run));
      return std::unexpected(std::move(staged).error());
    }
    return restoration;
  }

 private:
  int made_ = 0;
};

using Lines = std::vector<std::string>;
const std::string kConfigArea = "/etc/ldap/slapd.d/.davit-ldap-0123456789abcdef";

}  // namespace

TEST_CASE("a running slapd is backed up as LDIF, configuration first", "[ldap]") {
  Bench bench;
  const Stack stack = bench.stack(true);
  const Plan plan = bench.plan(stack);
  REQUIRE(plan.not_covered.size() == 1);
  CHECK(plan.not_covered[0].what == "ldap:ldap database {2}hdb dc=old");
  CHECK(plan.covered_volumes.empty());  // certificates and markers of images lie there, too
  const model::Item item = bench.back_up(stack);
  CHECK(item.consistency == model::Consistency::dump);
  CHECK(item.attributes.at("user") == "911:911");
  CHECK(item.attributes.at("config") == "/etc/ldap/slapd.d");
  CHECK(item.attributes.at("version") == "2.6.10");
  REQUIRE(item.artefacts.size() == 2);
  CHECK(item.artefacts[0].path == "ldap/ldap.config.ldif.zst");
  CHECK(item.artefacts[0].content == model::Content::ldif);
  CHECK(item.artefacts[0].entries == 3);
  CHECK(item.artefacts[1].path == "ldap/ldap.data-1.ldif.zst");
  CHECK(item.artefacts[1].entries == 2);
  CHECK(item.artefacts[1].plain.bytes == std::string_view(kData).size());
  CHECK(item.artefacts[1].attributes.at("directory") == "/var/lib/ldap");
}

TEST_CASE("LDIF that slapcat doesn't end, and one that it fails with, are no backup", "[ldap]") {
  Bench bench;
  const Stack stack = bench.stack(true);
  Plan plan = bench.plan(stack);
  model::Item& item = plan.items.front();
  bench.loaded["/etc/ldap/slapd.d 1"] = std::string(kData).substr(0, 30);
  stream::MemorySink cut;
  auto dumped = bench.source->dump(item, item.artefacts[1], {}, cut, bench.run);
  REQUIRE_FALSE(dumped);
  CHECK(dumped.error().code() == Errc::corrupt);
  CHECK_FALSE(cut.finished());
  bench.loaded.erase("/etc/ldap/slapd.d 1");
  dumped = bench.source->dump(item, item.artefacts[1], {}, cut, bench.run);
  REQUIRE_FALSE(dumped);
  CHECK(dumped.error().message() == "dump database {1}: no such database");
  bench.loaded["/etc/ldap/slapd.d 0"] =
      std::string(kConfig).substr(0, std::string_view(kConfig).find("dn: olcDatabase={2}"));
  dumped = bench.source->dump(item, item.artefacts[0], {}, cut, bench.run);
  REQUIRE_FALSE(dumped);
  CHECK(dumped.error().message() == "the databases of slapd were changed since the backup was planned");
}

TEST_CASE("a service whose slapd can't be dumped is said not to be covered", "[ldap]") {
  Bench bench;
  const auto why = [&](const Stack& stack) {
    const Plan plan = bench.plan(stack);
    CHECK(plan.items.empty());
    return plan.not_covered.empty() ? std::string() : plan.not_covered.front().why;
  };
  CHECK(why(bench.stack(false)).starts_with("its service doesn't run, so there is no dump"));
  bench.process.clear();
  CHECK(why(bench.stack(true)).starts_with("no slapd runs in its container"));
  bench.process = std::string("911:911\nslapd\0-f\0/etc/slapd.conf\0", 34);
  CHECK(why(bench.stack(true)).starts_with("its slapd has a slapd.conf"));
  bench.labels = {{"davit.ldap", "off"}};
  CHECK(why(bench.stack(true)).empty());
  bench.labels = {{"davit.ldap", "dump"}};
  bench.process.clear();
  const auto planned = bench.source->plan(bench.stack(true), {}, [](const model::ItemId&) { return true; }, bench.run);
  REQUIRE_FALSE(planned);
  CHECK(planned.error().message() == "plan ldap:ldap: no slapd runs in the container of service ldap");
}

TEST_CASE("a directory is loaded beside the old one, read again, and then changes places with it", "[ldap]") {
  Bench bench;
  const model::Item item = bench.back_up(bench.stack(true));
  const Stack stack = bench.stack(false);
  std::vector<Finding> findings;
  SECTION("and stands") {
    auto restoration = bench.restore(item, stack, findings);
    REQUIRE(restoration);
    CHECK(findings.empty());
    CHECK(bench.log == Lines{"begin /etc/ldap/slapd.d", "begin /var/lib/ldap", "slapadd " + kConfigArea + "/stage 0",
                             "slapadd " + kConfigArea + "/new 0", "slaptest " + kConfigArea + "/new ",
                             "slapadd " + kConfigArea + "/stage 1", "exchange /etc/ldap/slapd.d",
                             "exchange /var/lib/ldap"});
    CHECK(bench.loaded[kConfigArea + "/new 0"] == kConfig);
    CHECK(bench.loaded[kConfigArea + "/stage 0"].contains(
        "olcDbDirectory: /var/lib/ldap/.davit-ldap-0123456789abcdef/new\n"));
    CHECK(bench.loaded[kConfigArea + "/stage 1"] == kData);
    REQUIRE(bench.journal.entries().size() == 1);
    bench.log.clear();
    SECTION("finished by itself") {
      REQUIRE((*restoration)->finish(bench.run));
      CHECK(bench.log == Lines{"finish /etc/ldap/slapd.d", "finish /var/lib/ldap"});
      CHECK(bench.journal.entries().empty());
    }
    SECTION("led back") {
      REQUIRE((*restoration)->rollback(bench.run));
      CHECK(bench.log == Lines{"undo /var/lib/ldap", "undo /etc/ldap/slapd.d"});
      CHECK(bench.journal.entries().empty());
    }
    SECTION("settled by its guard") {
      const auto entry = bench.journal.entries().front().second;
      CHECK(entry["kind"] == "ldap");
      for (const bool decided : {false, true}) {
        bench.log.clear();
        const auto lines = settle_ldap(bench.host, entry, decided, bench.run);
        REQUIRE(lines);
        CHECK(bench.log == (decided ? Lines{"finish /var/lib/ldap", "finish /etc/ldap/slapd.d"}
                                    : Lines{"undo /var/lib/ldap", "undo /etc/ldap/slapd.d"}));
        CHECK(lines->front().ends_with(decided ? "is restored" : "is the old one again"));
      }
      // What its other mounts were is no matter.
      bench.log.clear();
      REQUIRE(bench.engine.remove_volume("shop_certs"));
      REQUIRE(settle_ldap(bench.host, entry, false, bench.run));
      CHECK(bench.log == Lines{"undo /var/lib/ldap", "undo /etc/ldap/slapd.d"});
      // Nothing is left to put right in a volume that is gone; in the other one there is.
      bench.log.clear();
      REQUIRE(bench.engine.remove_volume("shop_data"));
      const auto lines = settle_ldap(bench.host, entry, false, bench.run);
      REQUIRE(lines);
      CHECK(bench.log == Lines{"undo /etc/ldap/slapd.d"});
      REQUIRE(lines->size() == 2);
      CHECK((*lines)[0].contains("volume shop_data is gone, and what slapd had there with it"));
      CHECK((*lines)[1].ends_with("where it is left, is the old one again"));
    }
    restoration->reset();
    for (const std::string& name : bench.engine.container_names()) CHECK_FALSE(name.contains("one-off"));
  }
  SECTION("but not where slapadd fails") {
    bench.slapadd_fails = 3;
    const auto restored = bench.restore(item, stack, findings);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().message() == "load the LDIF: slapadd: line 1: bad");
    CHECK(bench.log.back() == "undo /etc/ldap/slapd.d");
    CHECK(bench.journal.entries().empty());
  }
  SECTION("but not where an entry is lost") {
    bench.lost = "dn: cn=a,dc=shop\ncn: a\nuserPassword:: e1NTSEF9\n\n";
    const auto restored = bench.restore(item, stack, findings);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().message() == "the database that slapadd made has 1 entries, and the LDIF has 2");
  }
  SECTION("with a finding where a value is lost") {
    bench.lost = "userPassword:: e1NTSEF9\n";
    auto restored = bench.restore(item, stack, findings);
    REQUIRE(restored);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].path == "ldap/ldap.data-1.ldif.zst");
    CHECK((*restored)->rollback(bench.run));
  }
  SECTION("but not by another series of slapd, unless that is allowed") {
    bench.version = "@(#) $OpenLDAP: slapd 2.4.57 $\n";
    const auto restored = bench.restore(item, stack, findings);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().message() == "the image has OpenLDAP 2.4.57, and the backup is of 2.6.10");
    CHECK(bench.log.empty());
    CHECK(restored.error().code() == Errc::exists);  // it stands in the way, and is in the plan
    auto allowed = bench.restore(item, stack, findings, true);
    REQUIRE(allowed);
    CHECK((*allowed)->rollback(bench.run));
  }
  SECTION("but not under a server that runs") {
    const auto restored = bench.restore(item, bench.stack(true), findings);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().code() == Errc::exists);
    CHECK(restored.error().message() == "service ldap runs, and what its server has open can't be replaced");
    CHECK(bench.log.empty());
  }
}

TEST_CASE("the deep check loads a directory into empty volumes", "[ldap]") {
  Bench bench;
  const Stack stack = bench.stack(true);
  const model::Item item = bench.back_up(stack);
  const auto verify = [&](std::size_t index) {
    stream::MemorySource from(bench.stored.at(item.artefacts[index].path));
    return bench.source->verify(item, item.artefacts[index], from, stack, bench.run);
  };
  const auto alone = verify(1);
  REQUIRE_FALSE(alone);
  CHECK(alone.error().code() == Errc::unavailable);
  REQUIRE(verify(0));
  REQUIRE(verify(1));
  bench.slapadd_fails = 1;
  const auto bad = verify(1);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code() == Errc::corrupt);
  CHECK_FALSE(std::ranges::contains(bench.log, "exchange /var/lib/ldap"));
}
