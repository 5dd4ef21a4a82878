#pragma once
// A repository in a directory (BACKUP_ROOT). Objects are files of mode 0600 in directories of mode 0700. A set is made
// in `.current/<run>` on the same file system and renamed to its place when it is whole and on stable storage. Symbolic
// links below the root are not followed; the root itself may be one. Thread-safe.

#include <filesystem>
#include <memory>

#include "storage/storage.hpp"

namespace davit::storage {

class LocalStorage : public Storage {
 public:
  enum class Access {
    read,   // the root must exist
    write,  // a missing root is made, but not its parents; one that can't be written to is an error at once
  };
  // `noun` is what its errors call it.
  [[nodiscard]] static Result<std::unique_ptr<LocalStorage>> open(const std::filesystem::path& root, Access access,
                                                                  std::string_view noun = "repository");

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                 std::uint64_t offset = 0) const override;
  [[nodiscard]] Result<ObjectInfo> stat(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<ObjectInfo>> list(std::string_view prefix) const override;
  [[nodiscard]] Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override;
  [[nodiscard]] Result<std::unique_ptr<Publication>> stage(std::string_view prefix, std::string_view run) override;
  // Directories that hold nothing any more go with the object.
  [[nodiscard]] Result<> remove(std::string_view key) override;
  // And objects begun in the root itself. Lives: its maker still has it open (a lock), where there are such locks.
  [[nodiscard]] Result<std::vector<std::string>> sweep(const std::vector<std::string>& alive) override;

  struct Root;

 private:
  explicit LocalStorage(std::shared_ptr<const Root> root);
  std::shared_ptr<const Root> root_;  // shared with publications, which may outlive the storage
};

}  // namespace davit::storage
