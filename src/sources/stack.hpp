#pragma once
// A stack as the Engine shows it: the containers, volumes and networks that carry Compose's labels for one project.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "sources/labels.hpp"

namespace davit::sources {

struct Service {
  std::string name;
  std::vector<engine::ContainerInfo> containers;  // by container number; not empty; one-off runs are not among them
  Settings settings;

  // The container to work in: the first that runs, or nothing.
  [[nodiscard]] const engine::ContainerInfo* running_container() const;
};

struct Volume {
  std::string key;  // in the compose file; the Engine's name for volumes that Compose didn't make
  engine::VolumeInfo info;
  Settings settings;
};

struct Stack {
  std::string name;
  std::string project_dir;                // com.docker.compose.project.working_dir; empty if no container tells
  std::vector<std::string> config_files;  // absolute paths
  std::vector<std::string> env_files;     // absolute paths, where Compose recorded them
  std::vector<Service> services;          // by name
  std::vector<Volume> volumes;            // of the project, and others that its services mount (external); by key
  std::vector<engine::NetworkInfo> networks;
  std::map<std::string, engine::ImageInfo, std::less<>> images;  // by reference of the containers
  // Random, kept in the stack's artefact: the digests of small files that a manifest holds are keyed with it, so that
  // they tell nothing about the passwords in these files.
  std::string digest_key;

  [[nodiscard]] const Service* find_service(std::string_view name) const;
  [[nodiscard]] const Volume* find_volume(std::string_view engine_name) const;
  // Names of the services that mount the volume; only those that may write, if `writers`.
  [[nodiscard]] std::vector<std::string> users_of(std::string_view engine_name, bool writers = false) const;
};

// The projects that the Engine knows, by name, with the number of running containers.
struct StackSummary {
  std::string name;
  int running = 0;
};
[[nodiscard]] Result<std::vector<StackSummary>> list_stacks(engine::Engine& engine);

// Errc::not_found with a hint that names the stacks there are. Labels that are wrong are Errc::usage.
[[nodiscard]] Result<Stack> discover(engine::Engine& engine, const std::string& name);

}  // namespace davit::sources
