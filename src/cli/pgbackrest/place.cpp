#include "cli/pgbackrest/place.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/pg/server_flags.hpp"
#include "stream/process.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

constexpr const char* kStanzaVariable = "PGBACKREST_STANZA";
constexpr const char* kStanzaLabel = "davit.pgbackrest.stanza";
constexpr const char* kUsualStanza = "db";

struct User {
  uid_t id;
  gid_t group;
  std::string name;
  std::string home;
};

template <class Find>
std::optional<User> look_up(Find find) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (find(&entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return User{entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir};
}

// Whom the cluster belongs to; where there is none yet, the image's user postgres.
Result<User> owner_of(const std::string& directory) {
  struct stat status{};
  if (::stat(directory.c_str(), &status) == 0 && status.st_uid != 0) {
    const auto known = look_up([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
      return ::getpwuid_r(status.st_uid, entry, buffer, size, found);
    });
    return known.value_or(User{status.st_uid, status.st_gid, "", "/"});
  }
  const auto postgres = look_up([](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r("postgres", entry, buffer, size, found);
  });
  if (postgres) return *postgres;
  return fail(Errc::not_found,
              "look for whom " + directory + " belongs to: it is missing, and there is no user postgres",
              "run davit in the container of the database, or name that with --container");
}

// For good: whatever root made would keep the server's user out.
Result<> become(const User& user) {
  const int groups = user.name.empty() ? ::setgroups(1, &user.group) : ::initgroups(user.name.c_str(), user.group);
  if (groups != 0 || ::setgid(user.group) != 0 || ::setuid(user.id) != 0)
    return fail_errno(errno, "become user " + (user.name.empty() ? std::to_string(user.id) : user.name));
  return {};
}

}  // namespace

void add_place_flags(CLI::App& command, PlaceFlags& flags) {
  command
      .add_option("--container", flags.container, "The database's container; inside of it nothing needs to be named")
      ->type_name("NAME");
  command.add_option("--service", flags.service, "The database's service in the stack (--stack)")->type_name("NAME");
  command
      .add_option("--stanza", flags.stanza,
                  "pgBackRest's stanza; PGBACKREST_STANZA of the container, its label davit.pgbackrest.stanza, or db")
      ->type_name("NAME");
}

bool is_inside(const Globals& globals, const PlaceFlags& flags) {
  return flags.container.empty() && flags.service.empty() && globals.stack.empty() &&
         stream::find_program("pgbackrest", globals.environment.get("PATH").value_or("")).has_value();
}

Result<engine::ContainerInfo> find_database(Workbench& bench, const PlaceFlags& flags) {
  if (!flags.container.empty() && !flags.service.empty())
    return fail(Errc::usage, "--container and --service name two databases");
  TRY_ASSIGN(engine, bench.engine());
  if (!flags.container.empty()) return engine->inspect_container({flags.container});
  return find_server_service(bench, *engine, flags.service);
}

std::string stanza_of(const Globals& globals, const PlaceFlags& flags,
                      const std::optional<engine::ContainerInfo>& container) {
  if (!flags.stanza.empty()) return flags.stanza;
  const auto set = container ? container->env_value(kStanzaVariable) : globals.environment.get(kStanzaVariable);
  if (set && !set->empty()) return *set;
  if (container)
    if (const auto label = container->labels.find(kStanzaLabel); label != container->labels.end()) return label->second;
  return kUsualStanza;
}

Result<sources::Cluster> cluster_inside(const Globals& globals) {
  std::vector<std::string> env;
  for (const auto& [name, value] : globals.environment.all()) env.push_back(name + "=" + value);
  if (::geteuid() == 0) {
    TRY_ASSIGN(user, owner_of(sources::data_directory_of(env)));
    TRY(become(user));
    std::erase_if(env, [](const std::string& variable) { return variable.starts_with("HOME="); });
    env.push_back("HOME=" + user.home);
  }
  return sources::cluster_on_this_machine(env);
}

Result<sources::PgBackRest> open_pgbackrest(Workbench& bench, const Globals& globals, const PlaceFlags& flags) {
  if (is_inside(globals, flags)) {
    TRY_ASSIGN(cluster, cluster_inside(globals));
    return sources::PgBackRest(std::move(cluster), stanza_of(globals, flags, {}));
  }
  TRY_ASSIGN(container, find_database(bench, flags));
  if (container.state.status != "running")
    return fail(Errc::unavailable, "container " + container.name + " is " + container.state.status,
                "start it first; behind a restore that was killed, `davit pgbackrest restore --settle` does");
  TRY_ASSIGN(engine, bench.engine());
  TRY_ASSIGN(cluster, sources::cluster_in_container(*engine, container.id, bench.run()));
  return sources::PgBackRest(std::move(cluster), stanza_of(globals, flags, container));
}

}  // namespace davit::cli
