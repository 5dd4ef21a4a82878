#pragma once
// Where a path of the backup's host goes, when the restore puts the project elsewhere. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace davit::sources {

struct MovedPaths {
  // A directory and everything below it; both absolute, without a slash at the end.
  struct Move {
    std::string from;
    std::string to;
  };
  std::vector<Move> moves = {};  // none: everything stays where it was

  // The path as it is on the new host: by the longest `from` that holds it; as it is where none does.
  [[nodiscard]] std::string operator()(std::string_view path) const;
  [[nodiscard]] bool moves_any(std::string_view path) const { return (*this)(path) != path; }
};

}  // namespace davit::sources
