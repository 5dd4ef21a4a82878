#pragma once
// The storages that the contract suite holds to their promises. A new one adds its factory to the table.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/storage.hpp"

namespace davit::test {

// An empty storage, and what keeps it alive.
struct StorageFixture {
  std::shared_ptr<void> place;
  std::unique_ptr<storage::Storage> storage;
};

struct StorageFactory {
  std::string name;
  std::function<StorageFixture()> make;
};
[[nodiscard]] std::vector<StorageFactory> storage_factories();

}  // namespace davit::test
