#include "app/verify.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "sources/definition.hpp"
#include "storage/memory_storage.hpp"
#include "stream/digest.hpp"
#include "support/fake_engine.hpp"
#include "support/quiet_run.hpp"
#include "support/sample_backup.hpp"
#include "support/sample_manifest.hpp"
#include "support/stack.hpp"
#include "support/storage_access.hpp"

namespace davit::app {
namespace {

constexpr auto kDefinition = "stack/definition.json";

// A backup that holds nothing but the definition of its stack, of these bytes.
void make_backup(storage::Storage& storage, const std::string& definition) {
  catalog::Manifest manifest = test::sample_manifest();
  model::Artefact artefact;
  artefact.path = kDefinition;
  artefact.stored = artefact.plain = stream::extent_of(std::as_bytes(std::span(definition))).value();
  model::Item item;
  item.id = {model::ItemKind::stack, "definition"};
  item.artefacts = {artefact};
  manifest.items = {item};
  auto set = storage.stage(test::kSampleKey, "run").value();
  REQUIRE(test::put(*set, kDefinition, definition));
  REQUIRE(set->publish(catalog::kManifestName, catalog::render_manifest(manifest).value()));
}

struct Verifier {
  test::FakeEngine engine;
  SourceSet sources;
  test::QuietRun run;
  Verifier() { sources.add({model::ItemKind::stack}, sources::make_stack_source(engine)); }
  VerifyReport verify(const storage::Storage& storage, bool deep) {
    return run_verify(storage, sources, {{}, {}, deep}, run.context).value();
  }
};

TEST_CASE("a deep check of a whole backup is good") {
  storage::MemoryStorage storage;
  make_backup(storage, sources::render_definition(test::make_stack({{test::make_container({"web"})}})));
  const VerifyReport report = Verifier().verify(storage, true);
  CHECK(report.problems() == 0);
  REQUIRE(report.artefacts.size() == 1);
  CHECK(report.artefacts[0].path == kDefinition);
}

TEST_CASE("a definition whose bytes are good and that can't be read is a problem of the deep check") {
  for (const std::string text : {"not JSON", R"({"format": 99, "project": "shop"})"}) {
    storage::MemoryStorage storage;
    make_backup(storage, text);
    CHECK(Verifier().verify(storage, false).problems() == 0);
    const VerifyReport report = Verifier().verify(storage, true);
    REQUIRE(report.artefacts.size() == 1);
    CHECK(report.problems() == 1);
    CHECK(report.artefacts[0].path == kDefinition);
    CHECK(report.artefacts[0].problem.starts_with("no artefact was verified deeply: "));
    CHECK(report.worst() == (text.starts_with("not") ? Errc::corrupt : Errc::usage));
  }
}

TEST_CASE("a backup without a definition can't be verified deeply, and the others are verified by their bytes") {
  storage::MemoryStorage storage;
  REQUIRE(test::make_sample_backup(storage, "run"));
  CHECK(Verifier().verify(storage, false).problems() == 0);
  const VerifyReport report = Verifier().verify(storage, true);
  CHECK(report.problems() == 1);
  REQUIRE(report.artefacts.size() == 4);
  CHECK(report.artefacts.back().path == catalog::kManifestName);
  CHECK(report.artefacts.back().problem.contains("has no definition of its stack"));
  CHECK(report.worst() == Errc::corrupt);
}

}  // namespace
}  // namespace davit::app
