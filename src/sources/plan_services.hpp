#pragma once
// Planning the items of a source that dumps servers: one for each service that looks like one.

#include <functional>

#include "sources/source.hpp"

namespace davit::sources {

// Puts the item into the plan, with its artefacts, or says there why it is not covered.
using PlanService = std::function<Result<>(const Service& service, model::Item item, Plan& plan)>;

// An item `kind:SERVICE`, of the consistency `dump`, for each service that is enabled and `looks_like` one. Those that
// the run doesn't take are only named. Errors say which item was planned.
[[nodiscard]] Result<Plan> plan_services(const Stack& stack, model::ItemKind kind,
                                         bool (*looks_like)(const Service& service), const Takes& takes,
                                         const PlanService& plan_one);

}  // namespace davit::sources
