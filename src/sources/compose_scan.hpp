#pragma once
// Which other files a compose file names. The Engine's labels tell the compose files, and not what these read besides:
// the env files of services, files of secrets and configs, other compose files. A scan of lines, not a parser of YAML:
// what it finds too much does not exist and is passed over; what it can't find can be named by `davit.files`.

#include <string>
#include <string_view>
#include <vector>

namespace davit::sources {

struct NamedFiles {
  std::vector<std::string> paths;       // as written, relative to the project's directory; each once
  std::vector<std::string> unresolved;  // those with a variable in them: "${STAGE}.env"
};
[[nodiscard]] NamedFiles scan_compose(std::string_view yaml);

}  // namespace davit::sources
