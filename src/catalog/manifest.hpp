#pragma once
// The manifest of a backup: what it holds, and what is needed to bring it back. docs/format.md specifies the file.
// It holds no secret: what may be one (environment, volume options, contents of env files) is in artefacts only.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/item.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/finding.hpp"

namespace davit::catalog {

inline constexpr int kFormatVersion = 1;
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kGuideName = "RESTORE.md";  // lies in every backup, for people
inline constexpr std::string_view kSumsName = "SHA256SUMS";   // in an exported file only
inline constexpr std::size_t kManifestLimit = 64U << 20U;     // bytes; a larger one is no manifest

struct ServiceRecord {
  std::string name;
  std::string image;     // reference
  std::string image_id;  // "sha256:…"
  std::vector<std::string> repo_digests;
  std::string platform;  // "linux/amd64"
  int containers = 1;
};

// A service that was held while its data was read.
struct HeldRecord {
  std::string service;
  std::string how;                    // "paused", "stopped"
  std::chrono::milliseconds time{0};  // from the first to the last moment
  bool operator==(const HeldRecord&) const = default;
};

struct Manifest {
  int format_version = kFormatVersion;
  std::string id;  // "20261121T083000Z-4f2a"
  std::string stack;
  TimePoint started;
  TimePoint finished;
  std::string davit_version;
  std::string engine_version;
  std::string project_dir;  // com.docker.compose.project.working_dir; empty if unknown
  std::vector<ServiceRecord> services;
  std::vector<model::Item> items;
  std::vector<Finding> findings;
  std::vector<model::NotCovered> not_covered;
  std::vector<std::string> needs;  // what a restore will need that was not captured: "network proxy (external)"
  std::vector<HeldRecord> held;

  [[nodiscard]] std::uint64_t stored_bytes() const;
};

// Whether `text` has the form of a backup's id.
[[nodiscard]] bool is_id(std::string_view text);

// JSON, with a SHA-256 of the rest as its last field, so that a flipped byte is noticed. Times lose their fraction of a
// second. Errc::failed: larger than kManifestLimit. Errc::bug for a manifest that parse_manifest() would refuse.
// Neither may be published.
[[nodiscard]] Result<std::string> render_manifest(const Manifest& manifest);
// Errc::corrupt: damaged, or not a manifest. Errc::usage: of a format that this davit doesn't know.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

}  // namespace davit::catalog
