#include "sources/postgres/tools.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "stream/memory_stream.hpp"
#include "stream/process.hpp"
#include "util/log.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSecrets = "/run/davit";  // in the container, in memory
// Runs before each command there. The dot keeps line ends that belong to the password.
constexpr std::string_view kSetup = R"sh(
if [ -f /run/davit/password ]; then
  PGPASSWORD=$(cat /run/davit/password; printf .)
  export PGPASSWORD="${PGPASSWORD%.}"
fi
if [ -n "${DAVIT_PG_ENCODING:-}" ]; then export PGCLIENTENCODING="$DAVIT_PG_ENCODING"; fi
)sh";
constexpr std::string_view kReceive = R"sh(umask 077; cat > "/run/davit/$1")sh";
constexpr std::size_t kLargestFile = 1U << 20U;

// Settings that are the session's own, or stand for something that was looked up by now.
bool is_for_tools(const net::PqSetting& setting) {
  static constexpr std::array<std::string_view, 5> kOwn{"dbname", "client_encoding", "application_name",
                                                        "fallback_application_name", "passfile"};
  return !setting.variable.empty() && !std::ranges::contains(kOwn, setting.keyword);
}

bool is_file(const net::PqSetting& setting) {
  static constexpr std::array<std::string_view, 4> kFiles{"sslrootcert", "sslcert", "sslkey", "sslcrl"};
  // Some may also be no file ("system"), or one that is missing, which libpq minds only where it needs it.
  std::error_code missing;
  return std::ranges::contains(kFiles, setting.keyword) && fs::is_regular_file(setting.value, missing);
}

std::string value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& variable : env)
    if (variable.starts_with(std::string(name) + "=")) return variable.substr(name.size() + 1);
  return {};
}

// Where tools may lie on this machine: what PATH has, and where Debian and the project's own packages keep one
// directory for each version.
std::vector<std::string> tool_directories(const std::vector<std::string>& env) {
  std::vector<std::string> directories;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored))
    directories.push_back((entry.path() / "bin").string());
  for (const auto& entry : fs::directory_iterator("/usr", ignored))
    if (entry.path().filename().string().starts_with("pgsql-")) directories.push_back((entry.path() / "bin").string());
  std::ranges::sort(directories);
  for (std::string& directory : split(value_of(env, "PATH"), ':')) directories.push_back(std::move(directory));
  return directories;
}

struct Found {
  int major = 0;  // 0: none
  std::string directory;
};

// Those of the server's own version, or else the least newer ones; or the newest of those that are too old.
Result<Found> find_here(int server_major, const std::vector<std::string>& env, RunContext& run) {
  Found best;
  const auto rank = [&](int major) { return major >= server_major ? 100000 - major : major; };
  for (const std::string& directory : tool_directories(env)) {
    const auto path = stream::find_program("pg_dump", directory);
    if (!path || !stream::find_program("psql", directory) || !stream::find_program("pg_restore", directory)) continue;
    stream::MemorySink out;
    auto answer = stream::run_program({*path, {"pg_dump", "--version"}, env}, nullptr, out, run.stop);
    if (!answer && answer.error().code() == Errc::cancelled) return std::unexpected(std::move(answer).error());
    const int major = answer && answer->exit_code == 0 ? major_of_tool(out.contents()) : 0;
    if (major > 0 && (best.major == 0 || rank(major) > rank(best.major))) best = {major, directory};
  }
  return best;
}

std::string refusal(int server_major, int tools_major, const std::string& where) {
  return "the server is PostgreSQL " + std::to_string(server_major) + ", and the tools of " + where + " are of " +
         std::to_string(tools_major);
}

// In a container of ours: the password and the files of TLS go into memory there, and into no record of the Engine.
Result<> deliver(engine::Engine& engine, const engine::ContainerId& container, const std::string& name,
                 const std::string& contents, RunContext& run) {
  engine::Command command;
  command.argv = {"sh", "-c", std::string(kReceive), "davit", name};
  stream::MemorySource in(contents);
  TRY_ASSIGN(answer, engine::feed_command(engine, container, command, in, run));
  if (answer.outcome.exit_code == 0) return {};
  return std::unexpected(command_error("hand the container of the tools its " + name, "sh", answer.outcome));
}

Result<Programs> programs_in(engine::Engine& engine, const engine::ContainerId& container,
                             const Server::Reached& reached, RunContext& run) {
  engine::Command base;
  base.setup = kSetup;
  base.env = {"LC_ALL=C", "PGAPPNAME=davit"};
  for (const net::PqSetting& setting : reached.settings) {
    if (!is_for_tools(setting)) continue;
    if (setting.keyword == "host" && setting.value.starts_with('/'))
      return fail(Errc::usage,
                  "the server is reached over the socket " + setting.value + ", which a container of tools can't reach",
                  "name it by --host localhost, install its version of PostgreSQL's client programs here, or use "
                  "--container if it runs in one");
    std::string value = setting.value;
    if (is_file(setting)) {
      TRY_ASSIGN(contents, in_context(read_whole_file(value, kLargestFile), "read " + setting.keyword));
      TRY(deliver(engine, container, setting.keyword, contents, run));
      value = std::string(kSecrets) + "/" + setting.keyword;
    }
    base.env.push_back(setting.variable + "=" + value);
  }
  if (!reached.password.empty()) TRY(deliver(engine, container, "password", reached.password, run));
  return Programs::in_container(engine, container, std::move(base));
}

