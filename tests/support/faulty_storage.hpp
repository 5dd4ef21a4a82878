#pragma once
// A storage that fails when told to. Every call to it, to its writers, publications and sources is one operation;
// operations are counted from 1. Used to run a sequence with the fault at every k. Threads may share it
// as long as it doesn't play dead.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "storage/storage.hpp"

namespace davit::test {

struct Faults {
  std::uint64_t fail_at = 0;  // the operation that fails; 0: none
  bool after_effect = false;  // it is done, and its answer is lost; otherwise it is not done
  bool dead_after = false;    // all later ones fail too, and nothing is tidied up: as if the program had been killed
  Errc code = Errc::unavailable;                 // of the error
  std::optional<std::uint64_t> cut_reads_after;  // a source fails with Errc::corrupt behind this many bytes
  std::optional<std::uint64_t> flip_byte_at;     // a source flips one bit of the byte at this offset of the object
};

class FaultyStorage : public storage::Storage {
 public:
  // REQUIRES: `inner` outlives the storage.
  explicit FaultyStorage(storage::Storage& inner, Faults faults = {});
  ~FaultyStorage() override;

  [[nodiscard]] std::uint64_t operations() const;
  // Whether the fault has happened.
  [[nodiscard]] bool failed() const;
  // From here on everything fails, as behind a fault with `dead_after`.
  void die();
  // Called by a fault that is `dead_after`: whatever else belongs to the program dies, too.
  void on_death(std::function<void()> call);

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                 std::uint64_t offset = 0) const override;
  [[nodiscard]] Result<storage::ObjectInfo> stat(std::string_view key) const override;
  [[nodiscard]] Result<std::vector<storage::ObjectInfo>> list(std::string_view prefix) const override;
  [[nodiscard]] Result<std::unique_ptr<storage::ObjectWriter>> create(std::string_view key) override;
  [[nodiscard]] Result<std::unique_ptr<storage::Publication>> stage(std::string_view prefix,
                                                                    std::string_view run) override;
  [[nodiscard]] Result<> remove(std::string_view key) override;
  [[nodiscard]] Result<std::vector<std::string>> sweep(const std::vector<std::string>& alive) override;

  struct Control;

 private:
  storage::Storage& inner_;
  std::shared_ptr<Control> control_;
};

}  // namespace davit::test
