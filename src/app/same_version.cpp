#include "app/same_version.hpp"

#include <algorithm>
#include <format>
#include <map>

#include "util/text.hpp"

namespace davit::app {
namespace {

constexpr const char* kRemedy =
    "go back to the image of the backup, or pass --allow-version-change to restore onto another one";

// "sha256:…" of a reference by digest.
std::string_view digest_of(std::string_view reference) {
  const std::size_t at = reference.find('@');
  return at == std::string_view::npos ? std::string_view() : reference.substr(at + 1);
}

// "sha256:0123456789ab" tells images apart, for people.
std::string shown(std::string_view id) { return escape_for_display(id.substr(0, id.find(':') + 13)); }

sources::Conflict changed(const catalog::ServiceRecord& recorded, const ImageNow& now) {
  const std::string service = escape_for_display(recorded.name);
  const std::string image = std::format("{} ({})", escape_for_display(now.reference), shown(now.id));
  const std::string was = recorded.image == now.reference
                              ? shown(recorded.image_id)
                              : std::format("{} ({})", escape_for_display(recorded.image), shown(recorded.image_id));
  return {std::format("service {} {} {}, and the backup is of {}", service,
                      now.runs ? "has the image" : "would get the image", image, was),
          kRemedy, false};
}

// Of containers that are there, what they are made from; else what the next one would be made from.
Result<std::vector<ImageNow>> images_of(engine::Engine& engine, const catalog::ServiceRecord& recorded,
                                        const sources::Stack& present) {
  std::vector<ImageNow> images;
  if (const sources::Service* service = present.find_service(recorded.name)) {
    for (const engine::ContainerInfo& container : service->containers) {
      ImageNow now{.reference = container.image, .id = container.image_id, .digests = {}};
      const auto image = present.images.find(container.image);
      if (image != present.images.end() && image->second.id == container.image_id)
        now.digests = image->second.repo_digests;
      images.push_back(std::move(now));
    }
    return images;
  }
  if (recorded.image.empty()) return images;
  auto image = engine.inspect_image(recorded.image);
  if (!image && image.error().code() == Errc::not_found) return images;
  if (!image)
    return in_context<std::vector<ImageNow>>(std::unexpected(std::move(image).error()),
                                             "look at the image of service " + escape_for_display(recorded.name));
  images.push_back({.reference = recorded.image, .id = image->id, .digests = image->repo_digests, .runs = false});
  return images;
}

bool holds_data(const model::Item& item) {
  return item.id.kind != model::ItemKind::files && item.id.kind != model::ItemKind::stack;
}

}  // namespace

bool is_same_image(const catalog::ServiceRecord& recorded, const ImageNow& now) {
  std::vector<std::string_view> was{recorded.image_id};
  for (const std::string& digest : recorded.repo_digests) was.push_back(digest_of(digest));
  std::erase_if(was, [](std::string_view id) { return id.empty(); });
  if (was.empty() || now.id.empty()) return true;  // there is nothing to be held against the other
  if (std::ranges::contains(was, now.id)) return true;
  return std::ranges::any_of(now.digests,
                             [&](const std::string& digest) { return std::ranges::contains(was, digest_of(digest)); });
}

std::vector<std::string> services_with_data(const std::vector<model::Item>& items) {
  std::vector<std::string> names;
  for (const model::Item& item : items)
    if (holds_data(item)) names.insert(names.end(), item.services.begin(), item.services.end());
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  return names;
}

std::vector<ChangedService> compare_versions(
    const catalog::Manifest& manifest, const std::vector<std::string>& services,
    const std::function<std::vector<ImageNow>(std::string_view service)>& now) {
  std::vector<ChangedService> all;
  for (const catalog::ServiceRecord& recorded : manifest.services) {
    if (!std::ranges::contains(services, recorded.name)) continue;
    // One line for a service, however many containers it has.
    for (const ImageNow& image : now(recorded.name)) {
      if (is_same_image(recorded, image)) continue;
      all.push_back({recorded.name, changed(recorded, image)});
      break;
    }
  }
  return all;
}

Result<std::vector<ChangedService>> check_same_version(engine::Engine& engine, const catalog::Manifest& manifest,
                                                       const sources::Stack& present,
                                                       const std::vector<model::Item>& items,
                                                       const std::function<bool(std::string_view service)>& remade) {
  std::vector<std::string> services = services_with_data(items);
  std::erase_if(services, [&](const std::string& service) { return remade && remade(service); });
  std::map<std::string, std::vector<ImageNow>, std::less<>> images;
  for (const catalog::ServiceRecord& recorded : manifest.services) {
    if (!std::ranges::contains(services, recorded.name)) continue;
    TRY_ASSIGN(found, images_of(engine, recorded, present));
    images[recorded.name] = std::move(found);
  }
  return compare_versions(manifest, services, [&](std::string_view service) { return images.find(service)->second; });
}

Result<> add_version_conflicts(engine::Engine& engine, RestorePlan& plan) {
  std::vector<model::Item> items;
  for (const RestoreStep& step : plan.steps) items.push_back(step.item);
  const auto remade = [&plan](std::string_view service) { return plan.rebuild.makes(service); };
  TRY_ASSIGN(all, check_same_version(engine, plan.manifest, plan.present, items, remade));
  for (ChangedService& service : all)
    for (RestoreStep& step : plan.steps) {
      if (!holds_data(step.item) || !std::ranges::contains(step.item.services, service.name)) continue;
      step.conflicts.insert(step.conflicts.begin(), std::move(service.conflict));
      break;
    }
  return {};
}

}  // namespace davit::app
