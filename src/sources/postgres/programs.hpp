#pragma once
// Where the programs of PostgreSQL (psql, pg_dump, pg_restore …) run that speak to one server: in a container, by exec,
// or on this machine. Whoever uses them needn't know.

#include <optional>
#include <string>
#include <vector>

#include "engine/command.hpp"

namespace davit::sources {

class Programs {
 public:
  // In a container: each command gets the environment, user and setup of `base`. The engine must outlive it.
  [[nodiscard]] static Programs in_container(engine::Engine& engine, engine::ContainerId container,
                                             engine::Command base);
  // On this machine, with `env` (NAME=value) as their whole environment; they are found by its PATH.
  [[nodiscard]] static Programs on_this_machine(std::vector<std::string> env);

  // Errors and outcomes as of engine::run_command(). 127: there is no such program.
  [[nodiscard]] Result<engine::CommandOutcome> run(std::vector<std::string> argv, stream::ByteSink& out,
                                                   RunContext& run) const;
  // For little output, with `env` besides.
  [[nodiscard]] Result<engine::CommandText> ask(std::vector<std::string> argv, RunContext& run,
                                                std::vector<std::string> env = {}) const;
  // As engine::feed_command().
  [[nodiscard]] Result<engine::CommandText> feed(std::vector<std::string> argv, stream::ByteSource& in,
                                                 RunContext& run) const;

  // "container 0123456789ab", "this machine".
  [[nodiscard]] std::string place() const;

 private:
  Programs() = default;
  [[nodiscard]] engine::Command command(std::vector<std::string> argv) const;
  [[nodiscard]] Result<engine::CommandOutcome> run_here(std::vector<std::string> argv, stream::ByteSource* in,
                                                        stream::ByteSink& out, RunContext& run,
                                                        const std::vector<std::string>& env) const;

  engine::Engine* engine_ = nullptr;  // null: on this machine
  engine::ContainerId container_;
  engine::Command base_;
};

}  // namespace davit::sources
