#pragma once
// Finds the PostgreSQL servers of a stack and what they hold.

#include <map>
#include <string>

#include "sources/postgres/server.hpp"
#include "sources/source.hpp"

namespace davit::sources {

using Servers = std::map<std::string, Server, std::less<>>;

// Fills `servers`, by service, with those that are in the plan and taken. No other is connected to.
[[nodiscard]] Result<Plan> plan_postgres(engine::Engine& engine, const Stack& stack, const stream::Encoding& encoding,
                                         const Takes& takes, Servers& servers, RunContext& run);

}  // namespace davit::sources
