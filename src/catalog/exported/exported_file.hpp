#pragma once
// The file of an exported backup as a repository that holds this one backup, to be read in any order. It is read and
// verified as a whole before anything else. Thread-safe.

#include <map>
#include <memory>
#include <string>

#include "catalog/exported/reader.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"
#include "util/unique_fd.hpp"

namespace davit::catalog::exported {

// Opens it for reading. Errc::usage for what is no regular file: a directory, a pipe.
[[nodiscard]] Result<UniqueFd> open_file(const std::string& path);

class ExportedFile : public storage::StorageReader {
 public:
  // Reads every byte. Errc::corrupt if one is missing, or is not what it was.
  [[nodiscard]] static Result<std::unique_ptr<ExportedFile>> open(const std::string& path, RunContext& run);

  [[nodiscard]] const Entry& entry() const { return entry_; }

  [[nodiscard]] std::string describe() const override;
  // Errc::failed if the file was changed since it was verified.
  [[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                 std::uint64_t offset = 0) const override;
  [[nodiscard]] Result<storage::ObjectInfo> stat(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<storage::ObjectInfo>> list(std::string_view prefix) const override;

  struct Opened;  // the file, shared with what is being read of it

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  ExportedFile() = default;
  [[nodiscard]] Result<Place> find(std::string_view key, std::string_view doing) const;

  std::shared_ptr<const Opened> file_;
  Entry entry_;
  std::map<std::string, Place, std::less<>> objects_;  // by key
};

}  // namespace davit::catalog::exported
