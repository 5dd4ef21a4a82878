#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "cli/render_parts.hpp"
#include "util/escape.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

using nlohmann::json;
using Rows = std::vector<std::vector<std::string>>;

std::string image_state(const sources::ImageStep& image) {
  switch (image.how) {
    case sources::ImageStep::How::present:
      return "is here";
    case sources::ImageStep::How::other:
      return "another one is taken";
    case sources::ImageStep::How::pull:
      return "to be pulled";
    case sources::ImageStep::How::missing:
      break;
  }
  return "is missing";
}

// What the Engine lacks of the stack.
std::string render_rebuild(const app::RestorePlan& plan) {
  const sources::RebuildPlan& rebuild = plan.rebuild;
  Rows made;
  for (const std::string& network : rebuild.networks) made.push_back({"network", escape_for_display(network)});
  for (const std::string& volume : rebuild.volumes) made.push_back({"volume", escape_for_display(volume), "empty"});
  for (const std::string& container : rebuild.containers) made.push_back({"container", escape_for_display(container)});
  Rows images;
  for (const sources::ImageStep& image : rebuild.images)
    images.push_back({escape_for_display(image.reference), image_state(image), escape_for_display(image.digest)});
  std::string order;
  for (const std::string& service : rebuild.services)
    if (plan.starts(service)) order += (order.empty() ? "" : ", ") + escape_for_display(service);
  Rows notes;
  for (const std::string& note : rebuild.notes) notes.push_back({escape_for_display(note)});
  return heading("will be made", render_table(made, 2)) + heading("of these images", render_table(images, 2)) +
         heading("in this order services are started", order.empty() ? "" : "  " + order + "\n") +
         heading("to know", render_table(notes, 2));
}

json names_to_json(const std::vector<std::string>& names) {
  json array = json::array();
  for (const std::string& name : names) array.push_back(escape_for_display(name));
  return array;
}

json conflicts_to_json(const std::vector<sources::Conflict>& conflicts, bool replace) {
  json array = json::array();
  for (const sources::Conflict& conflict : conflicts)
    array.push_back({{"what", escape_for_display(conflict.what)},
                     {"remedy", escape_for_display(conflict.remedy)},
                     {"blocks", !conflict.replaceable || !replace}});
  return array;
}

json rebuild_to_json(const app::RestorePlan& plan, bool replace) {
  const sources::RebuildPlan& rebuild = plan.rebuild;
  json images = json::array();
  for (const sources::ImageStep& image : rebuild.images)
    images.push_back({{"image", escape_for_display(image.reference)},
                      {"digest", escape_for_display(image.digest)},
                      {"present", image.how == sources::ImageStep::How::present},
                      {"pulled", image.how == sources::ImageStep::How::pull}});
  std::vector<std::string> order;
  std::ranges::copy_if(rebuild.services, std::back_inserter(order),
                       [&](const std::string& service) { return plan.starts(service); });
  return {{"networks", names_to_json(rebuild.networks)},
          {"volumes", names_to_json(rebuild.volumes)},
          {"containers", names_to_json(rebuild.containers)},
          {"images", std::move(images)},
          {"started", names_to_json(order)},
          {"notes", names_to_json(rebuild.notes)},
          {"conflicts", conflicts_to_json(rebuild.conflicts, replace)}};
}

std::string state_of(const app::ServiceState& service) {
  if (service.running == 0) return service.containers == 0 ? "has no container" : "doesn't run";
  std::string text =
      service.containers == 1 ? "runs" : std::format("{} of {} run", service.running, service.containers);
  return service.health.empty() ? text : text + ", " + escape_for_display(service.health);
}

std::string render_services(const app::RestoreReport& report) {
  Rows made;
  Rows down;
  for (const app::ServiceState& service : report.services) {
    if (service.made) made.push_back({escape_for_display(service.name), state_of(service)});
    if (service.ran && service.running == 0) down.push_back({escape_for_display(service.name), state_of(service)});
  }
  return heading("services that were made", render_table(made, 2)) +
         heading("services that ran at the backup, and don't run now (docker compose up -d starts them)",
                 render_table(down, 2));
}

}  // namespace

std::string render_restore_plan(const app::RestorePlan& plan, bool replace) {
  Rows rows{{"item", "size", "from"}};
  for (const app::RestoreStep& step : plan.steps)
    rows.push_back({escape_for_display(step.item.id.text()), render_bytes(step.item.plain_bytes()),
                    std::string(name_of(step.item.consistency))});
  Rows replaced;
  Rows conflicts;
  for (const sources::Conflict& conflict : plan.conflicts())
    if (conflict.replaceable && replace)
      replaced.push_back({conflict.what});
    else
      conflicts.push_back({conflict.what, conflict.remedy});
  Rows left;
  for (const std::string& item : plan.left_out) left.push_back({escape_for_display(item)});
  return std::format("restore of {} {}, {}\n", escape_for_display(plan.entry.stack), plan.entry.id,
                     render_rfc3339(plan.manifest.started)) +
         render_table(rows, 2) + render_rebuild(plan) + heading("will be replaced", render_table(replaced, 2)) +
         heading("stands in the way", render_table(conflicts, 2)) + heading("left out", render_table(left, 2)) +
         render_not_covered(plan.manifest.not_covered, plan.manifest.needs);
}

json restore_plan_to_json(const app::RestorePlan& plan, bool replace) {
  json steps = json::array();
  for (const app::RestoreStep& step : plan.steps)
    steps.push_back({{"item", escape_for_display(step.item.id.text())},
                     {"bytes", step.item.plain_bytes()},
                     {"conflicts", conflicts_to_json(step.conflicts, replace)}});
  return {{"stack", escape_for_display(plan.entry.stack)},
          {"backup", plan.entry.id},
          {"project_dir", escape_for_display(plan.project_dir)},
          {"items", std::move(steps)},
          {"made", rebuild_to_json(plan, replace)},
          {"not_covered", not_covered_to_json(plan.manifest.not_covered)},
          {"needs", plan.manifest.needs}};
}

std::string render_restore_report(const app::RestoreReport& report) {
  std::uint64_t bytes = 0;
  for (const app::RestoreStep& step : report.plan.steps) bytes += step.item.plain_bytes();
  // What it needed was there.
  return std::format("restored {} of {} {}: {} in {}\n", plural(report.plan.steps.size(), "item"),
                     escape_for_display(report.plan.entry.stack), report.plan.entry.id, render_bytes(bytes),
                     seconds(report.took)) +
         render_services(report) + render_not_covered(report.plan.manifest.not_covered, {}) +
         render_findings(report.findings);
}

json restore_report_to_json(const app::RestoreReport& report, bool replace) {
  json services = json::array();
  for (const app::ServiceState& service : report.services)
    services.push_back({{"service", escape_for_display(service.name)},
                        {"containers", service.containers},
                        {"running", service.running},
                        {"health", escape_for_display(service.health)},
                        {"made", service.made},
                        {"ran", service.ran}});
  json object = restore_plan_to_json(report.plan, replace);
  object["services"] = std::move(services);
  return object;
}

}  // namespace davit::cli
