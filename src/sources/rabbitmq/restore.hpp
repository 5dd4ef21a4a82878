#pragma once
// Bringing back a broker. Where its data volume is restored along, everything is in that, as long as the node has the
// name that it had; otherwise the definitions are imported into the running broker, which merges them into what it has.

#include <memory>
#include <vector>

#include "sources/source.hpp"

namespace davit::sources {

// Whether definitions are imported, for which the broker must run: its data isn't restored along. `takes`: the items
// that are restored; null: none is known.
[[nodiscard]] bool imports_definitions(const model::Item& item, const Takes& takes);

[[nodiscard]] Result<std::vector<Conflict>> check_rabbitmq(engine::Engine& engine, const model::Item& item,
                                                           const Target& target, RunContext& run);
[[nodiscard]] Result<std::unique_ptr<Restoration>> restore_rabbitmq(engine::Engine& engine, const model::Item& item,
                                                                    const Target& target);

}  // namespace davit::sources
