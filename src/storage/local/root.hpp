#pragma once
// The root of a local repository, as its parts share it.

#include <string>

#include "storage/local/local_storage.hpp"
#include "util/unique_fd.hpp"

namespace davit::storage {

struct LocalStorage::Root {
  UniqueFd fd;
  std::string shown;  // its path, for messages
};

namespace local {

[[nodiscard]] Result<std::unique_ptr<Publication>> begin_publication(std::shared_ptr<const LocalStorage::Root> root,
                                                                     std::string_view prefix, std::string_view run);
[[nodiscard]] Result<std::vector<std::string>> sweep_staging(const LocalStorage::Root& root,
                                                             const std::vector<std::string>& alive);

}  // namespace local
}  // namespace davit::storage
