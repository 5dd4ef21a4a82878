#include "app/definition.hpp"

#include <algorithm>

#include "sources/source.hpp"

namespace davit::app {
namespace {

constexpr std::size_t kDefinitionLimit = 256U << 20U;

}  // namespace

std::string object_key(const catalog::Entry& entry, const model::Artefact& artefact) {
  return entry.key + "/" + artefact.path;
}

Result<sources::Stack> load_definition(const storage::StorageReader& storage, const catalog::Entry& entry,
                                       const catalog::Manifest& manifest) {
  const auto item = std::ranges::find_if(
      manifest.items, [](const model::Item& candidate) { return candidate.id.kind == model::ItemKind::stack; });
  if (item == manifest.items.end() || item->artefacts.empty())
    return fail(Errc::corrupt, "backup " + entry.id + " has no definition of its stack");
  const model::Artefact& artefact = item->artefacts.front();
  TRY_ASSIGN(stored, storage.open(object_key(entry, artefact)));
  stream::Decoder decoder(artefact.codec, *stored, artefact.plain, artefact.stored);
  TRY_ASSIGN(text, in_context(stream::read_all(decoder, kDefinitionLimit), "read " + artefact.path));
  return sources::parse_definition(text);
}

}  // namespace davit::app
