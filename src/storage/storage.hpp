#pragma once
// Where bytes rest. A key is a relative path of one or more parts separated by '/', each part of any bytes but '/' and NUL,
// not empty, not "." or "..". Errc::usage for any other key.
//
// What every implementation promises (tests/contract holds each of them to it):
// - An object is there whole or not at all. What was written without commit() is never seen.
// - After commit() every reader sees the object, and it is on stable storage.
// - An existing object is never replaced: Errc::exists.
// - Absent is not failed: a missing key is Errc::not_found, and only that.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/byte_stream.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace davit::storage {

struct ObjectInfo {
  std::string key;
  std::uint64_t bytes = 0;
  TimePoint modified;
};

// Writing one object. finish() says that all bytes were written; commit() stores it under its key.
// Dropped without commit(): nothing is stored, and nothing stays behind.
class ObjectWriter : public stream::ByteSink {
 public:
  // REQUIRES: finish() succeeded. Once.
  [[nodiscard]] virtual Result<ObjectInfo> commit() = 0;
};

// A set of objects below one prefix that becomes a whole with its last object. Keys are relative to the prefix.
// Until publish() the set has no last object, so nobody takes it for complete; where the storage can (a directory), nothing
// of it is seen at all. Dropped without publish(): everything is removed, as far as that is possible.
class Publication {
 public:
  virtual ~Publication() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) = 0;
  // Makes everything durable, stores `last_key` with `bytes` behind all others, and makes the set visible. If a set is
  // there already: Errc::exists, and it stays as it is. After an error the set is not visible.
  [[nodiscard]] virtual Result<> publish(std::string_view last_key, std::string_view bytes) = 0;
  // Removes what was written. Errors say what was left behind.
  [[nodiscard]] virtual Result<> discard() = 0;
};

class StorageReader {
 public:
  virtual ~StorageReader() = default;
  // For messages: "/backups", "s3://bucket/prefix".
  [[nodiscard]] virtual std::string describe() const = 0;
  // Reads the object from `offset` on. Its end is verified against the length the object had when it was opened.
  [[nodiscard]] virtual Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                         std::uint64_t offset = 0) const = 0;
  [[nodiscard]] virtual Result<ObjectInfo> stat(std::string_view key) const = 0;
  // All objects whose key begins with `prefix` (a text prefix, may end anywhere), sorted by key. Unfinished
  // objects and sets of a directory are not among them.
  [[nodiscard]] virtual Result<std::vector<ObjectInfo>> list(std::string_view prefix) const = 0;
};

class Storage : public StorageReader {
 public:
  [[nodiscard]] virtual Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) = 0;
  // Begins a set below `prefix` ("backups/shop/20261121T083000Z"); `run` names it while it is being made.
  [[nodiscard]] virtual Result<std::unique_ptr<Publication>> stage(std::string_view prefix, std::string_view run) = 0;
  // Removes one object. Fine if it is gone.
  [[nodiscard]] virtual Result<> remove(std::string_view key) = 0;
  // Removes what dead runs have left in staging, but for those in `alive`; returns a line for each thing removed.
  [[nodiscard]] virtual Result<std::vector<std::string>> sweep(const std::vector<std::string>& alive) = 0;
};

}  // namespace davit::storage
