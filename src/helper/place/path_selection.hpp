#pragma once
// Paths inside a place: taking them apart safely, and which of them a job is about.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::helper {

// The components of a relative path, without "." and empty ones: "./a//b/" is a, b; "./" is none at all.
// Errc::usage for a path that is empty or absolute, contains "..", a zero byte, or a name longer than 255 bytes.
[[nodiscard]] Result<std::vector<std::string>> split_relative(std::string_view path);
[[nodiscard]] std::string join_path(const std::vector<std::string>& components);

// Everything below a directory, or only some paths and what is below them.
class PathSelection {
 public:
  // No paths at all select everything.
  [[nodiscard]] static Result<PathSelection> of(const std::vector<std::string>& paths);

  [[nodiscard]] bool everything() const { return whole_; }
  // Names of this directory that are selected or lead to something selected. Means nothing if everything() is.
  [[nodiscard]] const std::map<std::string, PathSelection, std::less<>>& below() const { return below_; }

  enum class Relation { outside, leads_to, inside };
  [[nodiscard]] Relation relation(const std::vector<std::string>& components) const;

 private:
  bool whole_ = false;
  std::map<std::string, PathSelection, std::less<>> below_;
};

}  // namespace davit::helper
