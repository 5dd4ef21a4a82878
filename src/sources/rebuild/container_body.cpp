#include "sources/rebuild/container_body.hpp"

#include <algorithm>
#include <array>

#include "sources/compose_labels.hpp"
#include "sources/json_field.hpp"
#include "sources/listed_paths.hpp"
#include "sources/rebuild/endpoints.hpp"
#include "sources/rebuild/recorded_mounts.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::string_view kShares = "container:";  // before the id or the name of a container
constexpr std::array kNamespaces{"NetworkMode", "PidMode", "IpcMode"};

bool shares_network(const json& host) { return text_field(host, "NetworkMode").starts_with(kShares); }

// "id" or "id:ro", as in VolumesFrom.
std::string container_of(const std::string& reference) { return reference.substr(0, reference.find(':')); }

engine::Labels placed_labels(const engine::ContainerInfo& recorded, const BodyOptions& options) {
  engine::Labels labels = recorded.labels;
  const auto move = [&](std::string_view name) {
    const auto label = labels.find(name);
    if (label == labels.end() || label->second.empty()) return;
    std::string moved;
    for (const std::string& path : listed_paths(label->second))
      moved += (moved.empty() ? "" : ",") + options.moved(path);
    label->second = std::move(moved);
  };
  for (const std::string_view name : {compose::kWorkingDir, compose::kConfigFiles, compose::kEnvFiles}) move(name);
  // The same image has another id in another kind of image store; Compose compares it with that of the image it finds.
  if (const auto image = labels.find(compose::kImage);
      image != labels.end() && !options.image_id.empty() && image->second == recorded.image_id)
    image->second = options.image_id;
  return labels;
}

// Of its image and its user together: what the image says is said again, and means the same.
json config_part(const engine::ContainerInfo& recorded, const json& config, const json& host,
                 const BodyOptions& options) {
  json body = without_nulls(config);
  body["Labels"] = placed_labels(recorded, options);
  if (!options.image.empty()) body["Image"] = options.image;
  // Without one, the Engine would take that of the image, which the user has cleared; an empty text clears it again.
  if (!has_entries(field(body, "Entrypoint"))) body["Entrypoint"] = {""};
  if (!has_entries(field(body, "Cmd"))) body["Cmd"] = json::array();
  // The Engine's own choice, which goes with the id.
  if (recorded.hostname == engine::short_id(recorded.id.value)) body.erase("Hostname");
  if (shares_network(host))
    for (const char* name : {"Hostname", "Domainname", "ExposedPorts", "MacAddress"}) body.erase(name);
  if (text_field(host, "UTSMode") == "host") body.erase("Hostname");
  return body;
}

// "/shop-db-1:/shop-web-1/db" is what the Engine makes of the link "shop-db-1:db".
json placed_links(const json& links) {
  json placed = json::array();
  for (const json& each : links) {
    std::string link = each.get<std::string>();
    const std::size_t colon = link.find(':');
    if (link.starts_with('/') && colon != std::string::npos)
      link = link.substr(1, colon - 1) + ":" + link.substr(link.rfind('/') + 1);
    placed.push_back(std::move(link));
  }
  return placed;
}

class Placing {
 public:
  Placing(const engine::ContainerInfo& recorded, const BodyOptions& options) : recorded_(recorded), options_(options) {}

  Result<ContainerBody> place(const json& raw) {
    const json& config = field(raw, "Config");
    const json& host = field(raw, "HostConfig");
    if (!config.is_object() || !host.is_object())
      return fail(Errc::corrupt, "container " + recorded_.name + ": its record has no configuration");
    ContainerBody result{recorded_.name, config_part(recorded_, config, host, options_), {}};
    TRY_ASSIGN(host_config, host_part(host));
    place_mounts(recorded_, options_.moved, options_.has_volume, result.body, host_config);
    if (!shares_network(host)) {
      result.networks = endpoints_of(raw);
      place_networks(raw, result, host_config);
    }
    result.body["HostConfig"] = std::move(host_config);
    return result;
  }

 private:
  Result<std::string> new_id(const std::string& recorded_id) const {
    if (options_.new_id)
      if (auto id = options_.new_id(recorded_id)) return *std::move(id);
    return fail(Errc::not_found, "container " + recorded_.name + ": it goes with container " +
                                     engine::short_id(recorded_id) + ", which isn't made along with it");
  }

  Result<json> host_part(const json& recorded) const {
    json host = without_nulls(recorded);
    for (const char* name : {"ContainerIDFile", "ConsoleSize"}) host.erase(name);
    // The Engine's default, which grows with its version; an empty list is the user's wish.
    for (const char* name : {"MaskedPaths", "ReadonlyPaths"})
      if (has_entries(field(host, name))) host.erase(name);
    if (shares_network(host))
      for (const char* name : {"PortBindings", "PublishAllPorts"}) host.erase(name);
    if (const json& links = field(host, "Links"); has_entries(links)) host["Links"] = placed_links(links);
    for (const char* name : kNamespaces) {
      const std::string mode = text_field(host, name);
      if (!mode.starts_with(kShares)) continue;
      TRY_ASSIGN(id, new_id(mode.substr(kShares.size())));
      host[name] = std::string(kShares) + id;
    }
    if (const json& from = field(host, "VolumesFrom"); has_entries(from)) {
      json placed = json::array();
      for (const json& each : from) {
        const auto reference = each.get<std::string>();
        const std::string old = container_of(reference);
        TRY_ASSIGN(id, new_id(old));
        placed.push_back(id + reference.substr(old.size()));
      }
      host["VolumesFrom"] = std::move(placed);
    }
    return host;
  }

  // The network of its mode goes into the body.
  static void place_networks(const json& raw, ContainerBody& result, json& host) {
    std::string mode = text_field(host, "NetworkMode");
    const json& networks = field(field(raw, "NetworkSettings"), "Networks");
    for (const auto& [name, endpoint] : result.networks)
      if (text_field(field(networks, name.c_str()), "NetworkID") == mode) mode = name;
    const auto main = result.networks.find(mode);
    if (main == result.networks.end()) return;
    host["NetworkMode"] = mode;
    result.body["NetworkingConfig"]["EndpointsConfig"][mode] = std::move(main->second);
    result.networks.erase(main);
  }

  const engine::ContainerInfo& recorded_;
  const BodyOptions& options_;
};

}  // namespace

Result<ContainerBody> container_body(const engine::ContainerInfo& recorded, const BodyOptions& options) {
  try {
    return Placing(recorded, options).place(json::parse(recorded.raw));
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, "container " + recorded.name + ": its record is not the Engine's JSON: " + error.what());
  }
}

std::vector<std::string> shared_containers(const engine::ContainerInfo& recorded) {
  std::vector<std::string> ids;
  const auto add = [&](std::string id) {
    if (!std::ranges::contains(ids, id)) ids.push_back(std::move(id));
  };
  const json raw = json::parse(recorded.raw, nullptr, false);
  const json& host = field(raw, "HostConfig");
  for (const char* name : kNamespaces)
    if (const std::string mode = text_field(host, name); mode.starts_with(kShares)) add(mode.substr(kShares.size()));
  for (const json& each : list_field(host, "VolumesFrom"))
    if (each.is_string()) add(container_of(each.get<std::string>()));
  return ids;
}

std::vector<std::string> networks_of(const engine::ContainerInfo& recorded) {
  std::vector<std::string> names;
  for (const auto& [name, endpoint] : endpoints_of(json::parse(recorded.raw, nullptr, false))) names.push_back(name);
  return names;
}

}  // namespace davit::sources
