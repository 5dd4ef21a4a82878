#pragma once
// PostgreSQL's programs for a server that was reached over the network: those of this machine, where they fit, or those
// of an image, in a container of ours that sees the network as davit does.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/one_off.hpp"
#include "sources/postgres/server.hpp"

namespace davit::sources {

struct ToolsOptions {
  std::string image = {};                            // where they must come from; empty: chosen by the server's version
  std::vector<std::string> env = {};                 // of this process
  std::function<Result<helper::Host*>()> host = {};  // connects to the Engine when that is needed
};

class Tools {
 public:
  // Gives `server`, which was reached, the programs of its own major version: this machine's, else those of the image
  // postgres:<major> if the Engine has it, else newer ones of this machine, else that image is pulled. Errc::usage if
  // all there are is older than the server.
  [[nodiscard]] static Result<Tools> equip(Server& server, const ToolsOptions& options, RunContext& run);

 private:
  std::optional<OneOff> container_;
};

// 17 of "pg_dump (PostgreSQL) 17.5 (Debian 17.5-1)"; 0 if it is something else.
[[nodiscard]] int major_of_tool(std::string_view version);

// The environment of programs on this machine: `env` without what could lead a client elsewhere, what the server was
// reached with, and `directory` first in PATH.
[[nodiscard]] std::vector<std::string> tools_environment(const std::vector<std::string>& env,
                                                         const Server::Reached& reached, std::string_view directory);

}  // namespace davit::sources
