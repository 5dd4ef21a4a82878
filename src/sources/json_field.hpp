#pragma once
// Reading other programs' JSON, in which what isn't set is missing or null.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace davit::sources {

// Null where `object` is none, or has no such field.
[[nodiscard]] inline const nlohmann::json& field(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

// Empty where there is no list.
[[nodiscard]] inline const nlohmann::json& list_field(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const nlohmann::json& value = field(object, name);
  return value.is_array() ? value : kEmpty;
}

// Empty where there is no text.
[[nodiscard]] inline std::string text_field(const nlohmann::json& object, const char* name) {
  const nlohmann::json& value = field(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// `otherwise` where there is no whole number.
[[nodiscard]] inline std::int64_t number_field(const nlohmann::json& object, const char* name, std::int64_t otherwise) {
  const nlohmann::json& value = field(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

// A list or an object with something in it.
[[nodiscard]] inline bool has_entries(const nlohmann::json& value) { return value.is_structured() && !value.empty(); }

// An object without its fields that are null.
[[nodiscard]] inline nlohmann::json without_nulls(const nlohmann::json& object) {
  nlohmann::json result = nlohmann::json::object();
  for (const auto& [name, value] : object.items())
    if (!value.is_null()) result[name] = value;
  return result;
}

}  // namespace davit::sources
