#pragma once
// Findings while they gather: paths escaped for showing, and no more of one kind than somebody would read.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/finding.hpp"

namespace davit::helper {

class FindingList {
 public:
  static constexpr std::size_t kMostOfAKind = 200;

  // The kind is what stands before the first ':' of `what`. `path` is of any bytes; empty: it concerns the whole place.
  void add(std::string_view path, std::string what);
  // Takes in what is already escaped.
  void append(std::vector<Finding> findings);
  // Everything that was added; kinds that were cut short get one more: "socket, not stored: and 12 more".
  [[nodiscard]] std::vector<Finding> take();

 private:
  void add_escaped(Finding finding);

  std::vector<Finding> findings_;
  std::map<std::string, std::size_t, std::less<>> counts_;
};

}  // namespace davit::helper
