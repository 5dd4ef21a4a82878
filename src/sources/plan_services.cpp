#include "sources/plan_services.hpp"

namespace davit::sources {

Result<Plan> plan_services(const Stack& stack, model::ItemKind kind, bool (*looks_like)(const Service& service),
                           const Takes& takes, const PlanService& plan_one) {
  Plan plan;
  for (const Service& service : stack.services) {
    if (!service.settings.enable || !looks_like(service)) continue;
    model::Item item;
    item.id = {kind, service.name};
    item.services = {service.name};
    item.consistency = model::Consistency::dump;
    if (!takes(item.id)) {
      plan.items.push_back(std::move(item));
      continue;
    }
    const std::string doing = "plan " + item.id.text();
    TRY(in_context(plan_one(service, std::move(item), plan), doing));
  }
  return plan;
}

}  // namespace davit::sources
