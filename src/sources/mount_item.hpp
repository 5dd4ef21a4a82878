#pragma once
// Which item of a backup has the contents of a container's mount. Pure.

#include <optional>

#include "model/item.hpp"
#include "sources/source.hpp"
#include "sources/stack.hpp"

namespace davit::sources {

// `volume:KEY` or `bind:PATH`, as backups name them; nothing if there is none, such as for a volume without a name.
[[nodiscard]] std::optional<model::ItemId> item_of_mount(const Stack& stack, const engine::Mount& mount);

// Of what is restored along, the item that brings back the contents of `id`: itself, or, as what is bound may be a part
// of a directory that is bound as a whole, one of those above it. `takes`: the items that are restored; null: none is
// known.
[[nodiscard]] std::optional<model::ItemId> restored_with(model::ItemId id, const Takes& takes);

}  // namespace davit::sources
