#include "app/definition.hpp"

#include <algorithm>

#include "sources/source.hpp"

namespace davit::app {

std::string object_key(const catalog::Entry& entry, const model::Artefact& artefact) {
  return entry.key + "/" + artefact.path;
}

Result<std::unique_ptr<stream::ByteSource>> open_artefact(const storage::StorageReader& storage,
                                                          const catalog::Entry& entry,
                                                          const model::Artefact& artefact) {
  const std::string what = "backup " + entry.id + ": " + artefact.path;
  if (artefact.encryption || artefact.base)
    return fail(
        Errc::usage,
        what + (artefact.encryption ? " is encrypted (" + *artefact.encryption + ")" : " rests on " + *artefact.base) +
            ", which this davit can't read",
        "use the davit that made the backup, or a newer one");
  auto stored = storage.open(object_key(entry, artefact));
  if (!stored && stored.error().code() == Errc::not_found)
    return fail(Errc::corrupt, what + " is missing", std::string(catalog::kTakeAnother));
  return stored;
}

Result<sources::Stack> load_definition(const storage::StorageReader& storage, const catalog::Entry& entry,
                                       const catalog::Manifest& manifest) {
  const auto item = std::ranges::find_if(
      manifest.items, [](const model::Item& candidate) { return candidate.id.kind == model::ItemKind::stack; });
  if (item == manifest.items.end() || item->artefacts.empty())
    return fail(Errc::corrupt, "backup " + entry.id + " has no definition of its stack");
  const model::Artefact& artefact = item->artefacts.front();
  TRY_ASSIGN(stored, open_artefact(storage, entry, artefact));
  stream::Decoder decoder(artefact.codec, *stored, artefact.plain, artefact.stored);
  auto definition = stream::read_all(decoder, sources::kDefinitionLimit).and_then(sources::parse_definition);
  if (definition) return definition;
  Error error = std::move(definition).error().context("backup " + entry.id + ": " + artefact.path);
  if (error.code() == Errc::corrupt) return std::unexpected(std::move(error).hint_if_none(catalog::kTakeAnother));
  return std::unexpected(std::move(error));
}

}  // namespace davit::app
