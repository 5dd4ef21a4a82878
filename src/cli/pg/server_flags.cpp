#include "cli/pg/server_flags.hpp"

#include <algorithm>

#include "app/sweep.hpp"
#include "sources/compose_labels.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/stack.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

struct HostAndPort {
  std::string host;
  std::string port;
};

// "db", "db:5432", "[::1]:5432", "::1", "/run/postgresql"
HostAndPort split_host(const std::string& text) {
  const auto colon = text.rfind(':');
  if (text.starts_with('/') || colon == std::string::npos) return {text, ""};
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return {text, ""};
    return {text.substr(1, end - 1), colon > end ? text.substr(colon + 1) : ""};
  }
  // An address of IPv6 has more than one.
  if (text.find(':') != colon) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<> check_port(const std::string& port) {
  if (!port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos) return {};
  return fail(Errc::usage, "port \"" + escape_for_display(port) + "\" is no number");
}

Result<OpenServer> open_in_container(Workbench& bench, const ServerFlags& flags) {
  TRY(check_in_container(flags));
  TRY_ASSIGN(engine, bench.engine());
  engine::ContainerId id{flags.container};
  if (id.value.empty()) {
    TRY_ASSIGN(found, find_server_container(bench, *engine, flags.service));
    id = std::move(found);
  } else {
    TRY_ASSIGN(container, engine->inspect_container(id));
    if (!container.state.running || container.state.paused)
      return fail(Errc::unavailable,
                  "container " + escape_for_display(flags.container) + " is " + container.state.status,
                  "start it first");
    id = container.id;
  }
  TRY_ASSIGN(server, sources::Server::connect(*engine, id, bench.run()));
  return OpenServer{std::move(server), std::nullopt};
}

}  // namespace

Result<> check_in_container(const ServerFlags& flags) {
  if (flags.host.empty() && flags.port.empty() && flags.user.empty() && flags.password.empty() &&
      flags.tools_image.empty())
    return {};
  return fail(Errc::usage, "a server in a container takes no --host, --port, --user, --password and --tools-image",
              "its user and password are taken from the container");
}

Result<engine::ContainerInfo> find_server_service(Workbench& bench, engine::Engine& engine,
                                                  const std::string& service) {
  TRY_ASSIGN(name, bench.stack());
  TRY_ASSIGN(stack, sources::discover(engine, name));
  const sources::Service* found = nullptr;
  std::string servers;
  for (const sources::Service& each : stack.services) {
    if (service.empty() ? !sources::looks_like_postgres(each) : each.name != service) continue;
    servers += (servers.empty() ? "" : ", ") + each.name;
    if (found != nullptr)
      return fail(Errc::usage, "stack " + stack.name + " has several PostgreSQL servers: " + servers,
                  "name one with --service");
    found = &each;
  }
  if (found == nullptr)
    return fail(Errc::not_found,
                "stack " + stack.name + " has no " +
                    (service.empty() ? "PostgreSQL server" : "service " + escape_for_display(service)));
  const engine::ContainerInfo* running = found->running_container();
  return running != nullptr ? *running : found->containers.front();
}

Result<engine::ContainerId> find_server_container(Workbench& bench, engine::Engine& engine,
                                                  const std::string& service) {
  TRY_ASSIGN(container, find_server_service(bench, engine, service));
  if (container.state.running) return container.id;
  const std::string named(sources::compose::label(container.labels, sources::compose::kService));
  return fail(Errc::unavailable, "service " + named + " doesn't run", "start it: docker compose up -d " + named);
}

std::string name_of_server(const Globals& globals, const ServerFlags& flags) {
  if (!flags.container.empty()) return flags.container;
  std::string stack = globals.value(globals.stack, "DAVIT_STACK");
  if (!flags.service.empty()) return stack.empty() ? flags.service : stack + "-" + flags.service;
  if (!stack.empty()) return stack;
  return flags.host.empty() ? globals.environment.get("PGHOST").value_or("server") : flags.host;
}

