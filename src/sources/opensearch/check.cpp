#include "sources/opensearch/check.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "sources/compose_labels.hpp"
#include "sources/opensearch/plan.hpp"
#include "sources/place_restore.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using model::attribute;

constexpr std::string_view kDocuments = "documents.";
constexpr std::string_view kStream = "stream.";

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

Result<> check_space(helper::Host& host, const model::Item& item, const SearchDirectory& directory,
                     std::vector<Conflict>& conflicts, RunContext& run) {
  TRY_ASSIGN(seen, glance_at_place(host, {helper::Place::Kind::directory, directory.host, false}, run));
  if (!seen.exists)
    conflicts.push_back({"directory " + directory.host + " of the host is gone",
                         "make it, and start the service's container anew", false});
  else if (seen.free_bytes < item.plain_bytes())
    conflicts.push_back({std::format("directory {} has {} free, and the snapshot needs {} there", directory.host,
                                     render_bytes(seen.free_bytes), render_bytes(item.plain_bytes())),
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

Result<SearchSelection> select_indices(const model::Item& item, const SearchOptions& options) {
  SearchSelection selection;
  const std::string& prefix = options.restore_prefix;
  const auto taken = [&](const std::string& name) {
    return options.restore_indices.empty() ||
           std::ranges::any_of(options.restore_indices,
                               [&](const std::string& pattern) { return matches_glob(pattern, name); });
  };
  std::vector<std::string> of_streams;
  std::string known;
  const auto document_count = [&](const std::string& name) {
    return attribute(item.attributes, std::string(kDocuments) + name);
  };
  for (const auto& [key, value] : item.attributes) {
    if (!key.starts_with(kStream)) continue;
    const std::string name = key.substr(kStream.size());
    const std::vector<std::string> indices = split(value, ',');
    of_streams.insert(of_streams.end(), indices.begin(), indices.end());
    known += (known.empty() ? "" : ", ") + name;
    if (!taken(name)) continue;
    if (!prefix.empty())
      return fail(Errc::usage, "data stream " + escape_for_display(name) + " can't be restored under another name",
                  "choose others with --indices, or restore without --indices-prefix");
    selection.named.push_back(name);
    selection.things.push_back({name, true, {}, {}});
    for (const std::string& index : indices) {
      selection.indices.push_back(index);
      selection.documents[index] = document_count(index);
    }
  }
  for (const auto& [key, value] : item.attributes) {
    if (!key.starts_with(kDocuments)) continue;
    const std::string name = key.substr(kDocuments.size());
    if (std::ranges::contains(of_streams, name)) continue;
    known += (known.empty() ? "" : ", ") + name;
    if (!taken(name)) continue;
    selection.named.push_back(name);
    selection.indices.push_back(name);
    selection.things.push_back({prefix + name, false, {}, {}});
    selection.documents[prefix + name] = value;
  }
  if (selection.named.empty())
    return fail(Errc::usage, "--indices fits nothing of " + item.id.text(), "it holds " + escape_for_display(known));
  return selection;
}

std::vector<Conflict> check_names(const SearchSelection& selection, const std::vector<SearchIndex>& present,
                                  const std::vector<DataStream>& streams) {
  constexpr std::string_view kOther = "choose others with --indices, or other names with --indices-prefix";
  std::vector<Conflict> conflicts;
  for (const SearchThing& thing : selection.things) {
    const auto stream = std::ranges::find(streams, thing.name, &DataStream::name);
    const auto index = std::ranges::find(present, thing.name, &SearchIndex::name);
    const bool is_stream = stream != streams.end();
    const bool is_index = index != present.end();
    if (thing.stream ? is_index : is_stream) {
      conflicts.push_back({(is_stream ? "data stream " : "index ") + escape_for_display(thing.name) +
                               " is there, and the backup has " + (is_stream ? "an index" : "a data stream") +
                               " of that name",
                           "delete it, or " + std::string(kOther), false});
      continue;
    }
    std::uint64_t documents = 0;
    bool counted = true;
    bool closed = false;
    for (const SearchIndex& each : present) {
      const bool part =
          thing.stream ? is_stream && std::ranges::contains(stream->indices, each.name) : each.name == thing.name;
      if (!part) continue;
      closed = closed || !each.open;
      counted = counted && each.documents.has_value();
      documents += each.documents.value_or(0);
    }
    const std::string what = (thing.stream ? "data stream " : "index ") + escape_for_display(thing.name);
    if (closed)
      conflicts.push_back({what + " is there, and closed: it can't be saved before it is replaced",
                           "open or delete it, or " + std::string(kOther), false});
    else if (!counted)
      conflicts.push_back({what + " is there, and lacks shards: it can't be saved before it is replaced",
                           "mend or delete it, or " + std::string(kOther), false});
    else if (documents > 0)
      conflicts.push_back(
          {std::format("{} holds {} documents", what, documents), "use --replace, " + std::string(kOther), true});
  }
  return conflicts;
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
  TRY_ASSIGN(nodes, list_nodes(client, false, run));
  auto directory = find_search_directory(*container, first_service(item), nodes);
  if (!directory && directory.error().code() == Errc::usage)
    conflicts.push_back({directory.error().message(), directory.error().hint(), false});
  else if (!directory)
    return std::unexpected(std::move(directory).error());
  else
    TRY(check_space(host, item, *directory, conflicts, run));
  TRY_ASSIGN(present, list_indices(client, run));
  TRY_ASSIGN(streams, list_streams(client, run));
  for (Conflict& conflict : check_names(selection, present, streams)) conflicts.push_back(std::move(conflict));
  return conflicts;
}

}  // namespace davit::sources
