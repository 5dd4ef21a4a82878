#pragma once
// The journal of a guard on its own disk: one small file, replaced as a whole with each change.

#include <string>
#include <string_view>

#include "helper/guard/rescue_report.hpp"
#include "util/error.hpp"

namespace davit::helper {

class JournalFile {
 public:
  // Reads `directory`/journal, or makes an empty one. Errc::corrupt if it is none of ours.
  [[nodiscard]] static Result<JournalFile> open(const std::string& directory);

  // It was there already: somebody kept it before, and ended without saying that all was well.
  [[nodiscard]] bool found() const { return found_; }
  [[nodiscard]] const JournalEntries& entries() const { return entries_; }
  // On stable storage when it returns; after an error as it was, or, if only its directory could not be synced,
  // changed. An entry of the same key is replaced where it stands.
  [[nodiscard]] Result<> record(std::string_view key, nlohmann::json entry);
  // As well. Fine if there is no such entry.
  [[nodiscard]] Result<> strike(std::string_view key);

 private:
  explicit JournalFile(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Result<> write(JournalEntries entries);
  std::string directory_;
  JournalEntries entries_;
  bool found_ = false;
};

}  // namespace davit::helper
