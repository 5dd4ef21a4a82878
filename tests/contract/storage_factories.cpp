#include "storage_factories.hpp"

#include <stdexcept>

#include "storage/local/local_storage.hpp"
#include "storage/memory_storage.hpp"
#include "storage/s3/s3_storage.hpp"
#include "support/fake_s3.hpp"
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

// A server in memory. Real ones: see make_real_s3.
StorageFixture make_s3() {
  static const Clock clock;
  auto server = std::make_shared<FakeS3>();
  auto opened = storage::s3::open(server->options("some/prefix"), clock);
  if (!opened) throw std::runtime_error(opened.error().message());
  return {server, std::move(*opened)};
}

}  // namespace

std::vector<StorageFactory> storage_factories() {
  return {{"memory", make_memory}, {"local", make_local}, {"faulty over memory", make_faulty}, {"s3", make_s3}};
}

}  // namespace davit::test
