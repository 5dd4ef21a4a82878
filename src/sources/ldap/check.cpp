#include "sources/ldap/check.hpp"

#include <algorithm>

#include "engine/own_labels.hpp"
#include "sources/assemble.hpp"
#include "sources/host_path.hpp"
#include "sources/ldap/site.hpp"
#include "sources/mount_item.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/seat.hpp"
#include "sources/restore_checks.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// A mount with one or more of the server's directories.
struct LdapMount {
  const engine::Mount* mount;
  std::vector<std::string> directories;
  [[nodiscard]] bool is_volume() const { return mount->type == "volume"; }
  [[nodiscard]] std::string text() const {
    return is_volume() ? "volume " + mount->name : "directory " + normal_path(mount->source);
  }
};

// Where a directory lies in no mount that outlives the container, it is named by the second.
struct Mounted {
  std::vector<LdapMount> mounts;
  std::vector<std::string> elsewhere;
};
Mounted mounts_of(const engine::ContainerInfo& container, const LdapLayout& layout) {
  Mounted found;
  for (const std::string& directory : layout.directories()) {
    const engine::Mount* mount = mount_of(container, directory);
    if (mount == nullptr || mount->type == "tmpfs") {
      found.elsewhere.push_back(directory);
      continue;
    }
    const auto known = std::ranges::find(found.mounts, mount, &LdapMount::mount);
    if (known != found.mounts.end())
      known->directories.push_back(directory);
    else
      found.mounts.push_back({mount, {directory}});
  }
  return found;
}

// The paths below the mount of what tells that there is something of slapd's.
std::vector<std::string> markers(const LdapMount& held, const LdapLayout& layout) {
  std::vector<std::string> paths;
  for (const std::string& directory : held.directories) {
    const auto below = path_below(normal_path(directory), normal_path(held.mount->destination));
    const std::string prefix = !below || *below == "." ? "" : *below + "/";
    paths.push_back(prefix + (directory == layout.config ? "cn=config.ldif" : "data.mdb"));
  }
  return paths;
}

std::vector<const engine::ContainerInfo*> users_of(const LdapMount& held, const Running& running) {
  auto users = held.is_volume()
                   ? users_of_volume(running, held.mount->name, true)
                   : users_of_path(running, normal_path(held.mount->source), normal_path(held.mount->source), true);
  std::erase_if(users, [](const engine::ContainerInfo* user) { return user->labels.contains(engine::kRoleLabel); });
  return users;
}

bool restored_along(const LdapMount& held, const Target& target) {
  if (target.recorded == nullptr) return false;
  const auto id = item_of_mount(*target.recorded, *held.mount);
  return id && restored_with(*id, target.takes);
}

Result<std::vector<Conflict>> check_mount(helper::Host& host, const LdapMount& held, const LdapLayout& layout,
                                          const model::Item& item, const Target& target, RunContext& run) {
  std::vector<Conflict> conflicts;
  // Its own item says what it holds, who uses it, and how much room there is.
  if (restored_along(held, target)) return conflicts;
  helper::Place place{helper::Place::Kind::directory, normal_path(held.mount->source), false};
  PlaceCheck check;
  check.seen.exists = false;
  if (held.is_volume()) {
    place = {helper::Place::Kind::volume, held.mount->name, false};
    const auto there = host.engine().inspect_volume(held.mount->name);
    if (!there && there.error().code() != Errc::not_found) return std::unexpected(there.error());
    if (!there) return conflicts;  // it is made
  }
  TRY_ASSIGN(seen, probe_place(host, place, markers(held, layout), run));
  TRY_ASSIGN(running, running_containers(host.engine(), run));
  check.what = held.text() + " of service " + item.id.name;
  check.stack = target.stack;
  check.users = users_of(held, running);
  check.seen.exists = seen.exists;
  check.seen.free_bytes = seen.free_bytes;
  check.needed_bytes = item.plain_bytes();
  conflicts = check_place(check);
  if (!seen.exists)
    conflicts.push_back({held.text() + ", which service " + item.id.name + " mounts, is not there",
                         "make it, or restore it along", false});
  if (!seen.present.empty())
    conflicts.push_back({held.text() + " holds a directory of slapd's already",
                         "--replace puts that of the backup in its place; the old one is kept until the new one stands",
                         true});
  return conflicts;
}

