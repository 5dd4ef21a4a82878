#pragma once
// Which items a run takes: `--only` and `--exclude`, each a list of KIND:NAME, where both parts may be patterns of `*`
// and `?`.

#include <string>
#include <vector>

#include "model/item.hpp"

namespace davit::app {

struct Selection {
  std::vector<std::string> only;
  std::vector<std::string> exclude;

  // The definition of the stack is always taken: no restore works without it.
  [[nodiscard]] bool takes(const model::ItemId& id) const;
  // Every pattern has the form KIND:NAME (Errc::usage) and matches at least one of the items (Errc::not_found, naming
  // them).
  [[nodiscard]] Result<> check(const std::vector<model::ItemId>& items) const;
};

}  // namespace davit::app
