#pragma once
// The server of a service that doesn't run, for as long as its cluster is replaced: one-off containers of its image and
// mounts, one to work beside the files, another that runs the server itself. Neither is in the stack's network.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/one_off.hpp"
#include "sources/pgbackrest/server_control.hpp"

namespace davit::sources {

class LoneServer : public std::enable_shared_from_this<LoneServer> {
 public:
  // `network`: of its containers. The data directory is made, if it is missing, and given to the server's user, if it
  // is empty. REQUIRES: what the container mounts is there; nobody else uses it.
  [[nodiscard]] static Result<std::shared_ptr<LoneServer>> open(engine::Engine& engine, engine::ContainerInfo container,
                                                                OneOffOptions options, RunContext& run);
  // What it is controlled by; it lives as long as a copy of that does.
  [[nodiscard]] ServerControl control(Cluster cluster);
  [[nodiscard]] const Cluster& cluster() const { return *cluster_; }
  // Makes a directory of the cluster where it is missing, and gives it to the server's user where it is empty.
  [[nodiscard]] Result<> make_directory(const std::string& directory, RunContext& run);
  // The server has written everything, and its containers are gone.
  [[nodiscard]] Result<> close();
  // Leaves them as they are.
  void leave();

 private:
  LoneServer(engine::Engine& engine, engine::ContainerInfo container, OneOffOptions options)
      : engine_(engine), container_(std::move(container)), options_(std::move(options)) {}
  Result<Cluster> stand_in(RunContext& run);
  Result<Cluster> start(RunContext& run);

  engine::Engine& engine_;
  engine::ContainerInfo container_;
  OneOffOptions options_;
  std::optional<OneOff> idle_;
  std::optional<OneOff> server_;
  std::optional<Cluster> cluster_;
};

}  // namespace davit::sources
