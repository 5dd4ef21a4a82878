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

std::string short_id(std::string_view id) {
  const bool full = id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return std::string(full ? id.substr(0, 12) : id);
}

}  // namespace davit::engine
