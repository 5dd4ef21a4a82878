#include "app/selection.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::app {
namespace {

bool any_matches(const std::vector<std::string>& patterns, const model::ItemId& id) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return matches_glob(pattern, id.text()); });
}

Result<> check_one(std::string_view flag, const std::string& pattern, const std::vector<model::ItemId>& items) {
  const std::string shown = std::string(flag) + " " + escape_for_display(pattern);
  if (!pattern.contains(':'))
    return fail(Errc::usage, shown + ": not of the form KIND:NAME", "write for instance volume:uploads or postgres:*");
  std::string known;
  for (const model::ItemId& id : items) {
    if (matches_glob(pattern, id.text())) return {};
    known += (known.empty() ? "" : ", ") + escape_for_display(id.text());
  }
  return fail(Errc::not_found, shown + ": no such item",
              known.empty() ? "there are no items" : "the items are " + known);
}

}  // namespace

bool Selection::takes(const model::ItemId& id) const {
  if (id.kind == model::ItemKind::stack) return true;
  return (only.empty() || any_matches(only, id)) && !any_matches(exclude, id);
}

Result<> Selection::check(const std::vector<model::ItemId>& items) const {
  for (const std::string& pattern : only) TRY(check_one("--only", pattern, items));
  for (const std::string& pattern : exclude) TRY(check_one("--exclude", pattern, items));
  return {};
}

}  // namespace davit::app
