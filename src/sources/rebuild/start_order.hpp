#pragma once
// In which order the services of a stack are started, and what each waits for. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "sources/stack.hpp"
#include "util/error.hpp"

namespace davit::sources {

struct Dependency {
  enum class Condition { started, healthy, completed };
  std::string service;
  Condition condition = Condition::started;
  bool operator==(const Dependency&) const = default;
};

struct StartStep {
  std::string service;
  std::vector<Dependency> after;  // on services of the stack only: others can't be waited for
};

// Of the label com.docker.compose.depends_on ("db:service_healthy:false,cache:service_started:true"; older Composes
// write the names alone), and of links, volumes_from and namespaces that are shared. A condition that is unknown is
// `started`.
[[nodiscard]] std::vector<Dependency> dependencies_of(const Service& service, const Stack& stack);

// All services of the stack, each behind those it depends on, by name where that leaves it open. Errc::usage for a
// cycle, which it names.
[[nodiscard]] Result<std::vector<StartStep>> start_order(const Stack& stack);

// Whether it was running when it was recorded, or one that runs waits for its completion: what is started. Others are
// made and left.
[[nodiscard]] bool is_started(const Service& service, const Stack& stack);

}  // namespace davit::sources
