#include "sources/restore_checks.hpp"

#include "sources/compose_labels.hpp"
#include "sources/host_path.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// "docker compose -p shop stop app db; docker stop other"
std::string stop_commands(const std::vector<const engine::ContainerInfo*>& users, const std::string& stack) {
  std::string services;
  std::string others;
  for (const engine::ContainerInfo* user : users) {
    const std::string service(compose::label(user->labels, compose::kService));
    const bool of_stack = compose::label(user->labels, compose::kProject) == stack && !service.empty() &&
                          compose::label(user->labels, compose::kOneOff) != "True";
    if (!of_stack)
      others += " " + user->name;
    else if (!(services + " ").contains(" " + service + " "))
      services += " " + service;
  }
  std::string commands;
  if (!services.empty()) commands = "docker compose -p " + stack + " stop" + services;
  if (!others.empty()) commands += (commands.empty() ? "docker stop" : "; docker stop") + others;
  return commands;
}

std::string names_of(const std::vector<const engine::ContainerInfo*>& users) {
  std::string names;
  for (const engine::ContainerInfo* user : users) names += (names.empty() ? "" : ", ") + user->name;
  return names;
}

constexpr const char* kReplace = "pass --replace to replace it; the old contents are kept until the new ones stand";

}  // namespace

std::vector<Conflict> check_place(const PlaceCheck& check) {
  std::vector<Conflict> conflicts;
  if (!check.users.empty())
    conflicts.push_back({check.what + " is in use by " + names_of(check.users),
                         "stop the services first: " + stop_commands(check.users, check.stack), false});
  if (check.seen.holds_repository)
    conflicts.push_back({check.what + " holds the repository of davit itself, or the file that is restored, which "
                                      "would go with its old contents",
                         "leave the item out (--exclude), or move the backups elsewhere", false});
  const bool has_data = check.seen.exists && (!check.seen.empty || !check.seen.leftovers.empty());
  if (has_data && !check.same_contents) {
    const std::string count = check.seen.entries == 1 ? "1 entry" : std::to_string(check.seen.entries) + " entries";
    std::string what = check.what + " holds data (" + count + ", " + render_bytes(check.seen.used_bytes) + ")";
    if (!check.left_out.empty()) {
      what += "; what davit.exclude kept out of the backup is lost with it (";
      for (const std::string& pattern : check.left_out)
        what += (&pattern == &check.left_out.front() ? "" : ", ") + escape_for_display(pattern);
      what += ")";
    }
    conflicts.push_back({std::move(what), kReplace, true});
  }
  const std::optional<std::uint64_t> free = check.seen.exists ? check.seen.free_bytes : check.free_around;
  if (free && check.needed_bytes > *free)
    conflicts.push_back({check.what + (check.seen.exists ? " has " : " would have ") + render_bytes(*free) +
                             " free, and the restore needs " + render_bytes(check.needed_bytes) +
                             (has_data ? " beside the old contents" : ""),
                         "free some space on its file system", false});
  return conflicts;
}

std::optional<Conflict> check_backups(const std::string& what, std::string_view host_path,
                                      const std::vector<std::string>& skip_paths) {
  if (host_path.empty()) return {};
  for (const std::string& path : skip_paths) {
    const std::string skip = normal_path(path);
    if (!path_below(skip, host_path) && !path_below(host_path, skip)) continue;
    Conflict conflict{what, "leave the item out (--exclude), or move the backups elsewhere", false};
    conflict.what.append(" holds backups of davit itself (").append(skip);
    conflict.what.append("), which would go with its old contents");
    return conflict;
  }
  return {};
}

std::vector<Conflict> check_volume(const engine::VolumeInfo& present, const engine::VolumeInfo* recorded) {
  std::vector<Conflict> conflicts;
  if (recorded == nullptr) return conflicts;
  const std::string what = "volume " + present.name;
  const std::string remedy = "remove it (docker volume rm " + present.name +
                             ") to have it made as it was, or pass --replace to fill it as it is";
  if (present.driver != recorded->driver)
    conflicts.push_back({what + " has the driver " + present.driver + ", and had " + recorded->driver, remedy, true});
  // Values are not shown: they may hold a password.
  if (present.options != recorded->options)
    conflicts.push_back({what + " has other options than it had", remedy, true});
  // The labels by which Compose finds it. Others, such as Compose's version, change without harm.
  for (const std::string_view name : {compose::kProject, compose::kVolume})
    if (compose::label(present.labels, name) != compose::label(recorded->labels, name))
      conflicts.push_back({what + " has the label " + std::string(name) + "=\"" +
                               escape_for_display(compose::label(present.labels, name)) + "\", and had \"" +
                               escape_for_display(compose::label(recorded->labels, name)) + "\"",
                           remedy, true});
  return conflicts;
}

std::vector<Conflict> check_files(const std::string& directory, const std::vector<FileCheck>& files) {
  std::vector<Conflict> conflicts;
  for (const FileCheck& file : files)
    if (file.present && (file.recorded_digest.empty() || file.recorded_digest != file.present_digest))
      conflicts.push_back({normal_path(file.path, directory) + " exists with other contents", kReplace, true});
  return conflicts;
}

}  // namespace davit::sources
