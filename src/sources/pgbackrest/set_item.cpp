#include "sources/pgbackrest/set_item.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "sources/basebackup/restoration.hpp"
#include "sources/compose_labels.hpp"
#include "sources/host_path.hpp"
#include "sources/idle.hpp"
#include "sources/postgres/archive.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/postgres/seat.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using model::attribute;

constexpr std::size_t kRecordLimit = 16U << 20U;
constexpr std::chrono::hours kLockWait{1};  // for a backup of pgBackRest's own schedule, as `davit pgbackrest backup`

Result<PgBackRest> tool_in(engine::Engine& engine, const engine::ContainerId& container, const std::string& stanza,
                           RunContext& run) {
  TRY_ASSIGN(cluster, cluster_in_container(engine, container, run));
  return PgBackRest(std::move(cluster), stanza);
}

// The network in which the repository was reached; gone with the stack, any network will do.
std::string network_for(engine::Engine& engine, const engine::ContainerInfo& container, const model::Item& item) {
  if (attribute(item.attributes, "repository.local") == "true") return "none";
  const std::string& mode = container.network_mode;
  if (mode == "host" || mode == "none" || mode == "bridge") return mode;
  const auto networks = engine.list_networks({});
  const bool there =
      networks && std::ranges::any_of(*networks, [&](const engine::NetworkInfo& each) { return each.name == mode; });
  return there ? mode : "bridge";
}

// The volume of the stack that the repository lies on.
const Volume* volume_of(const Stack& stack, const engine::ContainerInfo& container, const RepositoryPlace& place) {
  if (!place.is_local()) return nullptr;
  const engine::Mount* mount = mount_of(container, place.path);
  return mount != nullptr && mount->type == "volume" ? stack.find_volume(mount->name) : nullptr;
}

// The directory below the project's that the repository lies in, as an item's name has it.
std::optional<std::string> bind_of(const Stack& stack, const engine::ContainerInfo& container,
                                   const RepositoryPlace& place) {
  if (!place.is_local() || stack.project_dir.empty()) return std::nullopt;
  const engine::Mount* mount = mount_of(container, place.path);
  if (mount == nullptr || mount->type != "bind") return std::nullopt;
  return path_below(normal_path(mount->source), normal_path(stack.project_dir));
}

// A directory in another one is part of that one's item.
bool takes_bind(const Target& target, std::string path) {
  if (path.empty() || !target.takes) return false;
  while (!target.takes({model::ItemKind::bind, path})) {
    if (path == ".") return false;
    const auto slash = path.rfind('/');
    path = slash == std::string::npos ? "." : path.substr(0, slash);
  }
  return true;
}

Conflict missing_set(const model::Item& item, const std::string& why) {
  return {"pgBackRest's repository (" + attribute(item.attributes, "repository") + ") has not the set " +
              attribute(item.attributes, "set") + " of stanza " + attribute(item.attributes, "stanza") + ", which " +
              item.id.text() + " is to be restored from" + (why.empty() ? "" : ": " + why),
          "bring that repository back; without it, restore another backup, or leave this item out: --exclude " +
              item.id.text(),
          false};
}

Result<std::vector<Conflict>> look_for_set(const PgBackRest& tool, const model::Item& item, RunContext& run) {
  const auto stanza = tool.info(run);
  if (!stanza && stanza.error().code() == Errc::cancelled) return std::unexpected(stanza.error());
  if (!stanza) return std::vector<Conflict>{missing_set(item, stanza.error().message())};
  if (stanza->find(attribute(item.attributes, "set")) != nullptr) return std::vector<Conflict>{};
  return std::vector<Conflict>{missing_set(item, "it may have expired")};
}

// A configuration that lay beside the cluster is gone with its volume, and pgBackRest does nothing without the file
// that PGBACKREST_CONFIG names. What a repository in its usual place or of the environment needs, is said here.
Result<bool> lacks_configuration(const Cluster& cluster, RunContext& run) {
  TRY_ASSIGN(
      answer,
      cluster.ask({"sh", "-c", R"(file=${PGBACKREST_CONFIG:-}; [ -z "$file" ] || [ -e "$file" ] || exit 3)"}, run));
  return answer.outcome.exit_code == 3;
}

