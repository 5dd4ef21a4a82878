#pragma once
// Does the restore put data under the same version that wrote it? The manifest knows the image of each service; another
// one may read the data otherwise, or not at all, and may change it so that nothing leads back.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/restore_plan.hpp"
#include "catalog/manifest.hpp"
#include "engine/engine.hpp"
#include "sources/source.hpp"
#include "sources/stack.hpp"
#include "util/error.hpp"

namespace davit::app {

// An image by everything that is known of what it is, under whatever name.
struct ImageNow {
  std::string reference;             // what the containers are made from: "postgres:17"
  std::string id;                    // "sha256:…"
  std::vector<std::string> digests;  // "postgres@sha256:…"
  bool runs = true;                  // a container is made from it; otherwise the next one would be
};

// The same id, or a digest in common, in whatever repository. An Engine with another store of images may take the
// digest for the id.
[[nodiscard]] bool is_same_image(const catalog::ServiceRecord& recorded, const ImageNow& now);

// The services of the backup whose data comes back with these items, by name. Files of the project and the definition
// are nobody's data.
[[nodiscard]] std::vector<std::string> services_with_data(const std::vector<model::Item>& items);

struct ChangedService {
  std::string name;
  sources::Conflict conflict;
};
// Each of `services` that has, or would get, another image than it had. Pure. `now`: the images of a service; none: it
// has no container, and its image isn't on this Engine, so that nothing can be said.
[[nodiscard]] std::vector<ChangedService> compare_versions(
    const catalog::Manifest& manifest, const std::vector<std::string>& services,
    const std::function<std::vector<ImageNow>(std::string_view service)>& now);

// The same for this Engine. Services that `remade` says are left out: a restore makes their containers as they were.
[[nodiscard]] Result<std::vector<ChangedService>> check_same_version(
    engine::Engine& engine, const catalog::Manifest& manifest, const sources::Stack& present,
    const std::vector<model::Item>& items, const std::function<bool(std::string_view service)>& remade);

// Puts what stands in the way so before all that stands in the way of the item, the first one if there are several,
// whose data would come under another image.
[[nodiscard]] Result<> add_version_conflicts(engine::Engine& engine, RestorePlan& plan);

}  // namespace davit::app
