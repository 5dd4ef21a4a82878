#pragma once
// Reading JSON strictly: every field has one type, and what has another is Errc::corrupt and names its place,
// "items[2].artefacts[0].plain.bytes is not a count". Unknown fields are nobody's business.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "model/item.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace davit::catalog {

// One JSON object. REQUIRES: the document outlives it.
class Fields {
 public:
  // Errc::corrupt if `value` is no object.
  static Result<Fields> of(const nlohmann::json& value, std::string where);

  [[nodiscard]] bool has(std::string_view name) const;
  // The types of docs/format.md.
  [[nodiscard]] Result<std::string> string(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::string>> optional_string(std::string_view name) const;
  [[nodiscard]] Result<std::string> text(std::string_view name) const;
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const;
  [[nodiscard]] Result<std::chrono::milliseconds> seconds(std::string_view name) const;
  [[nodiscard]] Result<TimePoint> time(std::string_view name) const;
  [[nodiscard]] Result<std::string> sha256(std::string_view name) const;
  [[nodiscard]] Result<model::Attributes> attributes(std::string_view name) const;
  [[nodiscard]] Result<Fields> object(std::string_view name) const;
  // What `parse` makes of each object of an array.
  template <class Parse, class Element = typename std::invoke_result_t<Parse, const Fields&>::value_type>
  [[nodiscard]] Result<std::vector<Element>> each(std::string_view name, Parse parse) const {
    std::vector<Element> parsed;
    TRY_ASSIGN(objects, objects_of(name));
    for (const Fields& fields : objects) {
      TRY_ASSIGN(element, parse(fields));
      parsed.push_back(std::move(element));
    }
    return parsed;
  }

  // Errc::corrupt about a field: "items[2].path WHY".
  [[nodiscard]] std::unexpected<Error> refuse(std::string_view name, std::string_view why) const;

 private:
  Fields(const nlohmann::json& value, std::string where) : value_(&value), where_(std::move(where)) {}
  [[nodiscard]] Result<const nlohmann::json*> field(std::string_view name) const;
  [[nodiscard]] Result<std::vector<Fields>> objects_of(std::string_view name) const;
  [[nodiscard]] std::string place(std::string_view name) const;

  const nlohmann::json* value_;
  std::string where_;  // "items[2]"; empty: the document
};

}  // namespace davit::catalog
