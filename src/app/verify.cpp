#include "app/verify.hpp"

#include <algorithm>
#include <utility>

#include "app/definition.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"

namespace davit::app {
namespace {

// Length and SHA-256 of the stored bytes.
Result<> verify_bytes(const model::Artefact& artefact, stream::ByteSource& stored) {
  stream::Decoder as_stored(stream::Codec::none, stored, artefact.stored, artefact.stored);
  std::vector<std::byte> buffer(1U << 20U);
  while (true) {
    TRY_ASSIGN(count, as_stored.read(buffer));
    if (count == 0) return {};
  }
}

Result<> verify_artefact(const storage::StorageReader& storage, const SourceSet& sources, const catalog::Entry& entry,
                         const model::Item& item, const model::Artefact& artefact, const sources::Stack* recorded,
                         RunContext& run) {
  // As they rest there, its bytes can be checked whatever they are.
  auto opened =
      recorded == nullptr ? storage.open(object_key(entry, artefact)) : open_artefact(storage, entry, artefact);
  if (!opened && recorded == nullptr && opened.error().code() == Errc::not_found)
    return fail(Errc::corrupt, "is missing");
  if (!opened) return std::unexpected(std::move(opened).error());
  stream::ReportingSource stored(**opened, run);
  if (recorded == nullptr) return verify_bytes(artefact, stored);
  TRY_ASSIGN(source, sources.of(item.id.kind));
  return source->verify(item, artefact, stored, *recorded, run);
}

Result<> verify_backup(const storage::StorageReader& storage, const SourceSet& sources, const catalog::Entry& entry,
                       bool deep, VerifyReport& report, RunContext& run) {
  const auto problem = [&](std::string path, std::uint64_t bytes, const Error& error) {
    report.artefacts.push_back({entry.id, std::move(path), bytes, error.message(), error.code()});
  };
  ++report.backups;
  auto manifest = catalog::load(storage, entry);
  if (!manifest) {
    problem(std::string(catalog::kManifestName), 0, manifest.error());
    return {};
  }
  std::optional<sources::Stack> recorded;
  std::optional<Error> undefined;  // why there is no deep check: only bytes are verified then, which must not look good
  if (deep) {
    auto definition = load_definition(storage, entry, *manifest);
    if (!definition && definition.error().code() == Errc::cancelled) return std::unexpected(definition.error());
    if (definition)
      recorded = std::move(*definition);
    else
      undefined = std::move(definition).error().context("no artefact was verified deeply");
  }
  for (const model::Item& item : manifest->items) {
    for (const model::Artefact& artefact : item.artefacts) {
      TRY(run.check());
      run.reporter.step("verify " + entry.id + " " + artefact.path, artefact.stored.bytes);
      auto good = verify_artefact(storage, sources, entry, item, artefact, recorded ? &*recorded : nullptr, run);
      if (undefined && item.id.kind == model::ItemKind::stack && (good || good.error().code() != Errc::cancelled)) {
        good = std::unexpected(std::exchange(undefined, std::nullopt).value());
      }
      if (good)
        report.artefacts.push_back({entry.id, artefact.path, artefact.stored.bytes, {}, {}});
      else if (good.error().code() == Errc::cancelled)
        return good;
      else
        problem(artefact.path, artefact.stored.bytes, good.error());
    }
  }
  if (undefined) problem(std::string(catalog::kManifestName), 0, *undefined);
  return {};
}

}  // namespace

void VerifyReport::add(VerifyReport more) {
  backups += more.backups;
  std::ranges::move(more.artefacts, std::back_inserter(artefacts));
}

int VerifyReport::problems() const {
  return static_cast<int>(
      std::ranges::count_if(artefacts, [](const VerifiedArtefact& artefact) { return !artefact.problem.empty(); }));
}

Errc VerifyReport::worst() const {
  Errc worst = Errc::unavailable;
  for (const VerifiedArtefact& artefact : artefacts)
    if (!artefact.problem.empty() && artefact.code != Errc::unavailable) worst = artefact.code;
  for (const VerifiedArtefact& artefact : artefacts)
    if (!artefact.problem.empty() && artefact.code == Errc::corrupt) worst = artefact.code;
  return worst;
}

Result<VerifyReport> run_verify(const storage::StorageReader& storage, const SourceSet& sources,
                                const VerifyOptions& options, RunContext& run) {
  std::vector<catalog::Entry> entries;
  if (options.backups.empty()) {
    TRY_ASSIGN(all, catalog::list(storage, options.stack));
    entries = std::move(all);
    if (entries.empty())
      return fail(Errc::not_found, storage.describe() + " holds no backup" +
                                       (options.stack.empty() ? "" : " of stack " + options.stack));
  }
  for (const std::string& id : options.backups) {
    TRY_ASSIGN(entry, catalog::find(storage, options.stack, id));
    entries.push_back(std::move(entry));
  }
  VerifyReport report;
  for (const catalog::Entry& entry : entries) TRY(verify_backup(storage, sources, entry, options.deep, report, run));
  return report;
}

}  // namespace davit::app
