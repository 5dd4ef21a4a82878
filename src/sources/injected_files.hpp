#pragma once
// Files that Compose has written into a container between its making and its start: configs with `content`, and configs
// and secrets from `environment`. They are in no image and no mount, and what the Engine says of a container doesn't
// tell of them; without them a container that is made anew would start without its configuration, and Compose would
// find nothing amiss. They go into the container's record.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "util/error.hpp"

namespace davit::sources {

struct InjectedFile {
  std::string path;  // absolute
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string contents;  // as secret as the environment
};
struct InjectedFiles {
  std::vector<InjectedFile> files;
  std::vector<std::string> too_large;  // paths of those of more than 1 MB, which aren't taken
  std::size_t unseen = 0;              // how many files of the container were not looked at: there are too many
};

// They are told by their time: Compose (pkg/compose/secrets.go) copies a tar, so it is that of the container's making,
// in whole seconds. What a program has written has a fraction of a second. Of a container that has written thousands of
// files, those are looked at that have few others beside them.
[[nodiscard]] Result<InjectedFiles> find_injected_files(engine::Engine& engine, const engine::ContainerInfo& container);

// The field "DavitFiles" of the record (ContainerInfo::raw).
[[nodiscard]] Result<> record_injected_files(engine::ContainerInfo& container, const std::vector<InjectedFile>& files);
// Errc::corrupt for anything that record_injected_files() does not write. Most containers have none.
[[nodiscard]] Result<std::vector<InjectedFile>> recorded_injected_files(const engine::ContainerInfo& container);

// The record without them, such as for a container in which nothing of the service's runs: they may be large.
[[nodiscard]] std::string without_injected_files(const engine::ContainerInfo& container);

// Puts what was recorded into a container that was made of the record, and was not started yet; as Compose would, so
// that another backup finds them again.
[[nodiscard]] Result<> put_injected_files(engine::Engine& engine, const engine::ContainerId& made,
                                          const engine::ContainerInfo& recorded);

}  // namespace davit::sources
