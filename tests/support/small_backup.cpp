#include "support/small_backup.hpp"

#include "catalog/exported/writer.hpp"
#include "storage/memory_storage.hpp"
#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "support/quiet_run.hpp"
#include "support/sample_manifest.hpp"
#include "support/storage_access.hpp"

namespace davit::test {

catalog::Manifest SmallBackup::manifest() const {
  catalog::Manifest manifest = sample_manifest();
  manifest.stack = stack;
  manifest.id = id;
  manifest.items.clear();
  model::Item item;
  item.id = {model::ItemKind::volume, "uploads"};
  for (const auto& [path, bytes] : artefacts) {
    model::Artefact artefact;
    artefact.path = path;
    artefact.stored = artefact.plain = stream::extent_of(std::as_bytes(std::span(bytes))).value();
    item.artefacts.push_back(std::move(artefact));
  }
  manifest.items.push_back(std::move(item));
  return manifest;
}

void SmallBackup::put(storage::Storage& storage) const {
  auto set = storage.stage(entry().key, "run").value();
  for (const auto& [path, bytes] : artefacts) test::put(*set, path, bytes).value();
  if (!guide.empty()) test::put(*set, catalog::kGuideName, guide).value();
  set->publish(catalog::kManifestName, catalog::render_manifest(manifest()).value()).value();
}

std::string SmallBackup::exported() const {
  storage::MemoryStorage storage;
  put(storage);
  QuietRun run;
  stream::MemorySink sink;
  catalog::exported::write(storage, entry(), sink, run.context).value();
  return sink.take();
}

}  // namespace davit::test
