#include "sources/ldap/server.hpp"

#include <algorithm>
#include <array>

#include "sources/container_tool.hpp"
#include "sources/postgres/detect.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// Names of images, without their registry and owner, that run slapd.
constexpr std::array<std::string_view, 4> kServerImages{"openldap", "slapd", "docker-openldap", "openldap-server"};

// Where images keep the tools. A tool that nobody tells of few descriptors allots memory for as many as the Engine
// allows, which may be a thousand million.
constexpr const char* kSetup =
    "PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/usr/local/libexec:/opt/bitnami/openldap/sbin:/opt/bitnami/openldap/"
    "bin\n"
    "export PATH\nulimit -n 1024 2>/dev/null || :\n";

// $@: where the configuration may be. Prints the first that is one, through links: a link may be of the container only,
// and what it leads to of a volume.
constexpr const char* kFindConfig = R"sh(
for directory; do
  [ -e "$directory/cn=config.ldif" ] || [ -d "$directory/cn=config" ] || continue
  cd -- "$directory" && pwd -P && exit 0
done
exit 81
)sh";
constexpr std::array<const char*, 5> kUsualConfigs{"/etc/ldap/slapd.d", "/etc/openldap/slapd.d",
                                                   "/opt/bitnami/openldap/etc/slapd.d",
                                                   "/usr/local/etc/openldap/slapd.d", "/usr/local/etc/slapd.d"};

}  // namespace

bool looks_like_ldap(const Service& service) {
  switch (service.settings.ldap) {
    case Settings::Ldap::off:
      return false;
    case Settings::Ldap::dump:
      return true;
    case Settings::Ldap::automatic:
      break;
  }
  return std::ranges::any_of(service.containers, [](const engine::ContainerInfo& container) {
    return std::ranges::contains(kServerImages, image_name(container.image));
  });
}

LdapArguments read_ldap_arguments(const std::vector<std::string>& argv) {
  LdapArguments read;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string_view argument = argv[i];
    const bool has_next = i + 1 < argv.size();
    if (argument.starts_with("-F"))
      read.config_directory = argument.size() > 2 ? std::string(argument.substr(2)) : has_next ? argv[++i] : "";
    else if (argument.starts_with("-f"))
      read.config_file = true;
  }
  return read;
}

Result<std::optional<LdapServer>> find_ldap_server(engine::Engine& engine, const engine::ContainerId& container,
                                                   const std::string& labelled, RunContext& run) {
  TRY_ASSIGN(process, find_process(engine, container, "slapd", run));
  if (!process) return std::nullopt;
  const LdapArguments arguments = read_ldap_arguments(process->argv);
  LdapServer server{.user = process->user, .config = {}};
  if (labelled.empty() && arguments.config_directory.empty() && arguments.config_file) return server;
  std::vector<std::string> places{kUsualConfigs.begin(), kUsualConfigs.end()};
  if (!labelled.empty())
    places = {labelled};
  else if (!arguments.config_directory.empty())
    places = {arguments.config_directory};
  // As the server's user: the directory is often nobody else's, and root of a container needn't be able to read it.
  std::vector<std::string> argv{"sh", "-c", kFindConfig, "davit"};
  argv.insert(argv.end(), places.begin(), places.end());
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, ldap_tool(std::move(argv), server.user), run));
  if (answer.outcome.exit_code != 0)
    return fail(Errc::not_found,
                "slapd has no configuration in " +
                    (places.size() == 1 ? escape_for_display(places.front()) : "the usual places"),
                "set the label davit.ldap.config to the directory that holds cn=config.ldif");
  server.config = trim(answer.out);
  return server;
}

engine::Command ldap_tool(std::vector<std::string> argv, std::string user) {
  engine::Command command;
  command.argv = std::move(argv);
  command.user = std::move(user);
  command.setup = kSetup;
  return command;
}

Error ldap_error(std::string_view what, std::string_view program, const engine::CommandOutcome& outcome) {
  return tool_error(what, program, outcome,
                    "use an image with slapd's tools, or set the label davit.ldap=off on the service");
}

Result<std::string> ask_ldap_version(engine::Engine& engine, const engine::ContainerId& container, RunContext& run) {
  constexpr std::string_view kBegin = "slapd ";
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container,
                                                  ldap_tool({"sh", "-c", "slapd -VV 2>&1 </dev/null"}, {}), run));
  // "@(#) $OpenLDAP: slapd 2.6.10+dfsg-1 (Aug  3 2025 10:12:13) $"
  const auto begin = answer.out.find(kBegin);
  const auto end =
      begin == std::string::npos ? begin : answer.out.find_first_not_of("0123456789.", begin + kBegin.size());
  if (end == std::string::npos || end == begin + kBegin.size())
    return std::unexpected(ldap_error("ask slapd for its version", "slapd", answer.outcome));
  return answer.out.substr(begin + kBegin.size(), end - begin - kBegin.size());
}

std::string ldap_series(std::string_view version) {
  const auto parts = split(version, '.');
  return parts.size() < 2 ? std::string(version) : parts[0] + "." + parts[1];
}

}  // namespace davit::sources
