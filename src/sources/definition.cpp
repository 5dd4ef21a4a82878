#include <nlohmann/json.hpp>

#include "engine/decode.hpp"
#include "sources/assemble.hpp"
#include "sources/definition.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;

// `raw` was the Engine's answer, so it is JSON; what isn't is left out rather than stored.
void add_raw(json& list, const std::string& raw) {
  if (json object = json::parse(raw, nullptr, false); object.is_object()) list.push_back(std::move(object));
}

template <class T>
Result<std::vector<T>> decode_all(const json& document, const char* name, Result<T> (*decode)(const json&)) {
  std::vector<T> values;
  const auto list = document.find(name);
  if (list == document.end() || !list->is_array())
    return fail(Errc::corrupt, std::string("definition of the stack: \"") + name + "\" is no list");
  for (const json& object : *list) {
    TRY_ASSIGN(value, in_context(decode(object), "definition of the stack"));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

std::string render_definition(const Stack& stack) {
  json document{{"format", kFormat},           {"project", stack.name},    {"digest_key", stack.digest_key},
                {"containers", json::array()}, {"volumes", json::array()}, {"networks", json::array()},
                {"images", json::array()}};
  for (const Service& service : stack.services)
    for (const engine::ContainerInfo& container : service.containers) add_raw(document["containers"], container.raw);
  for (const Volume& volume : stack.volumes) add_raw(document["volumes"], volume.info.raw);
  for (const engine::NetworkInfo& network : stack.networks) add_raw(document["networks"], network.raw);
  for (const auto& [reference, image] : stack.images) add_raw(document["images"], image.raw);
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Stack> parse_definition(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(Errc::corrupt, "definition of the stack: not a JSON object");
  const auto format = document.find("format");
  if (format == document.end() || !format->is_number_integer())
    return fail(Errc::corrupt, "definition of the stack: it has no format");
  if (*format != kFormat)
    return fail(Errc::usage, "definition of the stack: its format " + format->dump() + " is unknown",
                "use a newer davit");
  const auto project = document.find("project");
  if (project == document.end() || !project->is_string())
    return fail(Errc::corrupt, "definition of the stack: it has no project");
  StackParts parts;
  TRY_ASSIGN(containers, decode_all(document, "containers", &engine::decode_container));
  TRY_ASSIGN(volumes, decode_all(document, "volumes", &engine::decode_volume));
  TRY_ASSIGN(networks, decode_all(document, "networks", &engine::decode_network));
  TRY_ASSIGN(images, decode_all(document, "images", &engine::decode_image));
  parts = {std::move(containers), std::move(volumes), std::move(networks), std::move(images)};
  TRY_ASSIGN(stack, assemble(project->get<std::string>(), std::move(parts), LabelErrors::ignore));
  if (const auto key = document.find("digest_key"); key != document.end() && key->is_string())
    stack.digest_key = key->get<std::string>();
  return stack;
}

}  // namespace davit::sources
