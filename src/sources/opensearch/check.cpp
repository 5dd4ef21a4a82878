#include "sources/opensearch/check.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "sources/compose_labels.hpp"
#include "sources/host_path.hpp"
#include "sources/opensearch/plan.hpp"
#include "sources/opensearch/selection.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/detect.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using model::attribute;

struct VersionNumber {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const VersionNumber&) const = default;
};

VersionNumber parse_version(std::string_view text) {
  VersionNumber number;
  for (int* part : {&number.major, &number.minor, &number.patch}) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), *part);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    if (text.empty() || text.front() != '.') break;
    text.remove_prefix(1);
  }
  return number;
}

std::string first_service(const model::Item& item) {
  return item.services.empty() ? item.id.name : item.services.front();
}

Conflict not_running(const model::Item& item) {
  return {"no container of service " + escape_for_display(first_service(item)) + " runs to restore into",
          "restore the rest with --exclude " + item.id.text() + ", start the service, then restore with --only " +
              item.id.text(),
          false};
}

// Where a path of the container lies on the host; nothing if it is in no mount.
std::optional<std::string> host_path(const engine::ContainerInfo& container, const std::string& path) {
  const engine::Mount* mount = mount_of(container, path);
  if (mount == nullptr || mount->source.empty()) return std::nullopt;
  const auto below = path_below(path, normal_path(mount->destination));
  return !below || *below == "." ? mount->source : mount->source + "/" + *below;
}

// Of what is replaced, as it is deleted before anything comes back.
std::uint64_t freed_bytes(const SearchSelection& selection, const SearchPresent& present) {
  std::uint64_t bytes = 0;
  for (const SearchIndex& index : present.indices)
    if (std::ranges::any_of(selection.things, [&](const SearchThing& thing) {
          const DataStream* stream = thing.stream ? present.find_stream(thing.name) : nullptr;
          return thing.name == index.name || (stream != nullptr && std::ranges::contains(stream->indices, index.name));
        }))
      bytes += index.bytes;
  return bytes;
}

struct Room {
  const SearchDirectory& directory;
  const SearchSelection& selection;
  const std::vector<SearchNode>& nodes;
  const SearchPresent& present;
};

// For the files that are placed, and for the indices that come of them. How many bytes some of a backup's indices need
// is not known, nor how a cluster spreads them.
Result<> check_space(helper::Host& host, const model::Item& item, const engine::ContainerInfo& container,
                     const Room& room, std::vector<Conflict>& conflicts, RunContext& run) {
  const auto glance = [&](const std::string& path) {
    return glance_at_place(host, {helper::Place::Kind::directory, path, false}, run);
  };
  const std::uint64_t needed = item.plain_bytes();
  TRY_ASSIGN(seen, glance(room.directory.host));
  if (!seen.exists)
    conflicts.push_back({"directory " + room.directory.host + " of the host is gone",
                         "make it, and start the service's container anew", false});
  else if (seen.free_bytes < needed)
    conflicts.push_back({std::format("directory {} has {} free, and the snapshot needs {} there", room.directory.host,
                                     render_bytes(seen.free_bytes), render_bytes(needed)),
                         "make room there", false});
  if (room.nodes.size() != 1 || room.nodes.front().data_paths.size() != 1 || !room.selection.whole) return {};
  const auto data = host_path(container, room.nodes.front().data_paths.front());
  if (!data) return {};
  TRY_ASSIGN(there, glance(*data));
  const std::uint64_t room_there = there.free_bytes + freed_bytes(room.selection, room.present);
  if (there.exists && room_there < needed)
    conflicts.push_back({std::format("the data directory {} has room for {}, and the restored indices need {} there",
                                     *data, render_bytes(room_there), render_bytes(needed)),
                         "make room there", false});
  return {};
}

}  // namespace

Result<std::optional<engine::ContainerInfo>> find_search_container(engine::Engine& engine, const std::string& project,
                                                                   const std::vector<std::string>& services) {
  for (const std::string& service : services) {
    TRY_ASSIGN(listed, engine.list_containers({.all = false,
                                               .labels = {std::string(compose::kProject) + "=" + project,
                                                          std::string(compose::kService) + "=" + service},
                                               .names = {}}));
    for (const engine::ContainerSummary& summary : listed) {
      if (compose::label(summary.labels, compose::kOneOff) == "True") continue;
      auto info = engine.inspect_container(summary.id);
      if (!info && info.error().code() == Errc::not_found) continue;
      if (!info) return std::unexpected(std::move(info).error());
      if (info->state.running && !info->state.paused) return std::optional(*std::move(info));
    }
  }
  return std::nullopt;
}

std::vector<Conflict> check_search_version(const model::Item& item, const SearchProduct& present, bool allow_change) {
  const std::string version = attribute(item.attributes, "version");
  const std::string distribution = attribute(item.attributes, "distribution");
  if (version == present.version && distribution == present.distribution) return {};
  SearchProduct recorded;
  recorded.version = version;
  recorded.distribution = distribution;
  const std::string what = "the backup is of " + recorded.text() + ", and service " +
                           escape_for_display(first_service(item)) + " has " + present.text();
  const std::string use = "use an image with " + recorded.text();
  if (distribution != present.distribution) return {{what, use, false}};
  const VersionNumber was = parse_version(version);
  const VersionNumber is = parse_version(present.version);
  // An index of one major version can be read by the next, and by none behind that.
  if (is < was || is.major > was.major + 1) return {{what, use, false}};
  if (allow_change) return {};
  return {{what, "--allow-version-change restores into the newer version", false}};
}

Result<std::vector<Conflict>> check_search(helper::Host& host, const model::Item& item, const Target& target,
                                           const SearchOptions& options, RunContext& run) {
  TRY_ASSIGN(selection, select_indices(item, options));
  TRY_ASSIGN(container, find_search_container(host.engine(), target.stack, item.services));
  std::vector<Conflict> conflicts;
  if (!container) {
    // The rest is looked at once it runs.
    if (!target.starts || !target.starts(first_service(item))) conflicts.push_back(not_running(item));
    return conflicts;
  }
  TRY_ASSIGN(client, SearchClient::connect_patiently(host.engine(), *container, kSearchPatience, run));
  if (!client.through_container()) {
    conflicts.push_back({"the container of service " + escape_for_display(first_service(item)) +
                             " has no curl, which a restore needs: it must be led back even when davit is dead",
                         "use an image with curl, or restore it by hand as RESTORE.md says", false});
    return conflicts;
  }
  conflicts = check_search_version(item, client.product(), target.allow_version_change);
  TRY_ASSIGN(present, look_into(client, run));
  TRY_ASSIGN(nodes, list_nodes(client, false, run));
  auto directory = find_search_directory(*container, first_service(item), nodes);
  if (!directory && directory.error().code() == Errc::usage)
    conflicts.push_back({directory.error().message(), directory.error().hint(), false});
  else if (!directory)
    return std::unexpected(std::move(directory).error());
  else
    TRY(check_space(host, item, *container, {*directory, selection, nodes, present}, conflicts, run));
  for (Conflict& conflict : check_names(selection, present)) conflicts.push_back(std::move(conflict));
  return conflicts;
}

}  // namespace davit::sources
