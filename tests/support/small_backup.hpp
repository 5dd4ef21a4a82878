#pragma once
// A backup of a few small artefacts, and the file that it is exported as.

#include <map>
#include <string>

#include "catalog/catalog.hpp"
#include "storage/storage.hpp"

namespace davit::test {

struct SmallBackup {
  std::string stack = "shop";
  std::string id = "20261121T083000Z-4f2a";
  // By path, in this order. Lengths around a block of tar, and nothing at all.
  std::vector<std::pair<std::string, std::string>> artefacts = {{"volumes/uploads.tar.zst", std::string(513, 'u')},
                                                                {"db/db/empty.dump", ""},
                                                                {"stack/definition.json", std::string(512, 'd')}};
  std::string guide = "# how to\n";  // empty: there is no RESTORE.md

  [[nodiscard]] catalog::Entry entry() const { return {stack, id, catalog::key_of(stack, id)}; }
  [[nodiscard]] catalog::Manifest manifest() const;
  // Throws what goes wrong, as the next does.
  void put(storage::Storage& storage) const;
  [[nodiscard]] std::string exported() const;
};

}  // namespace davit::test
