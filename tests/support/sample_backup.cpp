#include "support/sample_backup.hpp"

#include "catalog/catalog.hpp"
#include "stream/digest.hpp"
#include "support/sample_manifest.hpp"
#include "support/storage_access.hpp"

namespace davit::test {
namespace {

struct Sample {
  std::string path;
  std::string bytes;
};

std::vector<Sample> samples() {
  return {{"volumes/uploads.tar", sample_bytes(70'000)},
          {"db/db/shop.dump", sample_bytes(5'000, 2)},
          {"db/db/empty.dump", ""}};
}

Result<> write_artefact(storage::Publication& set, const Sample& sample, model::Item& item) {
  TRY_ASSIGN(writer, set.create(sample.path));
  const std::string_view bytes = sample.bytes;
  for (std::size_t at = 0; at < bytes.size(); at += 20'000) TRY(write_text(*writer, bytes.substr(at, 20'000)));
  TRY(writer->finish());
  TRY(writer->commit());
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(bytes))));
  model::Artefact artefact;
  artefact.path = sample.path;
  artefact.stored = artefact.plain = extent;
  item.artefacts.push_back(std::move(artefact));
  return {};
}

}  // namespace

Result<> make_sample_backup(storage::Storage& storage, const std::string& run) {
  catalog::Manifest manifest = sample_manifest();
  manifest.items.clear();
  model::Item item;
  item.id = {model::ItemKind::volume, "uploads"};
  TRY_ASSIGN(set, storage.stage(kSampleKey, run));
  for (const Sample& sample : samples()) TRY(write_artefact(*set, sample, item));
  manifest.items.push_back(std::move(item));
  TRY(put(*set, "RESTORE.md", "how to"));
  TRY_ASSIGN(text, catalog::render_manifest(manifest));
  return set->publish(catalog::kManifestName, text);
}

Result<Seen> look_for_sample_backup(const storage::StorageReader& storage) {
  TRY_ASSIGN(entries, catalog::list(storage));
  if (entries.empty()) return Seen::nothing;
  if (entries.size() != 1 || entries[0].key != kSampleKey) return fail(Errc::failed, "another backup is listed");
  TRY_ASSIGN(manifest, in_context(catalog::load(storage, entries[0]), "a listed backup"));
  for (const Sample& sample : samples()) {
    TRY_ASSIGN(bytes, in_context(get(storage, entries[0].key + "/" + sample.path), "a listed backup"));
    if (bytes != sample.bytes) return fail(Errc::failed, "a listed backup: " + sample.path + " has other bytes");
  }
  if (manifest.items[0].artefacts.size() != samples().size())
    return fail(Errc::failed, "a listed backup lacks artefacts");
  return Seen::whole;
}

}  // namespace davit::test