Result<ClusterFill> fill_from_set(const model::Item& item) {
  ClusterFill fill;
  fill.tablespaces = tablespaces_of(item);
  fill.bytes = std::strtoull(attribute(item.attributes, "size").c_str(), nullptr, 10);
  const std::string stanza = attribute(item.attributes, "stanza");
  const std::string set = attribute(item.attributes, "set");
  fill.fill = [stanza, set, tablespaces = fill.tablespaces](const Cluster& cluster, const std::string& data,
                                                            stream::ByteSource& plain, RunContext& run) -> Result<> {
    TRY_ASSIGN(record, stream::read_all(plain, kRecordLimit));
    TRY_ASSIGN(label, parse_set_label(record));
    if (label != set)
      return fail(Errc::corrupt, "the backup names two sets: " + escape_for_display(label) + " and " + set);
    TRY_ASSIGN(lacks, lacks_configuration(cluster, run));
    const std::string without = lacks ? " --no-config --pg1-path=\"" + cluster.data_directory() + "\"" : "";
    std::vector<std::string> arguments{
        "--set=" + set, "--pg1-path=" + data, "--type=immediate", "--target-action=promote",
        // The one that pgbackrest would write names the directory of now, which is not that of later.
        "--recovery-option=restore_command=pgbackrest --stanza=" + stanza + without + " archive-get %f \"%p\""};
    if (lacks) {
      arguments.emplace_back("--no-config");
      run.reporter.warning(
          "pgBackRest's configuration file is gone: once the server runs, `davit init` makes it anew, "
          "as archiving needs it");
    }
    // By its number: a name may have "=" in it.
    for (const Tablespace& each : tablespaces)
      arguments.push_back("--tablespace-map=" + std::to_string(each.oid) + "=" + DataSwap::fresh_directory(each));
    arguments.emplace_back("restore");
    TRY_ASSIGN(warnings, PgBackRest(cluster, stanza).command(std::move(arguments), "restore " + set, run));
    for (const std::string& warning : warnings) run.reporter.warning(warning);
    return {};
  };
  return fill;
}

}  // namespace

std::string stanza_of(const engine::ContainerInfo& container) {
  if (const auto set = container.env_value("PGBACKREST_STANZA"); set && !set->empty()) return *set;
  const auto label = container.labels.find("davit.pgbackrest.stanza");
  return label == container.labels.end() ? "db" : label->second;
}

Result<std::optional<BackupType>> type_of(const engine::ContainerInfo& container) {
  const auto label = container.labels.find("davit.pgbackrest.type");
  if (label == container.labels.end()) return std::nullopt;
  TRY_ASSIGN(type, in_context(parse_backup_type(label->second), "label davit.pgbackrest.type"));
  return std::optional(type);
}

std::string render_set(const BackupSet& set, const std::string& stanza, const std::vector<Tablespace>& tablespaces,
                       const RepositoryPlace& repository) {
  nlohmann::json list = nlohmann::json::array();
  for (const Tablespace& each : tablespaces)
    list.push_back(
        {{"name", encode_file_name(each.name)}, {"oid", each.oid}, {"location", encode_file_name(each.location)}});
  const nlohmann::json object{{"format", 1},
                              {"stanza", escape_for_display(stanza)},
                              {"set", set.label},
                              {"type", set.type},
                              {"prior", set.prior},
                              {"started", set.start.time_since_epoch().count()},
                              {"ended", set.stop.time_since_epoch().count()},
                              {"database_bytes", set.database_bytes},
                              {"wal", {{"start", set.wal_start}, {"stop", set.wal_stop}}},
                              {"repository",
                               {{"type", escape_for_display(repository.type)},
                                {"path", escape_for_display(repository.path)},
                                {"bucket", escape_for_display(repository.bucket)},
                                {"endpoint", escape_for_display(repository.endpoint)},
                                {"host", escape_for_display(repository.host)}}},
                              {"tablespaces", std::move(list)},
                              {"command", "pgbackrest --stanza=" + escape_for_display(stanza) + " --set=" + set.label +
                                              " --type=immediate --target-action=promote restore"}};
  return object.dump(2) + "\n";
}

Result<std::string> parse_set_label(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("set") || !object.at("set").is_string())
    return fail(Errc::corrupt, "it names no set of pgBackRest");
  return object.at("set").get<std::string>();
}

Result<> plan_set_item(engine::Engine& engine, const Stack& stack, const engine::ContainerInfo& container,
                       model::Item& item, Plan& plan, const stream::Encoding& encoding, RunContext& run) {
  TRY_ASSIGN(tool, tool_in(engine, container.id, stanza_of(container), run));
  TRY(type_of(container));
  TRY(tool.info(run));
  TRY_ASSIGN(place, find_repository(tool.cluster(), run));
  item.consistency = model::Consistency::physical_wal;
  item.attributes["method"] = "pgbackrest";
  item.attributes["stanza"] = tool.stanza();
  item.attributes["repository"] = place.text();
  item.attributes["repository.local"] = place.is_local() ? "true" : "false";
  const Volume* volume = volume_of(stack, container, place);
  const std::string what = "pgBackRest's repository of stanza " + escape_for_display(tool.stanza()) + ": " +
                           escape_for_display(place.text());
  if (volume != nullptr && volume->settings.enable)
    item.attributes["repository.volume"] = volume->key;
  else if (const auto bind = bind_of(stack, container, place))
    item.attributes["repository.bind"] = *bind;
  else
    plan.needs.push_back(what);
  model::Artefact artefact;
  artefact.path =
      "db/" + artefact_name(item.id.name) + "/pgbackrest.json" + std::string(stream::file_suffix(encoding.codec));
  artefact.content = model::Content::json;
  artefact.codec = encoding.codec;
  item.artefacts.push_back(std::move(artefact));
  return {};
}

