#pragma once
// The `davit.*` labels of services and volumes. One table says which exist, where, and what they take; it feeds the
// parser, its errors and the documentation. A label that isn't in it is Errc::usage and names the nearest known one.
// Labels that davit puts on its own containers (`davit.run`, `davit.role`) are not of this table.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.hpp"
#include "util/error.hpp"

namespace davit::sources {

struct Settings {
  bool enable = true;              // davit.enable
  std::vector<std::string> files;  // davit.files, on a service: paths below the project directory, comma-separated
  std::vector<std::string>
      exclude;  // davit.exclude, on a volume (by its key: davit.exclude) or service: globs, comma-separated
  enum class Postgres { automatic, dump, basebackup, pgbackrest, off };
  Postgres postgres = Postgres::automatic;  // davit.postgres, on a service
  enum class Search { automatic, snapshot, off };
  Search search = Search::automatic;        // davit.search, on a service
  std::vector<std::string> search_indices;  // davit.search.indices: patterns, those with a leading '-' leave out
  enum class Ldap { automatic, dump, off };
  Ldap ldap = Ldap::automatic;  // davit.ldap, on a service
  std::string ldap_config;      // davit.ldap.config; empty: found out
  enum class Rabbitmq { automatic, definitions, off };
  Rabbitmq rabbitmq = Rabbitmq::automatic;  // davit.rabbitmq, on a service
  // davit.quiesce: what happens to those who write a volume while it is read. A volume's own label wins for that
  // volume.
  enum class Quiesce { none, pause, stop };
  std::optional<Quiesce> quiesce;
  std::optional<std::chrono::seconds> quiesce_max;  // davit.quiesce.max: the longest that a service may be held
  // On services; arguments, no shell, run in the service's container.
  std::vector<std::string> before;           // davit.before
  std::vector<std::string> after;            // davit.after
  std::chrono::seconds hook_timeout{60};     // davit.hook.timeout
  std::string hook_user;                     // davit.hook.user; empty: the container's
  std::vector<std::string> command;          // davit.command: its stdout is backed up
  std::vector<std::string> command_restore;  // davit.command.restore: reads it on its stdin
};

struct LabelRule {
  std::string_view name;
  std::string_view where;  // "service", "volume", "service or volume"
  std::string_view values;
  std::string_view meaning;
};
[[nodiscard]] std::span<const LabelRule> label_rules();

enum class LabelOwner { service, volume };
// `owner_name` is for messages: "service app: label davit.enabel is unknown".
[[nodiscard]] Result<Settings> parse_labels(const engine::Labels& labels, LabelOwner owner,
                                            std::string_view owner_name);

}  // namespace davit::sources
