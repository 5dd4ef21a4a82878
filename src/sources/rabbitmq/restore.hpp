#pragma once
// Bringing back a broker. Where its data volume is restored along, everything is in that, as long as the node has the
// name that it had; otherwise the definitions are imported into the running broker, which merges them into what it has.

#include <memory>
#include <vector>

#include "sources/source.hpp"

namespace davit::sources {

[[nodiscard]] Result<std::vector<Conflict>> check_rabbitmq(engine::Engine& engine, const model::Item& item,
                                                           const Target& target, RunContext& run);
[[nodiscard]] Result<std::unique_ptr<Restoration>> restore_rabbitmq(engine::Engine& engine, const model::Item& item,
                                                                    const Target& target);

}  // namespace davit::sources
