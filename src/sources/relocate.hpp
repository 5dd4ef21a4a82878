#pragma once
// A recorded stack whose project goes to another directory: every path of the backup's host that lies in the old one.

#include "sources/rebuild/moved_paths.hpp"
#include "sources/stack.hpp"

namespace davit::sources {

// Moves what is decoded: the project's directory and files, sources of bind mounts, the device of a volume that is a
// bound directory. What the Engine has said (`raw`) and labels stay as they were: whoever makes something of them moves
// what it takes.
void relocate(Stack& stack, const MovedPaths& moved);

}  // namespace davit::sources