Result<OneOff> start_container(helper::Host& host, const std::string& image, int server_major, RunContext& run) {
  engine::ContainerInfo recorded;
  recorded.image = image;
  recorded.raw = nlohmann::json{{"Config", nlohmann::json::object()},
                                {"HostConfig", {{"Tmpfs", {{std::string(kSecrets), "rw,mode=1777,size=16m"}}}}}}
                     .dump();
  OneOffOptions options;
  options.purpose = "start PostgreSQL's tools";
  options.entrypoint = {"sh", "-c", "exec sleep 2147483647"};
  options.command = std::vector<std::string>{};
  options.mounts = OneOffOptions::Mounts::none;
  const std::string network = host.network();
  options.network = network.empty() ? "bridge" : network;
  const auto ready = [&](const engine::ContainerId& id) -> Result<bool> {
    engine::Command command;
    command.argv = {"pg_dump", "--version"};
    TRY_ASSIGN(answer, engine::run_command_for_text(host.engine(), id, command, run));
    if (answer.outcome.exit_code != 0)
      return std::unexpected(command_error("ask for its version", "pg_dump", answer.outcome));
    const int major = major_of_tool(answer.out);
    if (major >= server_major) return true;
    return fail(Errc::usage, refusal(server_major, major, "image " + image),
                "name an image of PostgreSQL " + std::to_string(server_major) + " with --tools-image");
  };
  return OneOff::start(host.engine(), recorded, options, ready, run);
}

}  // namespace

int major_of_tool(std::string_view version) {
  const auto mark = version.find("(PostgreSQL) ");
  if (mark == std::string_view::npos) return 0;
  const std::string_view number = version.substr(mark + 13);
  int major = 0;
  std::from_chars(number.data(), number.data() + number.size(), major);
  return major;
}

std::vector<std::string> tools_environment(const std::vector<std::string>& env, const Server::Reached& reached,
                                           std::string_view directory) {
  std::vector<std::string> made{"PATH=" + std::string(directory) + ":" + value_of(env, "PATH"), "LC_ALL=C",
                                "PGAPPNAME=davit"};
  for (const net::PqSetting& setting : reached.settings)
    if (is_for_tools(setting)) made.push_back(setting.variable + "=" + setting.value);
  if (!reached.password.empty()) made.push_back("PGPASSWORD=" + reached.password);
  for (const std::string& variable : env)
    if (!variable.starts_with("PG") && !variable.starts_with("PATH=") && !variable.starts_with("LC_ALL="))
      made.push_back(variable);
  return made;
}

Result<Tools> Tools::equip(Server& server, const ToolsOptions& options, RunContext& run) {
  Tools tools;
  const int wanted = server.major();
  const Server::Reached& reached = *server.reached();
  const auto use_here = [&](const Found& found) {
    log_info("using PostgreSQL's tools in " + found.directory);
    if (found.major > wanted)
      run.reporter.note("the tools of this machine are of PostgreSQL " + std::to_string(found.major) +
                        ", newer than the server: a dump may be too new for servers of " + std::to_string(wanted));
    return server.use_programs(Programs::on_this_machine(tools_environment(options.env, reached, found.directory)),
                               run);
  };
  const auto use_image = [&](helper::Host& host, const std::string& image) -> Result<> {
    TRY_ASSIGN(container, start_container(host, image, wanted, run));
    tools.container_ = std::move(container);
    TRY_ASSIGN(programs, programs_in(host.engine(), tools.container_->id(), reached, run));
    return server.use_programs(std::move(programs), run);
  };

  if (!options.image.empty()) {
    TRY_ASSIGN(host, options.host());
    TRY(use_image(*host, options.image));
    return tools;
  }
  TRY_ASSIGN(here, find_here(wanted, options.env, run));
  const std::string image = "postgres:" + std::to_string(wanted);
  if (here.major != wanted) {
    auto host = options.host();
    const bool present = host && (*host)->engine().inspect_image(image).has_value();
    if (present || (host && here.major < wanted)) {
      auto used = use_image(**host, image);
      if (used) return tools;
      if (used.error().code() == Errc::cancelled || present) return std::unexpected(std::move(used).error());
      // It can't be had: what there is here decides, below.
      log_info(used.error().message());
    }
  }
  if (here.major >= wanted) {
    TRY(use_here(here));
    return tools;
  }
  return fail(Errc::usage,
              here.major == 0 ? "no tools of PostgreSQL " + std::to_string(wanted) +
                                    " were found, which is the server's version: neither here nor as the image " + image
                              : refusal(wanted, here.major, "this machine") + ", which are too old for it",
              "install postgresql-client-" + std::to_string(wanted) +
                  ", name an image that has them with --tools-image, or name the server's container with --container");
}

}  // namespace davit::sources
