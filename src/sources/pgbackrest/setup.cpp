#include "sources/pgbackrest/setup.hpp"

#include <charconv>

#include "sources/pgbackrest/pgbackrest.hpp"
#include "sources/postgres/server.hpp"
#include "sources/postgres/sql_text.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// value NAME DEFAULT [SECTION]: an option as pgBackRest finds it: in its environment, else in the section, else in
// [global] of its configuration file and those that it includes. Beside pgbackrest's own way, so that nothing has to
// exist yet. The usual files are included only by the usual one.
constexpr std::string_view kOptions = R"sh(
set -eu
PGBACKREST_CONFIG=${PGBACKREST_CONFIG:-}
conf=$PGBACKREST_CONFIG
if [ -z "$conf" ] && [ -n "${PGBACKREST_CONFIG_PATH:-}" ]; then
  conf=$PGBACKREST_CONFIG_PATH/pgbackrest.conf
elif [ -z "$conf" ]; then
  conf=/etc/pgbackrest/pgbackrest.conf
  [ -e $conf ] || [ ! -e /etc/pgbackrest.conf ] || conf=/etc/pgbackrest.conf
fi
include=${PGBACKREST_CONFIG_INCLUDE_PATH:-}
[ -n "$include$PGBACKREST_CONFIG" ] || include=${PGBACKREST_CONFIG_PATH:-/etc/pgbackrest}/conf.d
in_file() { # FILE NAME SECTION
  [ -r "$1" ] || return 0
  awk -v name="$2" -v section="[$3]" '
    /^[ \t]*\[/ { gsub(/[ \t\r]/, ""); inside = ($0 == section); next }
    inside && index($0, "=") {
      key = substr($0, 1, index($0, "=") - 1); gsub(/[ \t]/, "", key)
      if (key == name) { value = substr($0, index($0, "=") + 1); gsub(/^[ \t]+|[ \t\r]+$/, "", value); print value; exit }
    }' "$1"
}
from_included() { # NAME SECTION
  [ -z "$include" ] || for file in "$include"/*.conf; do in_file "$file" "$1" "$2"; done | head -n 1
}
from_file() { # NAME SECTION
  line=$(in_file "$conf" "$1" "$2")
  [ -z "$line" ] || { printf '%s\n' "$line"; return 0; }
  from_included "$1" "$2"
}
value() {
  variable=PGBACKREST_$(printf '%s' "$1" | tr 'a-z-' 'A-Z_')
  eval "found=\${$variable:-}"
  [ -n "$found" ] || [ -z "${3:-}" ] || found=$(from_file "$1" "$3")
  [ -n "$found" ] || found=$(from_file "$1" global)
  printf '%s\n' "${found:-$2}"
}
)sh";

// Arguments: the data directory.
constexpr std::string_view kDirectories = R"sh(
owner=$(stat -L -c %u:%g "$1" 2>/dev/null || :)
case $owner in '' | 0:*) owner=$(id -u postgres):$(id -g postgres) ;; esac
own() { # DIRECTORY MODE: only the directory itself: what is in it is somebody's work
  if [ ! -d "$1" ]; then
    mkdir -p -m "$2" -- "$1"
    echo "made $1"
  fi
  if [ "$(stat -L -c %u:%g "$1")" != "$owner" ]; then
    chown "$owner" "$1"
    echo "gave $1 to $owner"
  fi
}
[ "$(value repo1-type posix)" != posix ] || [ -n "$(value repo1-host '')" ] || own "$(value repo1-path /var/lib/pgbackrest)" 750
own "$(value log-path /var/log/pgbackrest)" 770
own "$(value spool-path /var/spool/pgbackrest)" 770
own "$(value lock-path /tmp/pgbackrest)" 770
)sh";

// Arguments: stanza, data directory, user of the server, backups to keep (empty: as it is). Exit code 4: the file would
// go with the container; what is to be set comes on stdout. Only start-fast is not worth that: `davit pgbackrest
// backup` knows of it by itself.
constexpr std::string_view kConfigure = R"sh(
stanza=$1
wanted=
want() { wanted="$wanted$1 $2
"; }
path=$(value pg1-path '' "$stanza")
if [ -n "$path" ] && [ "${path%/}" != "${2%/}" ]; then
  printf 'pg1-path is %s, and the data directory %s\n' "$path" "$2" >&2
  exit 5
fi
[ -n "$path" ] || want "[$stanza]" "pg1-path=$2"
[ "$3" = postgres ] || [ -n "$(value pg1-user '' "$stanza")" ] || want "[$stanza]" "pg1-user=$3"
kept=$(value repo1-retention-full '' "$stanza")
if [ -n "$4" ] && [ "$kept" != "$4" ]; then
  if [ -n "$(from_included repo1-retention-full "$stanza")$(from_included repo1-retention-full global)" ]; then
    printf 'repo1-retention-full stands in a file of %s\n' "$include" >&2
    exit 6
  fi
  # What stands in the section of the stanza is what counts.
  where='[global]'
  [ -z "$(from_file repo1-retention-full "$stanza")" ] || where="[$stanza]"
  want "$where" "repo1-retention-full=$4"
elif [ -z "$kept" ]; then want '[global]' repo1-retention-full=1; fi
needed=$wanted
[ -n "$(value start-fast '' "$stanza")" ] || want '[global]' start-fast=y
[ -n "$wanted" ] || exit 0
variable=$(printf '%s' "$wanted" | sed -n 's/^[^ ]* \([^=]*\)=.*/\1/p' | tr 'a-z-' 'A-Z_' | while read -r name; do
  eval "set_to=\${PGBACKREST_$name:-}"; [ -z "$set_to" ] || echo "PGBACKREST_$name"; done)
target=$(readlink -f "$conf" || echo "$conf")
directory=$(dirname "$target")
if [ -n "$variable" ] || [ ! -d "$directory" ] || [ "$(stat -c %d "$directory")" = "$(stat -c %d /)" ]; then
  [ -n "$needed" ] || exit 0
  printf '%s\n%s' "$target" "$wanted"
  exit 4
fi
[ -e "$target" ] || (umask 027 && : >"$target")
# Written beside it and renamed, with the owner and mode that it has.
cp -p "$target" "$target.davit"
printf '%s' "$wanted" | while read -r section line; do
  awk -v section="$section" -v line="$line" '
    BEGIN { key = substr(line, 1, index(line, "=")) }
    { bare = $0; gsub(/[ \t\r]/, "", bare) }
    bare ~ /^\[/ { inside = (bare == section) }
    inside && index(bare, key) == 1 { next }
    { print }
    bare == section && !done { print line; done = 1 }
    END { if (!done) { print section; print line } }' "$target.davit" >"$target.davit.new"
  cat "$target.davit.new" >"$target.davit"
  echo "wrote $line into $section of $target"
done
rm -f "$target.davit.new"
mv -f "$target.davit" "$target"
)sh";

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string& line : split(text, '\n'))
    if (!trim(line).empty()) lines.push_back(escape_for_display(trim(line)));
  return lines;
}

