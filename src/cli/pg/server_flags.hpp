#pragma once
// Which PostgreSQL server a command speaks to, and with whose tools: one that is reached by host and port, or one in a
// container.

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/globals.hpp"
#include "net/pq/session.hpp"
#include "sources/postgres/server.hpp"
#include "sources/postgres/tools.hpp"

namespace davit::cli {

struct ServerFlags {
  std::string host;
  std::string port;
  std::string user;
  std::string password;
  std::string container;
  std::string service;
  std::string tools_image;
};
void add_server_flags(CLI::App& command, ServerFlags& flags);

// What the server is called in the repository (`dumps/NAME`): its container, stack and service, or host.
[[nodiscard]] std::string name_of_server(const Globals& globals, const ServerFlags& flags);

// What libpq is told: what it finds by itself (PG* variables, .pgpass, a service) isn't among it. Without any word of a
// user, a server of the network is asked for as "postgres", as its images have it.
[[nodiscard]] Result<net::PqParameters> server_parameters(const ServerFlags& flags, const Environment& environment);

// Errc::usage if words about a server that is reached by host and port come with a container or a service.
[[nodiscard]] Result<> check_in_container(const ServerFlags& flags);
// The container of the stack's server, that of `service` or of the only one there is if that is empty: the one that
// runs, else the first. Errc::usage: there are several; Errc::not_found: there is none.
[[nodiscard]] Result<engine::ContainerInfo> find_server_service(Workbench& bench, engine::Engine& engine,
                                                                const std::string& service);
// The running container of the stack's server: that of `service`, or of the only one there is if that is empty.
[[nodiscard]] Result<engine::ContainerId> find_server_container(Workbench& bench, engine::Engine& engine,
                                                                const std::string& service);

struct OpenServer {
  sources::Server server;
  std::optional<sources::Tools> tools;  // what its programs run in
};
enum class Equipment { none, tools };
// Tells if the password can be seen by others. Errors as of Server::connect(), Server::reach() and Tools::equip().
[[nodiscard]] Result<OpenServer> open_server(Workbench& bench, const Globals& globals, const ServerFlags& flags,
                                             Equipment equipment);

}  // namespace davit::cli
