#pragma once
// The text of the stack's artefact (docs/format.md): everything that the Engine says of the containers, volumes,
// networks and images of a stack, passwords in environments included. parse_definition() of source.hpp reads it.

#include <string>

#include "sources/source.hpp"

namespace davit::sources {

[[nodiscard]] std::string render_definition(const Stack& stack);

// What a restore on another machine needs and no backup holds: external networks, images that no registry is known to
// have.
[[nodiscard]] std::vector<std::string> needs_of(const Stack& stack);

}  // namespace davit::sources