// "PGBACKREST_PG1_PATH=/data" of the line "[db] pg1-path=/data".
std::string variable_for(std::string_view line) {
  const auto space = line.find(' ');
  const auto equals = line.find('=');
  if (space == std::string_view::npos || equals == std::string_view::npos || equals < space) return {};
  std::string name = "PGBACKREST_";
  for (const char c : line.substr(space + 1, equals - space - 1))
    name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name + std::string(line.substr(equals));
}

Error must_be_set(std::string_view out) {
  const auto lines = split(out, '\n');
  std::string names;
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (const std::string variable = variable_for(lines[i]); !variable.empty())
      names += (names.empty() ? "" : ", ") + escape_for_display(variable);
  return {Errc::usage,
          "configure pgBackRest: what is written into " + escape_for_display(lines.empty() ? "" : lines.front()) +
              " would go with the container, or is set in its environment",
          "set in the service's environment, or mount that file's directory: " + names};
}

// What stands there wins over ALTER SYSTEM, and a restart would be for nothing.
Result<> check_settable(const Cluster& cluster, const ArchivePlan& plan, RunContext& run) {
  TRY_ASSIGN(fixed, ask_server(cluster,
                               "select name from pg_settings where source = 'command line' and name in "
                               "('archive_mode', 'archive_command')",
                               run));
  for (const std::string& name : split(fixed, '\n'))
    if ((plan.set_mode && name == "archive_mode") || (plan.set_command && name == "archive_command"))
      return fail(Errc::usage, name + " is set on the server's command line, so that nothing is archived",
                  "take `-c " + name + "=…` from the command of the service, and make its container anew");
  return {};
}

// What is to be set, and can be.
Result<ArchivePlan> archiving_of(const Cluster& cluster, const SetupOptions& options, RunContext& run) {
  const auto setting = [&](const char* name) {
    return ask_server(cluster, std::string("select setting from pg_settings where name = '") + name + "'", run);
  };
  TRY_ASSIGN(mode, setting("archive_mode"));
  TRY_ASSIGN(command, setting("archive_command"));
  TRY_ASSIGN(library, setting("archive_library"));
  if (!library.empty())
    return fail(Errc::usage, "archive_library is \"" + escape_for_display(library) + "\", which takes the segments",
                "take that away first: ALTER SYSTEM RESET archive_library, or the server's own configuration");
  TRY_ASSIGN(plan, plan_archiving(mode, command, options.stanza));
  TRY(check_settable(cluster, plan, run));
  return plan;
}

constexpr std::string_view kRepository = R"sh(
value repo1-type posix
value repo1-path /var/lib/pgbackrest
printf '%s%s%s\n' "$(value repo1-s3-bucket '')" "$(value repo1-azure-container '')" "$(value repo1-gcs-bucket '')"
printf '%s%s\n' "$(value repo1-s3-endpoint '')" "$(value repo1-azure-account '')"
value repo1-host ''
)sh";

}  // namespace

