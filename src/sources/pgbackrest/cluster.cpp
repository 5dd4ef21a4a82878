#include "sources/pgbackrest/cluster.hpp"

#include "sources/postgres/client_setup.hpp"
#include "sources/postgres/server.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kUsualDirectory = "/var/lib/postgresql/data";
constexpr int kSessionFailed = 2;  // psql's exit code for it

// Prints the data directory and, for root only, who is to run programs there. Numbers would lose supplementary groups,
// so a name is preferred.
constexpr const char* kWhose = R"sh(
printf '%s\n' "${PGDATA:-$1}"
[ "$(id -u)" = 0 ] || exit 0
user=$(stat -L -c %U "${PGDATA:-$1}" 2>/dev/null || :)
if [ "$user" = UNKNOWN ]; then user=$(stat -L -c %u:%g "${PGDATA:-$1}"); fi
if [ -z "$user" ] || [ "$user" = root ]; then user=postgres; id postgres >/dev/null 2>&1 || exit 3; fi
printf '%s\n' "$user"
)sh";

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

std::string data_directory_of(const std::vector<std::string>& env) {
  for (const std::string& variable : env)
    if (variable.starts_with("PGDATA=") && variable.size() > 7) return without_slash(variable.substr(7));
  return std::string(kUsualDirectory);
}

Result<Cluster> cluster_in_container(engine::Engine& engine, const engine::ContainerId& container, RunContext& run) {
  engine::Command command;
  command.argv = {"sh", "-c", kWhose, "davit", std::string(kUsualDirectory)};
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, command, run));
  const std::string where = "container " + engine::short_id(container.value);
  if (answer.outcome.exit_code == 3)
    return fail(Errc::not_found, "look for the cluster of " + where + ": it has no data directory and no user postgres",
                "name the container of a PostgreSQL server");
  if (answer.outcome.exit_code != 0)
    return std::unexpected(command_error("look for the cluster of " + where, "sh", answer.outcome));
  const auto lines = split(trim(answer.out), '\n');
  if (lines.empty()) return fail(Errc::corrupt, "look for the cluster of " + where + ": it said nothing");
  engine::Command base;
  base.user = lines.size() > 1 ? lines[1] : std::string();
  base.env = client_environment();
  return Cluster(Programs::in_container(engine, container, std::move(base)), without_slash(lines.front()));
}

Cluster cluster_on_this_machine(const std::vector<std::string>& env) {
  std::vector<std::string> made = client_environment();
  made.insert(made.end(), env.begin(), env.end());
  return {Programs::on_this_machine(std::move(made)), data_directory_of(env)};
}

Result<engine::CommandText> Cluster::ask(std::vector<std::string> argv, RunContext& run) const {
  argv.insert(argv.begin(), {"sh", "-c", std::string(client_setup()) + "\nexec \"$@\"", "davit"});
  return programs_.ask(std::move(argv), run);
}

Result<std::string> ask_server(const Cluster& cluster, const std::string& sql, RunContext& run) {
  std::optional<Error> first;
  for (const char* database : {"postgres", "template1"}) {
    TRY_ASSIGN(
        answer,
        cluster.ask({"psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql}, run));
    if (answer.outcome.exit_code == 0) return std::string(trim(answer.out));
    if (answer.outcome.exit_code != kSessionFailed)
      return std::unexpected(command_error("query PostgreSQL", "psql", answer.outcome));
    if (!first) first = Error(Errc::unavailable, "connect to PostgreSQL: " + answer.outcome.errors);
  }
  return std::unexpected(*std::move(first));
}

}  // namespace davit::sources
