#pragma once
// What must be there before a container can be made from its record: volumes that are missing, as they were recorded,
// and bound directories. They go again if the restore that needs them fails.

#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// Whether a volume that is missing is made for a server of this container, and not asked of the user: that of its data,
// one of the project, or one without a name. `stack` is the record that knows whose volumes are.
[[nodiscard]] bool is_made_for_server(const engine::ContainerInfo& container, const engine::Mount& mount,
                                      const Stack& stack);

class MadeMounts {
 public:
  MadeMounts(helper::Host& host, Journal* journal) : host_(&host), journal_(journal) {}

  // Each in the journal before it is made. Directories are only held, see release_directories(). Errc::not_found for a
  // missing volume of somebody else's.
  [[nodiscard]] Result<> make(const engine::ContainerInfo& container, const Target& target, RunContext& run);
  [[nodiscard]] bool made(const engine::Mount& mount) const;
  // A directory that was made for the container goes if nothing has come into it until here.
  [[nodiscard]] Result<> release_directories(RunContext& run);
  // The volumes go, and directories that are still held.
  [[nodiscard]] Result<> remove(RunContext& run);
  // They stay, as the restore does.
  void keep(RunContext& run);

 private:
  Result<> make_volumes(const engine::ContainerInfo& container, const Target& target, RunContext& run);
  Result<> hold_directories(const engine::ContainerInfo& container, RunContext& run);
  Result<> hold_directory(const std::string& path, RunContext& run);

  struct Held {
    helper::Place place;
    std::vector<helper::Session> makers;  // of those above it that were missing, too, and then of its own
    Result<> end();
  };

  helper::Host* host_;
  Journal* journal_;
  std::vector<std::string> volumes_;
  std::vector<Held> held_;
};

}  // namespace davit::sources