std::string RepositoryPlace::text() const {
  std::string said = type;
  if (!host.empty()) said += " on " + host;
  if (!bucket.empty()) said += " " + bucket;
  if (!endpoint.empty()) said += " at " + endpoint;
  return said + " " + path;
}

Result<RepositoryPlace> find_repository(const Cluster& cluster, RunContext& run) {
  TRY_ASSIGN(answer, cluster.ask({"sh", "-c", std::string(kOptions) + std::string(kRepository), "davit"}, run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(command_error("look for pgBackRest's repository", "sh", answer.outcome));
  const auto lines = split(answer.out, '\n');
  if (lines.size() < 5) return fail(Errc::failed, "look for pgBackRest's repository: its options can't be told");
  return RepositoryPlace{lines[0], lines[1], lines[2], lines[3], lines[4]};
}

Result<std::vector<std::string>> make_directories(const Programs& programs, const Cluster& cluster, RunContext& run) {
  TRY_ASSIGN(answer, programs.ask({"sh", "-c", std::string(kOptions) + std::string(kDirectories), "davit",
                                   cluster.data_directory()},
                                  run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(
        command_error("make pgBackRest's directories", "sh", answer.outcome)
            .hint_if_none(
                "run it as root in the container (docker exec --user root …), or from outside (--container, or --stack "
                "and --service)"));
  return lines_of(answer.out);
}

Result<std::vector<std::string>> write_configuration(const Cluster& cluster, const SetupOptions& options,
                                                     RunContext& run) {
  TRY_ASSIGN(user, ask_server(cluster, "select current_user", run));
  TRY_ASSIGN(answer, cluster.ask({"sh", "-c", std::string(kOptions) + std::string(kConfigure), "davit", options.stanza,
                                  cluster.data_directory(), user,
                                  options.retention_full ? std::to_string(*options.retention_full) : std::string()},
                                 run));
  if (answer.outcome.exit_code == 4) return std::unexpected(must_be_set(answer.out));
  if (answer.outcome.exit_code == 6)
    return fail(Errc::usage, "configure pgBackRest: " + answer.outcome.errors,
                "change it there, or leave out --retention-full");
  if (answer.outcome.exit_code == 5)
    return fail(Errc::usage, "configure pgBackRest: " + answer.outcome.errors,
                "name the stanza of this cluster with --stanza");
  if (answer.outcome.exit_code != 0)
    return std::unexpected(command_error("configure pgBackRest", "sh", answer.outcome));
  return lines_of(answer.out);
}

Result<ArchivePlan> plan_archiving(std::string_view mode, std::string_view command, std::string_view stanza) {
  ArchivePlan plan;
  plan.set_mode = mode == "off";
  plan.set_command = command.empty() || command == "(disabled)";
  if (plan.set_command) return plan;
  if (!command.contains("pgbackrest") || !command.contains("archive-push"))
    return fail(Errc::usage,
                "archive_command is \"" + escape_for_display(command) + "\", which hands segments to something else",
                "take that away first: ALTER SYSTEM RESET archive_command, or the server's own configuration");
  const std::string option = "--stanza=";
  if (const auto at = command.find(option); at != std::string_view::npos) {
    std::string_view named = command.substr(at + option.size());
    named = named.substr(0, named.find_first_of(" \t"));
    if (named != stanza && !named.contains('$') && !named.contains('"') && !named.contains('\''))
      return fail(Errc::usage,
                  "archive_command hands segments to stanza " + escape_for_display(named) + ", not to " +
                      escape_for_display(stanza),
                  "name that one with --stanza; for a stanza of another name, take archive_command away first: ALTER "
                  "SYSTEM RESET archive_command, and pg_reload_conf()");
  }
  return plan;
}

Result<> check_setup(const Cluster& cluster, const SetupOptions& options, RunContext& run) {
  TRY_ASSIGN(answer, cluster.ask({"pgbackrest", "version"}, run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(pgbackrest_error("ask pgBackRest for its version", answer.outcome));
  TRY(archiving_of(cluster, options, run));
  return {};
}

Result<ArchiveSettings> set_archiving(const Cluster& cluster, const SetupOptions& options, RunContext& run) {
  TRY_ASSIGN(plan, archiving_of(cluster, options, run));
  ArchiveSettings settings;
  if (plan.set_command) {
    const std::string wanted = "pgbackrest --stanza=" + options.stanza + " archive-push %p";
    TRY(ask_server(cluster, "alter system set archive_command = " + quote_literal(wanted), run));
    TRY(ask_server(cluster, "select pg_reload_conf()", run));
    settings.done.push_back("set archive_command to " + wanted);
  }
  if (plan.set_mode) {
    TRY(ask_server(cluster, "alter system set archive_mode = on", run));
    settings.done.emplace_back("set archive_mode to on");
    settings.needs_restart = true;
  }
  return settings;
}

}  // namespace davit::sources
