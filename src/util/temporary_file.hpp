#pragma once
// A small file of this process's own, for libraries that take a path and no bytes.

#include <memory>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit {

// In the directory for temporary files, with mode 0600; gone with the object.
class TemporaryFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const TemporaryFile>> make(std::string_view contents);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace davit
