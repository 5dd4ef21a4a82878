#include "sources/rebuild/network_body.hpp"

#include <algorithm>

#include "sources/compose_labels.hpp"
#include "sources/json_field.hpp"
#include "sources/rebuild/address_range.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

json parsed(const engine::NetworkInfo& network) { return json::parse(network.raw, nullptr, false); }

const json& ranges_of(const json& raw) { return list_field(field(raw, "IPAM"), "Config"); }

// The Engine has written addresses with and without the length of their range.
std::string bare_address(const std::string& address) { return address.substr(0, address.find('/')); }

// What the Engine takes from where nothing is set (github.com/moby/moby, libnetwork/ipamutils, and
// "default-address-pools" of dockerd): 172.17.0.0/16 to 172.31.0.0/16, and 192.168.0.0/16 in pieces of /20.
bool of_default_pools(const AddressRange& range) {
  const auto& at = range.address;
  if (range.v6 || at[3] != 0) return false;
  if (at[0] == 172 && at[1] >= 17 && at[1] <= 31) return range.bits == 16 && at[2] == 0;
  return at[0] == 192 && at[1] == 168 && range.bits == 20 && at[2] % 16 == 0;
}

bool looks_chosen(const json& config) {
  const auto range = parse_range(text_field(config, "Subnet"));
  if (!range || !of_default_pools(*range)) return false;
  if (!text_field(config, "IPRange").empty() || has_entries(field(config, "AuxiliaryAddresses"))) return false;
  // Of a range that was set without a gateway the Engine shows none.
  const auto gateway = parse_range(bare_address(text_field(config, "Gateway")) + "/32");
  AddressRange first = *range;
  first.address[3] = 1;
  return gateway && gateway->address == first.address;
}

bool has_fixed_address(const Stack& stack, const std::string& network) {
  for (const Service& service : stack.services)
    for (const engine::ContainerInfo& container : service.containers) {
      const json raw = json::parse(container.raw, nullptr, false);
      const json& networks = field(field(raw, "NetworkSettings"), "Networks");
      const json& ipam = field(field(networks, network.c_str()), "IPAMConfig");
      if (!text_field(ipam, "IPv4Address").empty() || !text_field(ipam, "IPv6Address").empty()) return true;
    }
  return false;
}

}  // namespace

bool is_network_of(const engine::NetworkInfo& network, std::string_view project) {
  return compose::label(network.labels, compose::kProject) == project;
}

std::vector<std::string> subnets_of(const engine::NetworkInfo& network) {
  std::vector<std::string> subnets;
  const json raw = parsed(network);
  for (const json& config : ranges_of(raw))
    if (std::string subnet = text_field(config, "Subnet"); !subnet.empty()) subnets.push_back(std::move(subnet));
  return subnets;
}

std::vector<std::string> set_subnets(const engine::NetworkInfo& recorded, const Stack& stack) {
  std::vector<std::string> subnets;
  const json raw = parsed(recorded);
  const bool fixed = has_fixed_address(stack, recorded.name);
  for (const json& config : ranges_of(raw))
    if (std::string subnet = text_field(config, "Subnet"); !subnet.empty() && (fixed || !looks_chosen(config)))
      subnets.push_back(std::move(subnet));
  return subnets;
}

Result<json> network_body(const engine::NetworkInfo& recorded, const std::vector<std::string>& subnets) {
  const json raw = parsed(recorded);
  if (!raw.is_object())
    return fail(Errc::corrupt, "network " + recorded.name + ": its record is not the Engine's JSON");
  // Engines before 25 make a second network of the same name unless they are asked to look.
  json body{{"Name", recorded.name}, {"CheckDuplicate", true}, {"Labels", recorded.labels}};
  for (const char* name :
       {"Driver", "Internal", "Attachable", "Ingress", "EnableIPv4", "EnableIPv6", "ConfigOnly", "Options"})
    if (const json& value = field(raw, name); !value.is_null()) body[name] = value;
  if (const json& from = field(raw, "ConfigFrom"); !text_field(from, "Network").empty()) body["ConfigFrom"] = from;
  json ipam = without_nulls(field(raw, "IPAM").is_object() ? field(raw, "IPAM") : json::object());
  ipam["Config"] = json::array();
  for (const json& config : ranges_of(raw)) {
    if (!std::ranges::contains(subnets, text_field(config, "Subnet"))) continue;
    json range = without_nulls(config);
    if (const std::string gateway = text_field(range, "Gateway"); !gateway.empty())
      range["Gateway"] = bare_address(gateway);
    ipam["Config"].push_back(std::move(range));
  }
  body["IPAM"] = std::move(ipam);
  return body;
}

}  // namespace davit::sources
