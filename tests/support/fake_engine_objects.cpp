#include <algorithm>

#include "engine/decode.hpp"
#include "stream/byte_stream.hpp"
#include "support/fake_engine_state.hpp"

namespace davit::test {

using nlohmann::json;

Result<std::vector<engine::VolumeInfo>> FakeEngine::list_volumes(const std::vector<std::string>& labels) {
  return state_->operation("list_volumes", [&]() -> Result<std::vector<engine::VolumeInfo>> {
    std::vector<engine::VolumeInfo> all;
    for (const auto& [name, volume] : state_->volumes) {
      if (!has_labels(volume["Labels"], labels)) continue;
      TRY_ASSIGN(info, engine::decode_volume(volume));
      all.push_back(info);
    }
    return all;
  });
}

Result<engine::VolumeInfo> FakeEngine::inspect_volume(const std::string& name) {
  return state_->operation("inspect_volume " + name, [&]() -> Result<engine::VolumeInfo> {
    if (!state_->volumes.contains(name)) return fail(Errc::not_found, "get " + name + ": no such volume");
    return engine::decode_volume(state_->volumes[name]);
  });
}

Result<> FakeEngine::create_volume(const std::string& name, const std::string& driver, const engine::Labels& options,
                                   const engine::Labels& labels) {
  return state_->operation("create_volume " + name, [&]() -> Result<> {
    state_->make_volume(name, driver, options, labels);  // an old one stays as it is
    return {};
  });
}

Result<> FakeEngine::remove_volume(const std::string& name) {
  return state_->operation("remove_volume " + name, [&]() -> Result<> {
    if (!state_->volumes.contains(name)) return fail(Errc::not_found, "get " + name + ": no such volume");
    for (const auto& [id, container] : state_->containers)
      for (const json& mount : container.inspected["Mounts"])
        if (mount.value("Name", "") == name)
          return fail(Errc::failed, "remove " + name + ": volume is in use - [" + id + "]");
    std::filesystem::remove_all(state_->volumes[name]["Mountpoint"].get<std::string>());
    state_->volumes.erase(name);
    return {};
  });
}

Result<std::vector<engine::NetworkInfo>> FakeEngine::list_networks(const std::vector<std::string>& labels) {
  return state_->operation("list_networks", [&]() -> Result<std::vector<engine::NetworkInfo>> {
    std::vector<engine::NetworkInfo> all;
    for (const auto& [name, network] : state_->networks) {
      if (!has_labels(network["Labels"], labels)) continue;
      TRY_ASSIGN(info, engine::decode_network(network));
      all.push_back(info);
    }
    return all;
  });
}

Result<engine::NetworkInfo> FakeEngine::inspect_network(const std::string& network) {
  return state_->operation("inspect_network " + network, [&]() -> Result<engine::NetworkInfo> {
    const std::string name = state_->network_name(network);
    if (!state_->networks.contains(name)) return fail(Errc::not_found, "network " + name + " not found");
    return engine::decode_network(state_->networks[name]);
  });
}

Result<std::string> FakeEngine::create_network(const json& body) {
  const std::string name = body.at("Name");
  return state_->operation("create_network " + name, [&]() -> Result<std::string> {
    if (state_->networks.contains(name))
      return fail(Errc::exists, "create network " + name + ": network with name " + name + " already exists");
    json network = body;
    network["Id"] = state_->next_id();
    state_->networks[name] = network;
    return network["Id"].get<std::string>();
  });
}

Result<> FakeEngine::remove_network(const std::string& network) {
  return state_->operation("remove_network " + state_->network_name(network), [&]() -> Result<> {
    const std::string name = state_->network_name(network);
    if (!state_->networks.contains(name)) return fail(Errc::not_found, "network " + name + " not found");
    for (const auto& [id, container] : state_->containers)
      if (test::status_of(container) == "running" && networks_of(container).contains(name))
        return fail(Errc::failed, "remove network " + name + ": it has active endpoints");
    state_->networks.erase(name);
    return {};
  });
}

Result<> FakeEngine::connect_network(const std::string& network, const engine::ContainerId& container,
                                     const json& endpoint) {
  const std::string what = "connect_network " + state_->network_name(network) + " " + state_->name_of(container);
  return state_->operation(what, [&]() -> Result<> {
    const std::string name = state_->network_name(network);
    TRY_ASSIGN(found, state_->get(container));
    if (!state_->networks.contains(name)) return fail(Errc::not_found, "network " + name + " not found");
    json& networks = found->inspected["NetworkSettings"]["Networks"];
    if (networks.contains(name)) return fail(Errc::failed, "endpoint already exists in network " + name);
    networks[name] = endpoint;
    networks[name]["NetworkID"] = state_->networks[name]["Id"];
    return {};
  });
}

Result<engine::ImageInfo> FakeEngine::inspect_image(const std::string& reference) {
  return state_->operation("inspect_image " + reference, [&]() -> Result<engine::ImageInfo> {
    for (const auto& [known, image] : state_->images)
      if (known == reference || image["Id"] == reference ||
          std::ranges::contains(image["RepoDigests"], json(reference)))
        return engine::decode_image(image);
    return fail(Errc::not_found, "No such image: " + reference);
  });
}

Result<> FakeEngine::pull_image(const std::string& reference, const engine::PullProgress& progress,
                                std::stop_token stop) {
  return state_->operation("pull_image " + reference, [&]() -> Result<> {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    if (!std::ranges::contains(state_->pullable, reference))
      return fail(Errc::not_found, "pull image " + reference + ": pull access denied");
    if (progress) progress("layer 1: pull complete");
    state_->make_image(reference, {});
    return {};
  });
}

Result<std::string> FakeEngine::import_image(stream::ByteSource& tar, const std::string& reference,
                                             const std::vector<std::string>&) {
  return state_->operation("import_image " + reference, [&]() -> Result<std::string> {
    TRY_ASSIGN(bytes, stream::read_all(tar, std::size_t{256} << 20U));
    if (bytes.empty()) return fail(Errc::failed, "import image " + reference + ": empty");
    state_->make_image(reference, {});
    return state_->images[reference]["Id"].get<std::string>();
  });
}

Result<> FakeEngine::tag_image(const std::string& image, const std::string& reference) {
  return state_->operation("tag_image " + reference, [&]() -> Result<> {
    for (const auto& [known, found] : state_->images) {
      if (known != image && found["Id"] != image) continue;
      json tagged = found;
      tagged["RepoTags"] = {reference};
      state_->images[reference] = std::move(tagged);
      return {};
    }
    return fail(Errc::not_found, "No such image: " + image);
  });
}

Result<> FakeEngine::remove_image(const std::string& reference) {
  return state_->operation("remove_image " + reference, [&]() -> Result<> {
    if (state_->images.erase(reference) == 0) return fail(Errc::not_found, "No such image: " + reference);
    return {};
  });
}

}  // namespace davit::test
