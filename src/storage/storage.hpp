#pragma once
// Where bytes rest. A key is a relative path of one or more parts separated by '/': each part 1 to 255 bytes of any
// value but '/' and NUL, not beginning with '.'; the whole at most 800 bytes (docs/format.md). Errc::usage for any
// other key.
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

inline constexpr std::size_t kMaxKeyBytes = 800;
inline constexpr std::size_t kMaxPartBytes = 255;
// Errc::usage, saying what is wrong with it, unless `key` is one.
[[nodiscard]] Result<> check_key(std::string_view key);
// The same for the name of a run: one part of a key.
[[nodiscard]] Result<> check_run(std::string_view run);

struct ObjectInfo {
  std::string key;
  std::uint64_t bytes = 0;
  TimePoint modified;
};

// Writing one object. finish() says that all bytes were written; commit() stores it under its key.
// Dropped without commit(): nothing is stored, and nothing stays behind.
class ObjectWriter : public stream::ByteSink {
 public:
  // REQUIRES: finish() succeeded. Once. Errc::exists if the key was taken meanwhile.
  [[nodiscard]] virtual Result<ObjectInfo> commit() = 0;
};

// A set of objects below one prefix that becomes a whole with its last object. Keys are relative to the prefix.
// Until publish() the set has no last object, so nobody takes it for complete; where the storage can (a directory),
// nothing of it is seen at all. Dropped without publish(): everything is removed, as far as that is possible.
class Publication {
 public:
  virtual ~Publication() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) = 0;
  // Makes everything durable, stores `last_key` with `bytes` behind all others, and makes the set visible. If a set is
  // there already: Errc::exists, and it stays as it is. After an error the set is not visible;
  // if a device that died in the last step makes that impossible, it is whole, and the error says so.
  // REQUIRES: every writer of the set was committed or dropped (Errc::bug otherwise). Once.
  [[nodiscard]] virtual Result<> publish(std::string_view last_key, std::string_view bytes) = 0;
  // Removes what was written. Errors say what was left behind. Fine after publish(): does nothing then.
  [[nodiscard]] virtual Result<> discard() = 0;
};

class StorageReader {
 public:
  virtual ~StorageReader() = default;
  // For messages: "/backups", "s3://bucket/prefix".
  [[nodiscard]] virtual std::string describe() const = 0;
  // Reads the object from `offset` on. Its end is verified against the length the object had when it was opened.
  // An offset behind the end is Errc::usage.
  [[nodiscard]] virtual Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                         std::uint64_t offset = 0) const = 0;
  [[nodiscard]] virtual Result<ObjectInfo> stat(std::string_view key) const = 0;
  // All objects whose key begins with `prefix` (a text prefix, may end anywhere), sorted by the bytes of the key.
  // Unfinished objects and sets of a directory are not among them, nor is what has no key (a file ".x", a symbolic
  // link).
  [[nodiscard]] virtual Result<std::vector<ObjectInfo>> list(std::string_view prefix) const = 0;
};

class Storage : public StorageReader {
 public:
  // Errc::exists if the key is taken; whether that shows here or at commit() is open.
  [[nodiscard]] virtual Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) = 0;
  // Begins a set below `prefix` ("backups/shop/20261121T083000Z-4f2a"); `run`, one part of a key, names it while it is
  // being made: Errc::exists if a set of that name is being made or was left.
  [[nodiscard]] virtual Result<std::unique_ptr<Publication>> stage(std::string_view prefix, std::string_view run) = 0;
  // Removes one object, durably. Fine if it is gone.
  [[nodiscard]] virtual Result<> remove(std::string_view key) = 0;
  // Removes what dead runs have left in staging, but for those in `alive` and those that are seen to live; returns a
  // line for each thing removed.
  [[nodiscard]] virtual Result<std::vector<std::string>> sweep(const std::vector<std::string>& alive) = 0;
};

}  // namespace davit::storage
