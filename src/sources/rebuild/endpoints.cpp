#include "sources/rebuild/endpoints.hpp"

#include <charconv>

#include "engine/types.hpp"
#include "sources/json_field.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// The Engine makes addresses that are marked as locally administered (IEEE 802: the second bit of the first byte); one
// that isn't was set by its user. Engines since 25 tell no other way.
bool is_users_mac(const std::string& address) {
  unsigned first = 0;
  const auto [end, error] =
      std::from_chars(address.data(), address.data() + std::min<std::size_t>(address.size(), 2), first, 16);
  return error == std::errc() && end == address.data() + 2 && (first & 2U) == 0;
}

json ipam_of(const json& endpoint) {
  json set = json::object();
  const json& recorded = field(endpoint, "IPAMConfig");
  for (const char* name : {"IPv4Address", "IPv6Address"})
    if (std::string address = text_field(recorded, name); !address.empty()) set[name] = std::move(address);
  if (const json& local = field(recorded, "LinkLocalIPs"); has_entries(local)) set["LinkLocalIPs"] = local;
  return set;
}

json endpoint_of(const json& recorded, const std::string& short_id) {
  json endpoint = json::object();
  if (json ipam = ipam_of(recorded); !ipam.empty()) endpoint["IPAMConfig"] = std::move(ipam);
  for (const char* name : {"Links", "DriverOpts"})
    if (const json& value = field(recorded, name); has_entries(value)) endpoint[name] = value;
  if (const json& priority = field(recorded, "GwPriority"); priority.is_number() && priority != 0)
    endpoint["GwPriority"] = priority;
  json aliases = json::array();
  for (const json& alias : list_field(recorded, "Aliases"))
    if (alias != short_id) aliases.push_back(alias);
  if (!aliases.empty()) endpoint["Aliases"] = std::move(aliases);
  if (const std::string mac = text_field(recorded, "MacAddress"); is_users_mac(mac)) endpoint["MacAddress"] = mac;
  return endpoint;
}

}  // namespace

bool is_builtin_network(const std::string& name) {
  return name == "bridge" || name == "host" || name == "none" || name == "default";
}

std::map<std::string, json> endpoints_of(const json& inspected) {
  std::map<std::string, json> endpoints;
  const std::string short_id = engine::short_id(text_field(inspected, "Id"));
  const json& networks = field(field(inspected, "NetworkSettings"), "Networks");
  if (!networks.is_object()) return endpoints;
  for (const auto& [name, endpoint] : networks.items())
    if (!is_builtin_network(name)) endpoints[name] = endpoint_of(endpoint, short_id);
  return endpoints;
}

}  // namespace davit::sources
