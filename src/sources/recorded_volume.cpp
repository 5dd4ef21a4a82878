#include "sources/recorded_volume.hpp"

#include "util/text.hpp"

namespace davit::sources {

std::optional<std::string> bound_directory(const engine::VolumeInfo& volume) {
  const auto options = volume.options.find("o");
  const auto device = volume.options.find("device");
  if (volume.driver != "local" || options == volume.options.end() || device == volume.options.end()) return {};
  for (const std::string& option : split(options->second, ','))
    if (option == "bind" || option == "rbind") return device->second;
  return {};
}

Result<bool> make_volume(engine::Engine& engine, const engine::VolumeInfo& recorded,
                         const std::function<Result<>()>& before) {
  const std::string doing = "make volume " + recorded.name;
  // Looked at first: asked to create one that exists, the Engine answers with the old one, whatever it is.
  if (const auto present = engine.inspect_volume(recorded.name))
    return false;
  else if (present.error().code() != Errc::not_found)
    return std::unexpected(Error(present.error()).context(doing));
  TRY(in_context(before(), doing));
  TRY(in_context(engine.create_volume(recorded.name, recorded.driver, recorded.options, recorded.labels), doing));
  return true;
}

}  // namespace davit::sources
