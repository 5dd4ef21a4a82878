#include "sources/rebuild/images.hpp"

#include <algorithm>
#include <optional>

#include "util/log.hpp"

namespace davit::sources {
namespace {

using How = ImageStep::How;

Result<std::optional<engine::ImageInfo>> find_image(engine::Engine& engine, const std::string& reference) {
  if (reference.empty()) return std::nullopt;
  auto image = engine.inspect_image(reference);
  if (image) return *std::move(image);
  if (image.error().code() == Errc::not_found) return std::nullopt;
  return std::unexpected(std::move(image).error());
}

// "docker.io/library/postgres:17@sha256:…" and "postgres:17" are of one repository.
std::string_view repository_of(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  const std::size_t slash = reference.rfind('/');
  const std::size_t colon = reference.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash))
    reference = reference.substr(0, colon);
  for (const std::string_view prefix : {"docker.io/", "library/"})
    if (reference.starts_with(prefix)) reference.remove_prefix(prefix.size());
  return reference;
}

// The digest of the repository that it was made from, before that of another.
std::string digest_for(const std::string& reference, const std::vector<std::string>& digests) {
  const auto same = std::ranges::find_if(
      digests, [&](const std::string& digest) { return repository_of(digest) == repository_of(reference); });
  if (same != digests.end()) return *same;
  if (reference.contains('@')) return reference;
  return digests.empty() ? std::string() : digests.front();
}

// A tag can be given; an id or a digest is what the image is.
bool is_tag(const std::string& reference) { return !reference.contains('@') && !reference.starts_with("sha256:"); }

Result<> look(engine::Engine& engine, const std::vector<std::string>& digests, bool allow_other, ImageStep& step) {
  TRY_ASSIGN(found, find_image(engine, step.id));
  for (const std::string& digest : digests) {
    if (found) break;
    TRY_ASSIGN(by_digest, find_image(engine, digest));
    found = std::move(by_digest);
  }
  TRY_ASSIGN(named, find_image(engine, step.reference));
  // A reference by digest, or by an id that it has here as well, can name nothing else.
  if (!found && named && !is_tag(step.reference)) found = named;
  if (found) {
    step.how = How::present;
    step.present_id = found->id;
  } else if (named && allow_other) {
    step.how = How::other;
    step.present_id = named->id;
  } else {
    step.how = step.digest.empty() ? How::missing : How::pull;
  }
  step.tag = is_tag(step.reference) && step.how != How::missing && (!named || named->id != step.present_id);
  if (step.tag && named) step.tagged_id = named->id;
  if (step.how == How::missing && named) step.tagged_id = named->id;
  return {};
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Conflict missing(const ImageStep& step) {
  const std::string load = "docker save " + step.reference + " on the old host, and docker load here";
  if (step.tagged_id.empty())
    return {"image " + step.reference + " of " + listed(step.services) +
                " is not on this host, and no registry is known to have it: it was built, or loaded from a file",
            load + "; or build it here, and add --allow-version-change", false};
  return {"image " + step.reference + " of " + listed(step.services) +
              " is not the one that the backup was made with, which no registry is known to have",
          load + "; or add --allow-version-change to take the one that is here", false};
}

}  // namespace

Result<std::vector<ImageStep>> plan_images(engine::Engine& engine, const Stack& recorded, const ImageOptions& options) {
  std::vector<ImageStep> steps;
  for (const Service& service : recorded.services) {
    if (options.takes && !options.takes(service.name)) continue;
    for (const engine::ContainerInfo& container : service.containers) {
      const auto known = std::ranges::find_if(steps, [&](const ImageStep& step) {
        return step.reference == container.image && step.id == container.image_id;
      });
      if (known != steps.end()) {
        if (!std::ranges::contains(known->services, service.name)) known->services.push_back(service.name);
        continue;
      }
      ImageStep step;
      step.reference = container.image;
      step.id = container.image_id;
      step.services = {service.name};
      std::vector<std::string> digests;
      // An image that its tag has lost may be recorded under it: then the digests are not this one's.
      if (const auto image = recorded.images.find(container.image);
          image != recorded.images.end() && (image->second.id == step.id || step.id.empty()))
        digests = image->second.repo_digests;
      step.digest = digest_for(step.reference, digests);
      TRY(in_context(look(engine, digests, options.allow_other, step), "look for image " + step.reference));
      steps.push_back(std::move(step));
    }
  }
  return steps;
}

std::vector<Conflict> image_conflicts(const std::vector<ImageStep>& steps) {
  std::vector<Conflict> conflicts;
  for (const ImageStep& step : steps) {
    if (step.how == How::missing)
      conflicts.push_back(missing(step));
    else if (step.tag && !step.tagged_id.empty())
      conflicts.push_back({"the tag " + step.reference + " names another image than that of " + listed(step.services),
                           "add --replace to give it to the image of the backup (the other one stays, without it), or "
                           "--allow-version-change to take the one that is here",
                           true});
  }
  return conflicts;
}

Result<std::string> pull_if_missing(engine::Engine& engine, const ImageStep& step, RunContext& run) {
  if (!step.present_id.empty()) return step.present_id;
  const std::string doing = "get image " + step.reference;
  run.reporter.note("pulling " + step.digest);
  auto pulled = engine.pull_image(
      step.digest, [](std::string_view progress) { log_debug("pull: " + std::string(progress)); }, run.stop);
  if (!pulled)
    return std::unexpected(std::move(pulled).error().context(doing).hint_if_none(
        "docker pull " + step.digest +
        " on this host (after docker login, where its "
        "registry asks for that), or docker save " +
        step.reference + " on the old one and docker load here; then try again"));
  TRY_ASSIGN(image, in_context(engine.inspect_image(step.digest), doing));
  return image.id;
}

Result<> tag_if_missing(engine::Engine& engine, const ImageStep& step, const std::string& image_id) {
  if (!step.tag) return {};
  return engine.tag_image(image_id, step.reference);
}

}  // namespace davit::sources
