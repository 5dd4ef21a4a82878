#pragma once
// The file of an exported backup: a tar of its objects of which everything but the bytes of RESTORE.md follows from the
// manifest. What stands where, and the bytes that stand before each object. docs/format.md, "One file". Pure.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/manifest.hpp"
#include "stream/tar_entry.hpp"
#include "util/error.hpp"

namespace davit::catalog::exported {

inline constexpr std::uint64_t kEndBytes = 1024;  // two blocks of zeros

// An object of the backup, as a member of the file.
struct Part {
  std::string path;  // relative to the backup
  std::uint64_t bytes = 0;
  std::string sha256{};  // lowercase hex; empty: known only when its bytes were read
};

class Layout {
 public:
  // Errc::usage for a differential, which is of use only beside the backup that it rests on; Errc::corrupt for sizes
  // that no file has.
  [[nodiscard]] static Result<Layout> of(const Manifest& manifest);

  // "shop/20261121T083000Z-4f2a/": what every name begins with.
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // In the order of the manifest.
  [[nodiscard]] const std::vector<Part>& artefacts() const { return artefacts_; }
  // What tar says of the member.
  [[nodiscard]] stream::TarEntry entry(std::string_view path, std::uint64_t bytes) const;
  // The same as the bytes that stand before those of the member.
  [[nodiscard]] std::string header(std::string_view path, std::uint64_t bytes) const;
  // The length of a file with these parts before SHA256SUMS.
  [[nodiscard]] std::uint64_t total(std::span<const Part> parts) const;

 private:
  std::string directory_;
  std::vector<Part> artefacts_;
  std::int64_t mtime_ns_ = 0;
};

// What fills the last block behind so many bytes.
[[nodiscard]] std::size_t padding_behind(std::uint64_t bytes);

// The text of SHA256SUMS, as sha256sum(1) writes and checks it. REQUIRES: every digest is known.
[[nodiscard]] std::string render_sums(std::span<const Part> parts);

}  // namespace davit::catalog::exported