// What the restore's container would be made from, as far as it is here: whether that is the backup's own image.
enum class ImageIs { same, other, absent };
Result<ImageIs> look_at_image(engine::Engine& engine, const engine::ContainerInfo& container, const std::string& was,
                              const std::vector<std::string>& repo_digests) {
  std::vector<std::string> candidates{container.image_id};
  candidates.insert(candidates.end(), repo_digests.begin(), repo_digests.end());
  candidates.push_back(container.image);
  for (const std::string& candidate : candidates) {
    if (candidate.empty()) continue;
    const auto image = engine.inspect_image(candidate);
    if (!image && image.error().code() == Errc::not_found) continue;
    if (!image) return std::unexpected(image.error());
    return image->id == was || std::ranges::contains(repo_digests, candidate) ? ImageIs::same : ImageIs::other;
  }
  return ImageIs::absent;
}

// The image of the backup has slapd in the backup's version. Another one is asked; one that isn't here yet can't be.
Result<std::vector<Conflict>> check_version(helper::Host& host, const engine::ContainerInfo& container,
                                            const LdapLayout& layout, const model::Item& item, const Target& target,
                                            RunContext& run) {
  std::vector<Conflict> conflicts;
  const std::string version = model::attribute(item.attributes, "version");
  const Service* recorded = target.recorded == nullptr ? nullptr : target.recorded->find_service(item.id.name);
  if (target.allow_version_change || version.empty() || recorded == nullptr || recorded->containers.empty())
    return conflicts;
  const engine::ContainerInfo& was = recorded->containers.front();
  OneOffOptions options;
  options.purpose = "ask the image of service " + item.id.name + " for the version of slapd";
  options.mounts = OneOffOptions::Mounts::none;
  if (const auto image = target.recorded->images.find(was.image); image != target.recorded->images.end())
    options.repo_digests = image->second.repo_digests;
  TRY_ASSIGN(is, look_at_image(host.engine(), container, was.image_id, options.repo_digests));
  if (is != ImageIs::other) return conflicts;
  TRY_ASSIGN(site, LdapSite::open(host.engine(), container, options, layout, run));
  const auto fits = site.check_version(version, false, run);
  if (!fits && fits.error().code() != Errc::failed) return std::unexpected(fits.error());
  if (!fits) conflicts.push_back({fits.error().message(), fits.error().hint(), false});
  return conflicts;
}

}  // namespace

Result<std::vector<Conflict>> check_ldap(helper::Host& host, const model::Item& item, const Target& target,
                                         RunContext& run) {
  TRY_ASSIGN(layout, layout_of(item));
  const Seating seating = find_seating(item, target);
  const std::string service = "service " + item.id.name;
  if (seating.container == nullptr)
    return std::vector<Conflict>{{service + " is neither in the stack nor in the backup's definition",
                                  "make the service first: docker compose up --no-start " + item.id.name, false}};
  if (seating.running)
    return std::vector<Conflict>{{service + " runs, and what its server has open can't be replaced",
                                  "stop it first: docker compose -p " + target.stack + " stop " + item.id.name, false}};
  TRY_ASSIGN(conflicts, check_version(host, *seating.container, layout, item, target, run));
  const Mounted mounted = mounts_of(*seating.container, layout);
  for (const std::string& directory : mounted.elsewhere)
    conflicts.push_back({service + " keeps " + directory + " in the container itself, where no restore reaches it",
                         "mount a volume there, and make the container anew", false});
  for (const LdapMount& held : mounted.mounts) {
    if (held.is_volume() && is_anonymous(held.mount->name) && seating.recorded) {
      conflicts.push_back(
          {service + " has " + held.directories.front() + " in a volume without a name, and no container",
           "make the container first: docker compose up --no-start " + item.id.name, false});
      continue;
    }
    TRY_ASSIGN(found, check_mount(host, held, layout, item, target, run));
    std::ranges::move(found, std::back_inserter(conflicts));
  }
  return conflicts;
}

std::map<std::string, std::string, std::less<>> places_restored_along(const engine::ContainerInfo& container,
                                                                      const LdapLayout& layout, const Target& target) {
  std::map<std::string, std::string, std::less<>> places;
  for (const LdapMount& held : mounts_of(container, layout).mounts)
    if (restored_along(held, target))
      for (const std::string& directory : held.directories) places[directory] = held.mount->destination;
  return places;
}

Result<> refuse_ldap_users(helper::Host& host, const engine::ContainerInfo& container, const LdapLayout& layout,
                           const std::string& service, const Target& target, const RunContext& run) {
  TRY_ASSIGN(running, running_containers(host.engine(), run));
  for (const LdapMount& held : mounts_of(container, layout).mounts) {
    PlaceCheck check;
    check.what = held.text() + " of service " + service;
    check.seen.exists = false;
    check.users = users_of(held, running);
    check.stack = target.stack;
    TRY(refuse_conflicts(check_place(check), false));
  }
  return {};
}

}  // namespace davit::sources
