#pragma once
// A repository in memory, for tests of the layers above and as the plainest reading of the contract. Thread-safe.

#include <memory>

#include "storage/storage.hpp"

namespace davit::storage {

class MemoryStorage : public Storage {
 public:
  MemoryStorage();
  ~MemoryStorage() override;

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                 std::uint64_t offset = 0) const override;
  [[nodiscard]] Result<ObjectInfo> stat(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<ObjectInfo>> list(std::string_view prefix) const override;
  [[nodiscard]] Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override;
  [[nodiscard]] Result<std::unique_ptr<Publication>> stage(std::string_view prefix, std::string_view run) override;
  [[nodiscard]] Result<> remove(std::string_view key) override;
  // Nothing outlives its run in memory, so there is nothing to remove.
  [[nodiscard]] Result<std::vector<std::string>> sweep(const std::vector<std::string>& alive) override;

  struct State;

 private:
  std::shared_ptr<State> state_;  // shared with writers and publications, which may outlive the storage
};

}  // namespace davit::storage
