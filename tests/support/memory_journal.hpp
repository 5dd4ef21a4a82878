#pragma once
// A journal in memory, which tells what was done with it and fails where a test wants it to. Thread-safe.

#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "util/journal.hpp"

namespace davit::test {

class MemoryJournal : public Journal {
 public:
  using Entries = std::vector<std::pair<std::string, nlohmann::json>>;  // in the order of recording

  [[nodiscard]] Result<> record(std::string_view key, const nlohmann::json& entry) override {
    const std::scoped_lock lock(mutex_);
    TRY(operation("record " + std::string(key)));
    for (auto& [known, old] : entries_)
      if (known == key) {
        old = entry;
        return {};
      }
    entries_.emplace_back(key, entry);
    return {};
  }
  [[nodiscard]] Result<> strike(std::string_view key) override {
    const std::scoped_lock lock(mutex_);
    TRY(operation("strike " + std::string(key)));
    std::erase_if(entries_, [&](const auto& entry) { return entry.first == key; });
    return {};
  }

  // What is in it now, as a guard would find it.
  [[nodiscard]] Entries entries() const {
    const std::scoped_lock lock(mutex_);
    return entries_;
  }
  // "record held/1", "strike held/1", in order, also those that failed.
  [[nodiscard]] std::vector<std::string> log() const {
    const std::scoped_lock lock(mutex_);
    return log_;
  }
  // The n-th operation from here on fails and does nothing, and so do all later ones if `dead`. 0: none.
  void fail_at(std::size_t operation, bool dead = false) {
    const std::scoped_lock lock(mutex_);
    left_ = operation;
    dead_ = dead;
  }

 private:
  Result<> operation(std::string what) {
    log_.push_back(std::move(what));
    if (left_ == 0 || (left_ > 1 && left_-- > 0)) return {};
    if (!dead_) left_ = 0;
    return fail(Errc::failed, log_.back() + ": the guard is gone");
  }

  mutable std::mutex mutex_;
  Entries entries_;
  std::vector<std::string> log_;
  std::size_t left_ = 0;
  bool dead_ = false;
};

}  // namespace davit::test
