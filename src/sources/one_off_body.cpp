#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/assemble.hpp"
#include "sources/one_off.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

const json& at(const json& object, const char* name) {
  static const json kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

// Copies the fields that are there: a null would ask the Engine for something, too.
void copy_fields(const json& from, json& to, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const json& value = at(from, name); !value.is_null()) to[name] = value;
}

json environment(const engine::ContainerInfo& recorded, const std::vector<std::string>& changes) {
  const auto name_of = [](const std::string& variable) { return variable.substr(0, variable.find('=')); };
  json env = json::array();
  for (const std::string& variable : recorded.env)
    if (!std::ranges::contains(changes, name_of(variable), name_of)) env.push_back(variable);
  for (const std::string& variable : changes) env.push_back(variable);
  return env;
}

// Options of the mount in the recorded HostConfig, such as NoCopy, that the resolved mounts don't show.
json volume_options(const json& host, const std::string& destination) {
  if (const json& mounts = at(host, "Mounts"); mounts.is_array())
    for (const json& mount : mounts)
      if (mount.is_object() && mount.value("Target", "") == destination) return at(mount, "VolumeOptions");
  return {};
}

Result<json> mounts(const engine::ContainerInfo& recorded, const json& host, OneOffOptions::Mounts how,
                    const std::function<bool(const std::string&)>& volume_exists) {
  const bool throwaway = how == OneOffOptions::Mounts::throwaway;
  json result = json::array();
  for (const engine::Mount& mount : recorded.mounts) {
    if (mount.type == "bind" && !(throwaway && mount.writable)) {
      // The mounts API, unlike `Binds`, fails where the source is missing instead of making a directory of it.
      result.push_back(
          {{"Type", "bind"}, {"Source", mount.source}, {"Target", mount.destination}, {"ReadOnly", !mount.writable}});
    } else if (mount.type == "bind" || mount.type == "volume") {
      json entry{{"Type", "volume"}, {"Target", mount.destination}};
      const bool gone = !throwaway && !volume_exists(mount.name);
      // The Engine would make it, without the labels by which Compose knows it.
      if (gone && !is_anonymous(mount.name))
        return fail(Errc::not_found,
                    "volume " + mount.name + ", which it mounts at " + mount.destination + ", is missing");
      // Compose gives an anonymous volume of the record another name when it makes the service anew.
      if (!throwaway && !gone) {
        entry["Source"] = mount.name;
        entry["ReadOnly"] = !mount.writable;
      }
      if (const json options = volume_options(host, mount.destination);
          options.is_object() && options.contains("NoCopy"))
        entry["VolumeOptions"] = {{"NoCopy", options["NoCopy"]}};
      result.push_back(std::move(entry));
    }
  }
  return result;
}

// What is written to beside the data, such as /tmp below a root that is read-only. Of the short form they are in
// "Tmpfs".
json memory_mounts(const json& host) {
  json result = json::array();
  if (const json& mounts = at(host, "Mounts"); mounts.is_array())
    for (const json& mount : mounts)
      if (mount.is_object() && mount.value("Type", "") == "tmpfs") result.push_back(mount);
  return result;
}

Result<json> host_config(const engine::ContainerInfo& recorded, const json& host, const OneOffOptions& options,
                         const std::function<bool(const std::string&)>& volume_exists) {
  json result{{"NetworkMode", options.network},
              {"RestartPolicy", {{"Name", "no"}}},
              // Kept for the last lines when it fails; bounded, whatever the server writes.
              {"LogConfig", {{"Type", "json-file"}, {"Config", {{"max-size", "1m"}, {"max-file", "1"}}}}}};
  copy_fields(host, result,
              {"ShmSize", "Ulimits", "Tmpfs", "Init", "CapAdd", "CapDrop", "GroupAdd", "SecurityOpt", "Privileged",
               "ReadonlyRootfs", "UsernsMode", "Memory", "MemorySwap", "NanoCpus", "OomScoreAdj", "Runtime"});
  json all = memory_mounts(host);
  if (options.mounts != OneOffOptions::Mounts::none) {
    TRY_ASSIGN(mounted, mounts(recorded, host, options.mounts, volume_exists));
    for (json& mount : mounted) all.push_back(std::move(mount));
  }
  if (options.mounts != OneOffOptions::Mounts::none || !all.empty()) result["Mounts"] = std::move(all);
  return result;
}

}  // namespace

Result<json> one_off_body(const engine::ContainerInfo& recorded, const OneOffOptions& options, const std::string& image,
                          const engine::Labels& labels, const std::function<bool(const std::string&)>& volume_exists) {
  try {
    const json raw = json::parse(recorded.raw);
    const json& config = at(raw, "Config");
    const json& host = at(raw, "HostConfig");
    if (!config.is_object() || !host.is_object())
      return fail(Errc::corrupt, "container " + recorded.name + ": its record has no configuration");
    json body{{"Image", image}, {"Labels", labels}};
    copy_fields(config, body, {"Cmd", "Entrypoint", "User", "WorkingDir", "Hostname", "StopSignal", "StopTimeout"});
    body["Env"] = environment(recorded, options.env);
    // Whether it is ready is asked by davit: the recorded check may want what a one-off hasn't, such as a network.
    body["Healthcheck"] = {{"Test", {"NONE"}}};
    if (options.entrypoint) {
      body["Entrypoint"] = *options.entrypoint;
      // The record's arguments belong to the record's program.
      if (!options.command) body["Cmd"] = json::array();
    }
    if (options.command) body["Cmd"] = *options.command;
    if (options.user) body["User"] = *options.user;
    TRY_ASSIGN(host_part, host_config(recorded, host, options, volume_exists));
    body["HostConfig"] = std::move(host_part);
    return body;
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, "container " + recorded.name + ": its record is not the Engine's JSON: " + error.what());
  }
}

}  // namespace davit::sources
