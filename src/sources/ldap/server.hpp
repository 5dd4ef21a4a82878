#pragma once
// The slapd of a container: which services are one, where it has its configuration, and its tools.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command.hpp"
#include "sources/stack.hpp"

namespace davit::sources {

// By its label, or by its image.
[[nodiscard]] bool looks_like_ldap(const Service& service);

struct LdapServer {
  std::string user;    // numbers of its user and group, "911:911": who owns what it keeps
  std::string config;  // directory of its configuration; empty: it has a slapd.conf instead
};
// Nothing if no slapd runs in the container. `labelled`: the value of davit.ldap.config; empty: found out.
// Errc::not_found if there is no configuration where it should be.
[[nodiscard]] Result<std::optional<LdapServer>> find_ldap_server(engine::Engine& engine,
                                                                 const engine::ContainerId& container,
                                                                 const std::string& labelled, RunContext& run);

// What -F of its arguments names, and whether -f names a slapd.conf. Pure.
struct LdapArguments {
  std::string config_directory;
  bool config_file = false;
};
[[nodiscard]] LdapArguments read_ldap_arguments(const std::vector<std::string>& argv);

// One of slapd's own tools, with the path that images keep them in, as `user`.
[[nodiscard]] engine::Command ldap_tool(std::vector<std::string> argv, std::string user);
// Of a tool that failed.
[[nodiscard]] Error ldap_error(std::string_view what, std::string_view program, const engine::CommandOutcome& outcome);

// "2.6.10" of what `slapd -VV` says. Errc::failed if it says something else.
[[nodiscard]] Result<std::string> ask_ldap_version(engine::Engine& engine, const engine::ContainerId& container,
                                                   RunContext& run);
// Its first two numbers, "2.6": between those the configuration may change its form.
[[nodiscard]] std::string ldap_series(std::string_view version);

}  // namespace davit::sources
