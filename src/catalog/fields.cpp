#include "catalog/fields.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::catalog {
namespace {

using Json = nlohmann::json;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Text is a string, or {"hex": …} for bytes that are not UTF-8.
std::optional<std::string> text_of(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (!value.is_object() || value.size() != 1 || !value.contains("hex") || !value["hex"].is_string()) return {};
  const std::string& hex = value["hex"].get_ref<const std::string&>();
  if (hex.size() % 2 != 0) return {};
  std::string bytes;
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    const int high = hex_value(hex[at]);
    const int low = hex_value(hex[at + 1]);
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  // One spelling for each text.
  if (is_utf8(bytes)) return {};
  return bytes;
}

}  // namespace

Result<Fields> Fields::of(const Json& value, std::string where) {
  if (!value.is_object())
    return fail(Errc::corrupt, (where.empty() ? std::string("the document") : where) + " is not an object");
  return Fields(value, std::move(where));
}

std::string Fields::place(std::string_view name) const {
  return where_.empty() ? std::string(name) : where_ + "." + std::string(name);
}

std::unexpected<Error> Fields::refuse(std::string_view name, std::string_view why) const {
  return fail(Errc::corrupt, place(name) + " " + std::string(why));
}

Result<const Json*> Fields::field(std::string_view name) const {
  const auto found = value_->find(name);
  if (found == value_->end()) return refuse(name, "is missing");
  return &*found;
}

Result<std::string> Fields::string(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  if (!value->is_string()) return refuse(name, "is not a string");
  return value->get_ref<const std::string&>();
}

Result<std::optional<std::string>> Fields::optional_string(std::string_view name) const {
  const auto found = value_->find(name);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return string(name);
}

Result<std::string> Fields::text(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  auto bytes = text_of(*value);
  if (!bytes) return refuse(name, "is not a text");
  return std::move(*bytes);
}

Result<std::vector<std::string>> Fields::texts(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  if (!value->is_array()) return refuse(name, "is not an array");
  std::vector<std::string> list;
  for (const Json& element : *value) {
    auto bytes = text_of(element);
    if (!bytes) return refuse(name, "holds something else than texts");
    list.push_back(std::move(*bytes));
  }
  return list;
}

Result<std::uint64_t> Fields::count(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  // What was written with a sign, a fraction or an exponent is of another type here.
  if (!value->is_number_unsigned()) return refuse(name, "is not a count");
  return value->get<std::uint64_t>();
}

bool Fields::has(std::string_view name) const { return value_->contains(name); }

Result<std::chrono::milliseconds> Fields::seconds(std::string_view name) const {
  constexpr double kLongest = 1e9;
  TRY_ASSIGN(value, field(name));
  if (!value->is_number()) return refuse(name, "is not a number of seconds");
  const double seconds = value->get<double>();
  if (!(seconds >= 0 && seconds <= kLongest)) return refuse(name, "is not a number of seconds");
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

Result<TimePoint> Fields::time(std::string_view name) const {
  TRY_ASSIGN(written, string(name));
  auto parsed = parse_rfc3339(written);
  if (!parsed || render_rfc3339(*parsed) != written) return refuse(name, "is not a time in whole seconds of UTC");
  return *parsed;
}

Result<std::string> Fields::sha256(std::string_view name) const {
  TRY_ASSIGN(written, string(name));
  if (written.size() != 64 || !std::ranges::all_of(written, [](char c) { return hex_value(c) >= 0; }))
    return refuse(name, "is not a SHA-256");
  return written;
}

Result<model::Attributes> Fields::attributes(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  if (!value->is_object()) return refuse(name, "is not an object");
  model::Attributes map;
  for (const auto& [key, entry] : value->items()) {
    auto bytes = text_of(entry);
    if (!bytes) return refuse(name, "holds something else than texts");
    map.emplace(key, std::move(*bytes));
  }
  return map;
}

Result<Fields> Fields::object(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  return of(*value, place(name));
}

Result<std::vector<Fields>> Fields::objects_of(std::string_view name) const {
  TRY_ASSIGN(value, field(name));
  if (!value->is_array()) return refuse(name, "is not an array");
  std::vector<Fields> objects;
  for (std::size_t at = 0; at < value->size(); ++at) {
    TRY_ASSIGN(element, of((*value)[at], place(name) + "[" + std::to_string(at) + "]"));
    objects.push_back(std::move(element));
  }
  return objects;
}

}  // namespace davit::catalog
