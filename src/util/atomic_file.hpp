#pragma once
// Writes a file so that its name holds the old contents or the new ones, whole and on stable storage: temporary name in
// the same directory, fsync, rename, fsync of the directory. Without commit() nothing stays behind.

#include <cstddef>
#include <filesystem>
#include <span>

#include "util/error.hpp"
#include "util/unique_fd.hpp"

namespace davit {

class AtomicFile {
 public:
  // Opens a temporary file (mode 0600) beside `path`.
  static Result<AtomicFile> create(std::filesystem::path path);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  [[nodiscard]] Result<> write(std::span<const std::byte> bytes);
  // Publishes under the name. With `replace` false an existing file is Errc::exists and stays untouched.
  [[nodiscard]] Result<> commit(bool replace = true);

 private:
  AtomicFile(std::filesystem::path path, std::filesystem::path temporary, UniqueFd fd);
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  UniqueFd fd_;
};

// fsync of a directory, so that a rename in it is durable.
[[nodiscard]] Result<> sync_directory(const std::filesystem::path& directory);

}  // namespace davit