Result<std::vector<Finding>> dump_set(engine::Engine& engine, const engine::ContainerInfo& container, BackupType type,
                                      model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                      stream::ByteSink& stored, RunContext& run) {
  const std::string stanza = attribute(item.attributes, "stanza");
  TRY_ASSIGN(tool, tool_in(engine, container.id, stanza, run));
  TRY_ASSIGN(made, tool.backup(type, run, kLockWait));
  TRY_ASSIGN(details, tool.info(run, made.set.label));
  const auto tablespaces = details.tablespaces.value_or(std::vector<Tablespace>{});
  TRY_ASSIGN(place, find_repository(tool.cluster(), run));
  item.attributes["set"] = made.set.label;
  item.attributes["set.type"] = made.set.type;
  item.attributes["size"] = std::to_string(made.set.database_bytes);
  // As the set has them, which may have changed since the plan.
  std::erase_if(item.attributes, [](const auto& each) { return each.first.starts_with("tablespace."); });
  for (const Tablespace& each : tablespaces) {
    item.attributes["tablespace." + each.name] = each.location;
    item.attributes["oid." + each.name] = std::to_string(each.oid);
  }
  stream::Encoder encoder(encoding, stored);
  const std::string text = render_set(made.set, stanza, tablespaces, place);
  TRY(encoder.write(std::as_bytes(std::span(text))));
  TRY(encoder.finish());
  artefact.plain = encoder.plain();
  artefact.stored = encoder.stored();
  artefact.codec = encoding.codec;
  std::vector<Finding> findings;
  for (std::string& warning : made.warnings) findings.push_back({"", "", std::move(warning)});
  if (made.set.damaged) findings.push_back({"", "", "pages with wrong checksums were seen in the cluster"});
  return findings;
}

Result<> verify_set(engine::Engine& engine, const model::Item& item, const model::Artefact& artefact,
                    stream::ByteSource& stored, const Stack& recorded, RunContext& run) {
  stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
  TRY_ASSIGN(text, stream::read_all(plain, kRecordLimit));
  TRY_ASSIGN(label, parse_set_label(text));
  TRY_ASSIGN(found, engine.list_containers({.labels = {std::string(compose::kProject) + "=" + recorded.name,
                                                       std::string(compose::kService) + "=" + item.id.name},
                                            .names = {}}));
  for (const engine::ContainerSummary& each : found) {
    TRY_ASSIGN(container, engine.inspect_container(each.id));
    if (!container.state.running || container.state.paused) continue;
    TRY_ASSIGN(tool, tool_in(engine, container.id, attribute(item.attributes, "stanza"), run));
    TRY_ASSIGN(conflicts, look_for_set(tool, item, run));
    if (conflicts.empty()) return {};
    return fail(Errc::corrupt, conflicts.front().what, conflicts.front().remedy);
  }
  return fail(Errc::unavailable, "whether pgBackRest still has set " + escape_for_display(label) +
                                     " can't be asked: service " + item.id.name + " doesn't run");
}

Result<std::vector<Conflict>> check_set(engine::Engine& engine, const engine::ContainerInfo& container, bool running,
                                        const model::Item& item, const Target& target, RunContext& run) {
  const std::string stanza = attribute(item.attributes, "stanza");
  if (running) {
    TRY_ASSIGN(tool, tool_in(engine, container.id, stanza, run));
    return look_for_set(tool, item, run);
  }
  // It comes back with its volume or directory, before any database does.
  const std::string volume = attribute(item.attributes, "repository.volume");
  if (!volume.empty() && target.takes && target.takes({model::ItemKind::volume, volume}))
    return std::vector<Conflict>{};
  if (takes_bind(target, attribute(item.attributes, "repository.bind"))) return std::vector<Conflict>{};
  const bool local = attribute(item.attributes, "repository.local") == "true";
  OneOffOptions options;
  options.purpose = "look for set " + attribute(item.attributes, "set");
  options.entrypoint = idle_entrypoint();
  options.network = network_for(engine, container, item);
  // A repository elsewhere needs nothing but the configuration.
  options.mounts = local ? OneOffOptions::Mounts::recorded : OneOffOptions::Mounts::throwaway;
  auto made = OneOff::start(engine, container, options, ready_at_once, run);
  if (!made && made.error().code() == Errc::not_found)
    return std::vector<Conflict>{missing_set(item, made.error().message())};
  if (!made) return std::unexpected(std::move(made).error());
  TRY_ASSIGN(tool, tool_in(engine, made->id(), stanza, run));
  return look_for_set(tool, item, run);
}

Result<std::unique_ptr<Restoration>> restore_set(helper::Host& host, const model::Item& item, const Target& target,
                                                 const ControlOf& control_of, RunContext& run) {
  TRY_ASSIGN(fill, fill_from_set(item));
  const Seating seating = find_seating(item, target);
  const std::string network =
      seating.container == nullptr ? "none" : network_for(host.engine(), *seating.container, item);
  PhysicalEntry entry;
  TRY_ASSIGN(place, take_place(host, item, target, control_of, network, entry, run));
  return ClusterRestoration::begin(std::move(place), std::move(fill), std::move(entry), *target.journal, run);
}

}  // namespace davit::sources
