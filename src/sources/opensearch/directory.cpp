#include "sources/opensearch/directory.hpp"

#include <algorithm>

#include "engine/command.hpp"
#include "sources/host_path.hpp"
#include "sources/postgres/detect.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kName = ".opensearch";
constexpr std::string_view kUsualPath = "/mnt/opensearch";

// $1: the server's process. Effective user and group by number, by what every sh has built in: /proc/PID may belong to
// root though its process doesn't.
constexpr std::string_view kWho = R"sh(
while read -r key real effective rest; do
  case $key in Uid:) user=$effective ;; Gid:) group=$effective ;; esac
done <"/proc/$1/status" && printf '%s:%s' "$user" "$group"
)sh";
constexpr std::string_view kMayWrite = R"sh([ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ])sh";

bool is_own_name(const engine::Mount& mount) {
  return last_part(mount.source) == kName || last_part(mount.destination) == kName;
}

bool holds_files(const engine::Mount& mount) {
  return (mount.type == "bind" || mount.type == "volume") && !mount.source.empty();
}

std::string lines_for(const std::string& service, const std::string& path, bool setting, bool mount) {
  std::string text = "add to service " + escape_for_display(service) + " in the compose file";
  if (setting) text += " `environment: [\"path.repo=" + path + "\"]`";
  if (setting && mount) text += " and";
  if (mount) text += " `volumes: [\"${BACKUP_ROOT}/" + std::string(kName) + ":" + path + "\"]`";
  return text + ", on every node of the cluster; then `docker compose up -d`";
}

// In path.repo of all of them, in the order of the first.
std::vector<std::string> common_paths(const std::vector<SearchNode>& nodes) {
  std::vector<std::string> paths = nodes.front().repository_paths;
  std::erase_if(paths, [&](const std::string& path) {
    return !std::ranges::all_of(
        nodes, [&](const SearchNode& node) { return std::ranges::contains(node.repository_paths, path); });
  });
  return paths;
}

std::string names_without(const std::vector<SearchNode>& nodes) {
  std::string names;
  for (const SearchNode& node : nodes)
    if (node.repository_paths.empty()) names += (names.empty() ? "" : ", ") + escape_for_display(node.name);
  return names;
}

Result<engine::CommandText> run_as(engine::Engine& engine, const engine::ContainerId& container,
                                   const std::string& user, std::vector<std::string> argv, RunContext& run) {
  engine::Command command;
  command.argv = std::move(argv);
  command.user = user;
  return engine::run_command_for_text(engine, container, command, run);
}

}  // namespace

Result<SearchDirectory> find_search_directory(const engine::ContainerInfo& container, const std::string& service,
                                              const std::vector<SearchNode>& nodes) {
  if (nodes.empty()) return fail(Errc::failed, "the server doesn't tell its nodes");
  const auto own = std::ranges::find_if(
      container.mounts, [](const engine::Mount& mount) { return holds_files(mount) && is_own_name(mount); });
  const bool has_own = own != container.mounts.end();
  const std::string wanted = has_own ? own->destination : std::string(kUsualPath);
  if (const std::string names = names_without(nodes); !names.empty())
    return fail(Errc::usage,
                "path.repo is not set on " + std::string(nodes.size() == 1 ? "its node " : "node ") + names +
                    ", so that it can't write a snapshot",
                lines_for(service, wanted, true, !has_own));
  const std::vector<std::string> paths = common_paths(nodes);
  if (paths.empty())
    return fail(Errc::usage, "path.repo of its nodes has no directory in common",
                lines_for(service, wanted, true, false));

  SearchDirectory found;
  const engine::Mount* best = nullptr;
  for (const std::string& path : paths) {
    const engine::Mount* mount = mount_of(container, path);
    if (mount == nullptr || !holds_files(*mount)) continue;
    if (best != nullptr && (is_own_name(*best) || !is_own_name(*mount))) continue;
    best = mount;
    found.path = path;
  }
  if (best == nullptr)
    return fail(Errc::usage,
                "path.repo is " + escape_for_display(paths.front()) +
                    ", which is no mount: snapshots would go with the container",
                has_own ? lines_for(service, wanted, true, false) : lines_for(service, paths.front(), false, true));
  if (!best->writable)
    return fail(Errc::usage, escape_for_display(best->destination) + " is mounted read-only",
                "take `:ro` away from it in service " + escape_for_display(service) +
                    " of the compose file; then `docker compose up -d`");
  found.own = is_own_name(*best);
  const std::string source = normal_path(best->source);
  const auto below = path_below(found.path, normal_path(best->destination));
  const bool whole = !below || *below == ".";
  found.host = whole ? source : source + "/" + *below;
  if (whole) found.mount = best->type == "volume" ? best->name : best->source;
  return found;
}

Result<> tend_search_directory(engine::Engine& engine, const engine::ContainerInfo& container,
                               const SearchDirectory& directory, int process, RunContext& run) {
  TRY_ASSIGN(who,
             run_as(engine, container.id, "", {"sh", "-c", std::string(kWho), "davit", std::to_string(process)}, run));
  const std::string user(trim(who.out));
  if (who.outcome.exit_code != 0 || user.size() < 3)
    return fail(Errc::failed, "look which user the server runs as: " + who.outcome.errors);
  const auto may_write = [&]() -> Result<bool> {
    TRY_ASSIGN(answer,
               run_as(engine, container.id, user, {"sh", "-c", std::string(kMayWrite), "davit", directory.path}, run));
    return answer.outcome.exit_code == 0;
  };
  TRY_ASSIGN(writable, may_write());
  if (writable) return {};
  std::string why = "it belongs to somebody else";
  if (directory.own) {
    TRY_ASSIGN(given, run_as(engine, container.id, "0", {"chown", user, directory.path}, run));
    TRY_ASSIGN(now, may_write());
    if (now) {
      run.reporter.note(directory.path + " was given to the server's user, " + user);
      return {};
    }
    if (given.outcome.exit_code != 0) why = "chown: " + given.outcome.errors;
  }
  return fail(Errc::credentials,
              "the server's user " + user + " can't write to " + escape_for_display(directory.path) + ": " + why,
              "on the Engine's host: chown " + user + " " + escape_for_display(directory.host));
}

}  // namespace davit::sources