void add_server_flags(CLI::App& command, ServerFlags& flags) {
  command.add_option("--host", flags.host, "The server: NAME, NAME:PORT or the directory of its socket; PGHOST")
      ->type_name("HOST");
  command.add_option("--port", flags.port, "Its port; PGPORT, or 5432")->type_name("PORT");
  command.add_option("--user", flags.user, "Who connects; PGUSER, or postgres")->type_name("NAME");
  command
      .add_option("--password", flags.password,
                  "Seen by every user of this machine: better set PGPASSWORD or PGPASSWORD_FILE, or keep a .pgpass")
      ->type_name("TEXT");
  command.add_option("--container", flags.container, "The server in this container, with its own tools and password")
      ->type_name("NAME");
  command.add_option("--service", flags.service, "The server in this service of the stack (--stack)")
      ->type_name("NAME");
  command
      .add_option("--tools-image", flags.tools_image,
                  "Image that has pg_dump and pg_restore; by default this machine's, or postgres:VERSION")
      ->type_name("IMAGE");
}

Result<net::PqParameters> server_parameters(const ServerFlags& flags, const Environment& environment) {
  net::PqParameters parameters;
  auto [host, port] = split_host(flags.host);
  if (!port.empty() && !flags.port.empty() && port != flags.port)
    return fail(Errc::usage,
                "--host names port " + escape_for_display(port) + ", and --port " + escape_for_display(flags.port));
  if (port.empty()) port = flags.port;
  if (!port.empty()) TRY(check_port(port));
  if (!host.empty()) parameters["host"] = host;
  if (!port.empty()) parameters["port"] = port;
  const bool by_network = host.empty()
                              ? environment.get("PGHOSTADDR") || environment.get("PGHOST").value_or("/")[0] != '/'
                              : host[0] != '/';
  if (!flags.user.empty())
    parameters["user"] = flags.user;
  else if (by_network && !environment.get("PGUSER") && !environment.get("PGSERVICE"))
    parameters["user"] = "postgres";
  if (!flags.password.empty()) {
    parameters["password"] = flags.password;
  } else if (environment.get("PGPASSWORD_FILE")) {
    TRY_ASSIGN(password, environment.secret("PGPASSWORD"));
    parameters["password"] = password.value_or("");
  }
  return parameters;
}

Result<OpenServer> open_server(Workbench& bench, const Globals& globals, const ServerFlags& flags,
                               Equipment equipment) {
  if (!flags.container.empty() && !flags.service.empty())
    return fail(Errc::usage, "--container and --service name two servers");
  // A stack that is named for all commands (DAVIT_STACK) doesn't mean its server.
  if (!flags.container.empty() || !flags.service.empty() || !globals.stack.empty())
    return open_in_container(bench, flags);
  TRY_ASSIGN(parameters, server_parameters(flags, globals.environment));
  if (!flags.password.empty())
    bench.run().reporter.note(
        "a password that is given as a flag can be seen by every user of this machine: set PGPASSWORD or "
        "PGPASSWORD_FILE instead");
  TRY_ASSIGN(server, sources::Server::reach(std::move(parameters), bench.run()));
  if (equipment == Equipment::none) return OpenServer{std::move(server), std::nullopt};
  sources::ToolsOptions options;
  options.image = flags.tools_image;
  for (const auto& [name, value] : globals.environment.all()) options.env.push_back(name + "=" + value);
  options.host = [&bench]() -> Result<helper::Host*> {
    TRY_ASSIGN(host, bench.host());
    TRY(app::sweep_dead_runs(host->engine(), nullptr, bench.run()));
    return host;
  };
  TRY_ASSIGN(tools, sources::Tools::equip(server, options, bench.run()));
  return OpenServer{std::move(server), std::move(tools)};
}

}  // namespace davit::cli
