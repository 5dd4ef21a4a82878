#pragma once
// What stands in the way of a restore into a place. Pure: from what was seen to a list of conflicts.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sources/volume_plan.hpp"

namespace davit::sources {

// Whether `--replace` was given changes nothing here: what may be replaced is said, and marked as replaceable.
struct PlaceCheck {
  std::string what;                                 // "volume shop_uploads"
  std::vector<const engine::ContainerInfo*> users;  // running containers in whose way it is
  helper::Probe seen;
  // Where the place is yet to be made: what is free on the file system that it will be on, if that could be found out.
  std::optional<std::uint64_t> free_around;
  std::vector<std::string> left_out;  // globs of what the backup has not, and a restore of the whole removes
  bool same_contents = false;         // what is there is what the backup holds
  std::uint64_t needed_bytes = 0;     // of the new contents, which come to lie beside the old ones
  std::string stack;
};
[[nodiscard]] std::vector<Conflict> check_place(const PlaceCheck& check);

// What is replaced as a whole would take the backups in it along, the one that is restored among them: nothing permits
// that.
[[nodiscard]] std::optional<Conflict> check_backups(const std::string& what, std::string_view host_path,
                                                    const std::vector<std::string>& skip_paths);

// A volume that exists where another was backed up. `recorded` is nothing where the backup doesn't know its options.
[[nodiscard]] std::vector<Conflict> check_volume(const engine::VolumeInfo& present, const engine::VolumeInfo* recorded);

// Files by path below `directory`: those that are there with other contents. A digest that is empty is one that isn't
// known.
struct FileCheck {
  std::string path;
  bool present = false;
  std::string recorded_digest;
  std::string present_digest;
};
[[nodiscard]] std::vector<Conflict> check_files(const std::string& directory, const std::vector<FileCheck>& files);

}  // namespace davit::sources
