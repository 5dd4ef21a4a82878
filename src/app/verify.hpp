#pragma once
// The use case of `davit verify`: is what is stored still what was stored, and would it restore?

#include <string>
#include <vector>

#include "app/source_set.hpp"
#include "catalog/catalog.hpp"
#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

struct VerifyOptions {
  std::string stack;
  std::vector<std::string> backups;  // ids, beginnings, "latest"; empty: all (of the stack)
  bool deep = false;  // also decode every archive, and run every dump through the tool that would restore it
};

struct VerifiedArtefact {
  std::string backup;
  std::string path;  // "manifest.json" for one that can't be read
  std::uint64_t bytes = 0;
  std::string problem;        // empty: good
  Errc code = Errc::corrupt;  // of the problem
};

struct VerifyReport {
  int backups = 0;
  std::vector<VerifiedArtefact> artefacts;
  void add(VerifyReport more);
  [[nodiscard]] int problems() const;
  // The kind of error that the whole ends with: corrupt before unavailable. REQUIRES: problems() > 0.
  [[nodiscard]] Errc worst() const;
};

// Reads every byte of the backups. Problems are in the report: an error only says that verifying could not go on.
[[nodiscard]] Result<VerifyReport> run_verify(const storage::StorageReader& storage, const SourceSet& sources,
                                              const VerifyOptions& options, RunContext& run);

}  // namespace davit::app
