#pragma once
// Bringing back a place, which is a volume or a directory, from a tar: what volumes, bind mounts and files have in
// common.

#include <memory>
#include <string>
#include <vector>

#include "sources/source.hpp"

namespace davit::sources {

struct PlaceTarget {
  helper::Place place;
  std::vector<std::string> paths;  // only these; empty: the archive becomes all of its contents
  bool made = false;               // the volume was made for this restore, and goes when that is rolled back
};

// Opens a helper that may write, makes the directories above a place that is to be made, and first puts back what a
// dead run left there. Where it fails, a volume that was made is removed.
[[nodiscard]] Result<std::unique_ptr<Restoration>> restore_place(helper::Host& host, const PlaceTarget& target,
                                                                 RunContext& run);

// What is in a place. A directory that isn't there is `exists == false`.
[[nodiscard]] Result<helper::Probe> probe_place(helper::Host& host, const helper::Place& place,
                                                const std::vector<std::string>& paths, RunContext& run);

// Every container of the Engine that runs (paused ones too), but for davit's own helpers.
[[nodiscard]] Result<std::vector<engine::ContainerInfo>> running_containers(engine::Engine& engine);

// Reads a tar artefact to its verified end.
[[nodiscard]] Result<> verify_tar(const model::Artefact& artefact, stream::ByteSource& stored, RunContext& run);

}  // namespace davit::sources
