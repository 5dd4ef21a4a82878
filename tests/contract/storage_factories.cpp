#include "storage_factories.hpp"

#include <unistd.h>

#include <stdexcept>

#include "storage/local/local_storage.hpp"
#include "storage/memory_storage.hpp"
#include "storage/s3/s3_storage.hpp"
#include "support/fake_s3.hpp"
#include "support/faulty_storage.hpp"
#include "support/temporary_directory.hpp"
#include "util/env.hpp"

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

// A server in memory.
StorageFixture make_s3() {
  static const Clock clock;
  auto server = std::make_shared<FakeS3>();
  auto opened = storage::s3::open(server->options("some/prefix"), clock);
  if (!opened) throw std::runtime_error(opened.error().message());
  return {server, std::move(*opened)};
}

// A real server, where this variable says "s3://bucket/prefix"; how it is reached, other variables say as they say to
// davit. Each storage has a prefix of its own below that.
constexpr std::string_view kRealS3 = "DAVIT_CONTRACT_S3";

StorageFixture make_real_s3() {
  static const Clock clock;
  static int number = 0;
  const Environment environment = Environment::of_process();
  auto location = storage::s3::parse_location(environment.get(kRealS3).value_or(""));
  if (!location) throw std::runtime_error(location.error().message());
  location->prefix += "/" + std::to_string(::getpid()) + "-" + std::to_string(++number);
  storage::s3::Settings settings;
  settings.allow_http = true;
  auto options = storage::s3::resolve(*location, settings, environment);
  if (!options) throw std::runtime_error(options.error().message());
  auto opened = storage::s3::open(*options, clock);
  if (!opened) throw std::runtime_error(opened.error().message());
  return {nullptr, std::move(*opened)};
}

}  // namespace

std::vector<StorageFactory> storage_factories() {
  if (Environment::of_process().get(kRealS3)) return {{"s3 on a real server", make_real_s3}};
  return {{"memory", make_memory}, {"local", make_local}, {"faulty over memory", make_faulty}, {"s3", make_s3}};
}

}  // namespace davit::test
