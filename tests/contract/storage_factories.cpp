#include "storage_factories.hpp"

#include <stdexcept>

#include "storage/local/local_storage.hpp"
#include "storage/memory_storage.hpp"
#include "support/faulty_storage.hpp"
#include "support/temporary_directory.hpp"

namespace davit::test {
namespace {

StorageFixture make_memory() { return {nullptr, std::make_unique<storage::MemoryStorage>()}; }

StorageFixture make_local() {
  auto directory = std::make_shared<TemporaryDirectory>();
  auto opened = storage::LocalStorage::open(directory->path() / "repository", storage::LocalStorage::Access::write);
  if (!opened) throw std::runtime_error(opened.error().message());
  return {directory, std::move(*opened)};
}

// The fault injection of other tests must not change what it passes on.
StorageFixture make_faulty() {
  auto inner = std::make_shared<storage::MemoryStorage>();
  return {inner, std::make_unique<FaultyStorage>(*inner)};
}

}  // namespace

std::vector<StorageFactory> storage_factories() {
  return {{"memory", make_memory}, {"local", make_local}, {"faulty over memory", make_faulty}};
}

}  // namespace davit::test
