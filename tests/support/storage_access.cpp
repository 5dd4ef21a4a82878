#include "support/storage_access.hpp"

#include <random>

namespace davit::test {
namespace {

Result<storage::ObjectInfo> fill(storage::ObjectWriter& writer, std::string_view text) {
  TRY(write_text(writer, text));
  TRY(writer.finish());
  return writer.commit();
}

}  // namespace

Result<> write_text(stream::ByteSink& sink, std::string_view text) {
  return sink.write(std::as_bytes(std::span(text)));
}

Result<storage::ObjectInfo> put(storage::Storage& storage, std::string_view key, std::string_view text) {
  TRY_ASSIGN(writer, storage.create(key));
  return fill(*writer, text);
}

Result<storage::ObjectInfo> put(storage::Publication& set, std::string_view key, std::string_view text) {
  TRY_ASSIGN(writer, set.create(key));
  return fill(*writer, text);
}

Result<std::string> get(const storage::StorageReader& storage, std::string_view key, std::uint64_t offset) {
  TRY_ASSIGN(source, storage.open(key, offset));
  return stream::read_all(*source, 1U << 30U);
}

std::map<std::string, std::string> contents(const storage::StorageReader& storage, std::string_view prefix) {
  auto listed = storage.list(prefix);
  if (!listed) return {{"list", listed.error().message()}};
  std::map<std::string, std::string> found;
  for (const storage::ObjectInfo& info : *listed) {
    auto bytes = get(storage, info.key);
    found[info.key] = bytes ? *bytes : bytes.error().message();
  }
  return found;
}

std::string sample_bytes(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random() & 0xFFU);
  return text;
}

}  // namespace davit::test
