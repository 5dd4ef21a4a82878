#include "helper/place/finding_list.hpp"

#include <utility>

#include "util/text.hpp"

namespace davit::helper {

void FindingList::add(std::string_view path, std::string what) {
  add_escaped({.item = {}, .path = escape_for_display(path), .what = std::move(what)});
}

void FindingList::append(std::vector<Finding> findings) {
  for (Finding& finding : findings) add_escaped(std::move(finding));
}

void FindingList::add_escaped(Finding finding) {
  const std::size_t count = ++counts_[finding.what.substr(0, finding.what.find(':'))];
  if (count <= kMostOfAKind) findings_.push_back(std::move(finding));
}

std::vector<Finding> FindingList::take() {
  for (const auto& [kind, count] : counts_) {
    if (count <= kMostOfAKind) continue;
    findings_.push_back(
        {.item = {}, .path = {}, .what = kind + ": and " + std::to_string(count - kMostOfAKind) + " more"});
  }
  counts_.clear();
  return std::exchange(findings_, {});
}

}  // namespace davit::helper
