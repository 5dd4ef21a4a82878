#pragma once
// What must be there before a container can be made from its record: volumes that are missing, as they were recorded,
// and a bound directory. They go again if the restore that needs them fails.

#include <optional>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "sources/source.hpp"

namespace davit::sources {

class MadeMounts {
 public:
  MadeMounts(helper::Host& host, Journal* journal) : host_(&host), journal_(journal) {}

  // Each in the journal before it is made. The directory is only held, see release_directory().
  [[nodiscard]] Result<> make(const engine::ContainerInfo& container, const Target& target, RunContext& run);
  [[nodiscard]] bool made(const engine::Mount& mount) const;
  // A directory that was made for the container goes if nothing has come into it until here.
  [[nodiscard]] Result<> release_directory(RunContext& run);
  // The volumes go, and a directory that is still held.
  [[nodiscard]] Result<> remove(RunContext& run);
  // They stay, as the restore does.
  void keep(RunContext& run);

 private:
  Result<> make_volumes(const engine::ContainerInfo& container, const Target& target, RunContext& run);
  Result<> hold_directory(const engine::ContainerInfo& container, RunContext& run);

  helper::Host* host_;
  Journal* journal_;
  std::vector<std::string> volumes_;
  std::optional<helper::Place> place_;
  std::optional<helper::Session> held_;
};

}  // namespace davit::sources
