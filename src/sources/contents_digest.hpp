#pragma once
// Whether files that are there are the ones of a backup: a digest over what they hold (names, types, contents, targets
// of links), and not over times, owners and modes, which a fresh checkout of the same files has otherwise.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "helper/session.hpp"
#include "stream/byte_stream.hpp"

namespace davit::sources {

// Passes on, and keeps a copy while that stays within `limit` bytes.
class CaptureSink : public stream::ByteSink {
 public:
  CaptureSink(stream::ByteSink& next, std::size_t limit) : next_(next), limit_(limit) {}
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override { return next_.finish(); }
  // All that was written; nothing if it was more than the limit.
  [[nodiscard]] const std::string* captured() const { return overflowed_ ? nullptr : &captured_; }

 private:
  stream::ByteSink& next_;
  std::size_t limit_;
  std::string captured_;
  bool overflowed_ = false;
};

// How much is kept and compared: configuration, not data.
inline constexpr std::size_t kDigestLimit = 32U << 20U;

// For each path the digest of it and of what is below it in the tar; empty for one that isn't there. Without paths:
// one, of everything. `key` is the stack's digest_key.
[[nodiscard]] Result<std::vector<std::string>> digest_contents(stream::ByteSource& tar, std::string_view key,
                                                               const std::vector<std::string>& paths);

// The same of an artefact that was packed into a CaptureSink. Empty if it was too large.
[[nodiscard]] Result<std::vector<std::string>> digest_captured(const CaptureSink& sink,
                                                               const stream::Encoding& encoding,
                                                               const helper::PackResult& packed, std::string_view key,
                                                               const std::vector<std::string>& paths);
// The same of what is in a place now.
[[nodiscard]] Result<std::vector<std::string>> digest_place(helper::Session& session, std::string_view key,
                                                            const std::vector<std::string>& paths);

// What the symbolic links of a place hold. One that is none, or is gone, is left out.
[[nodiscard]] Result<std::map<std::string, std::string>> read_links(helper::Session& session,
                                                                    const std::vector<std::string>& paths);
// The texts of small files of a place, one behind the other, each ending with a newline.
[[nodiscard]] Result<std::string> read_files(helper::Session& session, const std::vector<std::string>& paths);

}  // namespace davit::sources
