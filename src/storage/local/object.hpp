#pragma once
// Objects as files: written under a temporary name beside the final one, read up to the length they had when opened.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/storage.hpp"
#include "util/unique_fd.hpp"

namespace davit::storage::local {

// What a publication must know of the writers of its set.
struct SetState {
  std::atomic<int> writers = 0;  // not yet committed or dropped
};

// Opens a temporary file (mode 0600 whatever the umask) for the object `key` below `base`, and makes the directories on
// the way. `set` is null for an object that belongs to no set.
[[nodiscard]] Result<std::unique_ptr<ObjectWriter>> create_object(int base, std::string_view key,
                                                                  std::string_view shown,
                                                                  const std::shared_ptr<SetState>& set);

// Removes temporary files that dead processes have left in the directory itself; returns a line for each. Those of a
// live one are locked, where the file system has locks; where it has none, everything stays.
[[nodiscard]] Result<std::vector<std::string>> sweep_temporaries(int base, std::string_view shown);

[[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open_object(int base, std::string_view key,
                                                                      std::string_view shown, std::uint64_t offset);

}  // namespace davit::storage::local
