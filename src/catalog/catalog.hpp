#pragma once
// Which backups a repository holds. A backup exists once its manifest exists.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/manifest.hpp"
#include "storage/storage.hpp"

namespace davit::catalog {

struct Entry {
  std::string stack;
  std::string id;
  std::string key;  // "backups/shop/20261121T083000Z-4f2a"
};

// A new id: the time in UTC and four random hex digits, so that ids sort by time.
[[nodiscard]] std::string make_id(TimePoint started);
[[nodiscard]] std::string key_of(std::string_view stack, std::string_view id);

// All backups, of one stack if `stack` is not empty, oldest first. Directories without a manifest are no backups.
[[nodiscard]] Result<std::vector<Entry>> list(const storage::StorageReader& storage, std::string_view stack = {});
// By id, by a beginning of an id that only one has, or "latest" (the newest of the stack). Errc::not_found with a hint
// that names what there is; Errc::usage for an ambiguous beginning, naming the candidates. With an empty `stack`,
// "latest" needs that the repository holds one stack only.
[[nodiscard]] Result<Entry> find(const storage::StorageReader& storage, std::string_view stack, std::string_view id);
// The hint for a backup that is damaged.
inline constexpr std::string_view kTakeAnother = "take another backup; `davit verify` says which are whole";
[[nodiscard]] Result<Manifest> load(const storage::StorageReader& storage, const Entry& entry);
// The same in two steps, for whoever needs the bytes of the manifest, too.
[[nodiscard]] Result<std::string> load_text(const storage::StorageReader& storage, const Entry& entry);
[[nodiscard]] Result<Manifest> manifest_of(const Entry& entry, std::string_view text);

}  // namespace davit::catalog
