#include "engine/types.hpp"

namespace davit::engine {

std::optional<std::string> ContainerInfo::env_value(std::string_view variable) const {
  // Of a name that stands there twice, the last one is what most programs see.
  for (auto entry = env.rbegin(); entry != env.rend(); ++entry) {
    const std::string_view text = *entry;
    if (text.size() > variable.size() && text.starts_with(variable) && text[variable.size()] == '=')
      return std::string(text.substr(variable.size() + 1));
  }
  return std::nullopt;
}

}  // namespace davit::engine
