#include "cli/variables.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "util/text.hpp"

namespace davit::cli {

std::span<const Variable> variables() {
  static constexpr std::array kTable{
      Variable{"DAVIT_REPOSITORY", "--repository", "where backups live: a directory, or s3://bucket/prefix"},
      Variable{"BACKUP_ROOT", "--repository",
               "the same, if DAVIT_REPOSITORY is unset; it may stand in the .env of the stack's project"},
      Variable{"DAVIT_STACK", "--stack", "the Compose project"},
      Variable{"DAVIT_FILES", "--files", "more files to back up, separated by commas"},
      Variable{"DAVIT_COMPRESS", "--compress", "zstd, zstd:LEVEL or none"},
      Variable{"DAVIT_ALLOW_HOOKS", "--allow-hooks", "true: run the commands of the stack's labels"},
      Variable{"DAVIT_PGBACKREST_TYPE", "--pgbackrest-type", "full, diff or incr: of davit.postgres=pgbackrest"},
      Variable{"DAVIT_HELPER_IMAGE", "--helper-image", "image of the helper containers"},
      Variable{"DAVIT_SELF", "--self", "container that davit runs in, where it can't find out by itself"},
      Variable{"DAVIT_CHANNEL", "--channel", "auto or attach: how helpers hand over their bytes"},
      Variable{"DAVIT_LOCK_WAIT", "--lock-wait", "how long to wait for another run on the stack: 30s, 10m, 1h"},
      Variable{"DAVIT_IMAGE", "", "the image that compose/davit.yaml runs; nothing that davit itself reads"},
      Variable{"DAVIT_ON_EXIT", "--on-exit", "of a wrapped server that ends unasked: exit, or stay in maintenance"},
      Variable{"DAVIT_ENGINE_SOCKET", "",
               "path of the Engine's socket on the Engine's own host, where davit can't find out"},
      Variable{"DAVIT_S3_PATH_STYLE", "--path-style", "true: the bucket stands in the path of a URL"},
      Variable{"DAVIT_S3_VIRTUAL_HOST", "--virtual-host", "true: the bucket stands in the host name of a URL"},
      Variable{"DAVIT_S3_ALLOW_HTTP", "--allow-http", "true: take an S3 server without TLS"},
      Variable{"AWS_ACCESS_KEY_ID", "", "access key for S3 (or AWS_ACCESS_KEY_ID_FILE: a file that holds it)"},
      Variable{"AWS_SECRET_ACCESS_KEY", "", "its secret key (or AWS_SECRET_ACCESS_KEY_FILE)"},
      Variable{"AWS_SESSION_TOKEN", "", "its session token, if it has one (or AWS_SESSION_TOKEN_FILE)"},
      Variable{"AWS_PROFILE", "--profile", "profile of the files of AWS, if there are no keys in variables"},
      Variable{"AWS_SHARED_CREDENTIALS_FILE", "", "those files; ~/.aws/credentials by default"},
      Variable{"AWS_CONFIG_FILE", "", "and ~/.aws/config by default"},
      Variable{"AWS_REGION", "--region", "region of the bucket (or AWS_DEFAULT_REGION)"},
      Variable{"AWS_ENDPOINT_URL_S3", "--endpoint", "the S3 server (or AWS_ENDPOINT_URL)"},
      Variable{"AWS_CA_BUNDLE", "--ca-file", "certificates that the S3 server's is checked with"},
      Variable{"DOCKER_HOST", "", "the Engine: unix:///path or tcp://host:port"},
      Variable{"DOCKER_TLS_VERIFY", "", "if not empty: TLS, and the Engine's certificate is checked"},
      Variable{"DOCKER_CERT_PATH", "", "directory of ca.pem, cert.pem and key.pem"},
      Variable{"DOCKER_API_VERSION", "", "speak this version of the Engine API"},
  };
  return kTable;
}

Result<> check_variables(const Environment& environment) {
  constexpr std::string_view kPrefix = "DAVIT_";
  std::vector<std::string_view> ours;
  for (const Variable& variable : variables())
    if (variable.name.starts_with(kPrefix)) ours.push_back(variable.name);
  for (const auto& [name, value] : environment.all()) {
    if (!name.starts_with(kPrefix) || std::ranges::contains(ours, name)) continue;
    const std::string_view meant = nearest(name, ours);
    return fail(Errc::usage, "variable " + escape_for_display(name) + " is unknown",
                meant.empty() ? "`davit --help` lists the variables" : "did you mean " + std::string(meant) + "?");
  }
  return {};
}

}  // namespace davit::cli
