#pragma once
// The directory `.db` of the repository as a container of a database has it mounted: where something is put aside that
// can't be streamed. It belongs to the server's user, and is emptied of what davit itself has left there.

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

// Its path in the container: what is bound there is a directory of that name, or is called so inside. Empty: it has
// none that it may write.
[[nodiscard]] std::string db_directory_of(const engine::ContainerInfo& container);

// Gives it to the owner of the data directory, if davit may, removes what dead runs have put aside there, and notes
// what else is in it, which stays. That any of it can't be done is noted. Nothing where the container has no such
// directory. REQUIRES: it runs.
void tend_db_directory(engine::Engine& engine, const engine::ContainerInfo& container, RunContext& run);

// What the script in the container says; pure. Lines for the user.
[[nodiscard]] std::vector<std::string> read_tending(std::string_view out, std::string_view directory);

// The script; $1: the directory, $2: the data directory. For tests.
[[nodiscard]] std::string_view tending_script();

}  // namespace davit::sources
