#pragma once
// Short ways to put objects into a storage and to read them, for tests.

#include <map>
#include <string>
#include <string_view>

#include "storage/storage.hpp"

namespace davit::test {

[[nodiscard]] Result<> write_text(stream::ByteSink& sink, std::string_view text);
// Writes, finishes and commits.
[[nodiscard]] Result<storage::ObjectInfo> put(storage::Storage& storage, std::string_view key, std::string_view text);
[[nodiscard]] Result<storage::ObjectInfo> put(storage::Publication& set, std::string_view key, std::string_view text);
// Reads to the verified end.
[[nodiscard]] Result<std::string> get(const storage::StorageReader& storage, std::string_view key,
                                      std::uint64_t offset = 0);
// What the keys below `prefix` hold. An error shows as the contents.
[[nodiscard]] std::map<std::string, std::string> contents(const storage::StorageReader& storage,
                                                          std::string_view prefix = {});
// `bytes` of text that doesn't compress to nothing and differs by `seed`.
[[nodiscard]] std::string sample_bytes(std::size_t bytes, unsigned seed = 1);

}  // namespace davit::test
