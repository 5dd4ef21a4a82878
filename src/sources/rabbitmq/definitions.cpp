#include "sources/rabbitmq/definitions.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// A list of the definitions: what one of it is called, and the fields by which it is found.
struct List {
  std::string_view name;
  std::string_view one;
  std::array<std::string_view, 6> keys;
};
constexpr std::array kLists{
    List{"vhosts", "vhost", {"name"}},
    List{"users", "user", {"name"}},
    List{"permissions", "permission of", {"user", "vhost"}},
    List{"topic_permissions", "topic permission of", {"user", "vhost", "exchange"}},
    List{"global_parameters", "global parameter", {"name"}},
    List{"parameters", "parameter", {"name", "component", "vhost"}},
    List{"policies", "policy", {"name", "vhost"}},
    List{"operator_policies", "operator policy", {"name", "vhost"}},
    List{"queues", "queue", {"name", "vhost"}},
    List{"exchanges", "exchange", {"name", "vhost"}},
    List{"bindings", "binding of", {"source", "destination", "destination_type", "routing_key", "arguments", "vhost"}},
};

constexpr std::size_t kShown = 5;

std::string shown(const json& value) {
  return escape_for_display(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string title(const List& list, const json& entry) {
  std::string text(list.one);
  for (const std::string_view key : list.keys) {
    if (key.empty()) break;
    const auto found = entry.find(key);
    if (found == entry.end()) continue;
    const bool no_arguments = key == "arguments" && found->empty();
    if (no_arguments) continue;
    text += key == "vhost" ? " in vhost " : key == "destination" ? " to " : key == "routing_key" ? " by " : " ";
    text += shown(*found);
  }
  return text;
}

// The parameter says which broker it is, and every one has it of its own.
bool is_own(const List& list, const json& entry) {
  return list.name == "global_parameters" && entry.value("name", json()) == json("internal_cluster_id");
}

bool holds_all(const json& wanted, const json& present) {
  if (!wanted.is_object() || !present.is_object()) return wanted == present;
  return std::ranges::all_of(wanted.items(), [&](const auto& field) {
    const auto found = present.find(field.key());
    return found != present.end() && holds_all(field.value(), *found);
  });
}

}  // namespace

Result<Definitions> Definitions::parse(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  const auto is_list = [&](const char* name) { return object.contains(name) && object[name].is_array(); };
  if (!object.is_object() || !is_list("vhosts") || !is_list("users"))
    return fail(Errc::corrupt, "they are not the definitions of a broker");
  Definitions definitions;
  for (const List& list : kLists) {
    const auto found = object.find(list.name);
    if (found == object.end()) continue;
    if (!found->is_array()) return fail(Errc::corrupt, "its " + std::string(list.name) + " are no list");
    for (const json& entry : *found) {
      if (!entry.is_object()) return fail(Errc::corrupt, "one of its " + std::string(list.name) + " is no object");
      if (is_own(list, entry)) continue;
      definitions.all_.insert_or_assign(title(list, entry), entry);
      const auto name = entry.find("name");
      definitions.names_[std::string(list.name)].push_back(name == entry.end() ? std::string() : shown(*name));
    }
  }
  return definitions;
}

std::vector<std::string> Definitions::changed(const Definitions& other) const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : all_)
    if (const auto found = other.all_.find(name); found != other.all_.end() && !holds_all(entry, found->second))
      names.push_back(name);
  return names;
}

std::vector<std::string> Definitions::missing(const Definitions& other) const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : all_)
    if (!other.all_.contains(name)) names.push_back(name);
  return names;
}

bool Definitions::is_fresh() const {
  const auto count_of = [&](std::string_view list) {
    const auto found = names_.find(list);
    return found == names_.end() ? std::size_t{0} : found->second.size();
  };
  return count_of("vhosts") <= 1 && count_of("users") <= 1 && count_of("permissions") <= 1 &&
         std::ranges::all_of(kLists, [&](const List& list) {
           return list.name == "vhosts" || list.name == "users" || list.name == "permissions" ||
                  list.name == "global_parameters" || count_of(list.name) == 0;
         });
}

std::string Definitions::summary() const {
  std::string text;
  for (const std::string_view list : {"vhosts", "users", "queues", "exchanges", "policies"}) {
    const auto found = names_.find(list);
    if (found == names_.end()) continue;
    const std::vector<std::string>& names = found->second;
    std::string_view word = list;
    if (names.size() == 1) word = list == "policies" ? std::string_view("policy") : list.substr(0, list.size() - 1);
    text += std::format("{}{} {} (", text.empty() ? "" : ", ", names.size(), word);
    for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + names[i];
    text += names.size() > kShown ? ", …)" : ")";
  }
  return text;
}

}  // namespace davit::sources
