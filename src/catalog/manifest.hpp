#pragma once
// The manifest of a backup: what it holds, and what is needed to bring it back. docs/format.md specifies the file.
// It holds no secret: what may be one (environment, volume options, contents of env files) is in artefacts only.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/encoding.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/finding.hpp"

namespace davit::catalog {

inline constexpr int kFormatVersion = 1;
inline constexpr std::string_view kManifestName = "manifest.json";

// One thing that is protected. `volume:uploads`, `bind:config`, `files:project`, `postgres:db`, `stack:definition`.
enum class ItemKind { volume, bind, files, postgres, stack };
[[nodiscard]] std::string_view name_of(ItemKind kind);
struct ItemId {
  ItemKind kind = ItemKind::volume;
  std::string name;
  auto operator<=>(const ItemId&) const = default;
  [[nodiscard]] std::string text() const;  // "volume:uploads"
};
// Errc::usage, with the kinds that exist, for anything else.
[[nodiscard]] Result<ItemId> parse_item_id(std::string_view text);

// What state the contents of an item were in when they were read.
enum class Consistency { stopped, paused, dump, physical_wal, snapshot, live };
[[nodiscard]] std::string_view name_of(Consistency consistency);

// What the plain bytes of an artefact are, and so which tool opens them.
enum class Content { tar, pg_custom, sql, json };
[[nodiscard]] std::string_view name_of(Content content);

struct Artefact {
  std::string path;  // below the backup: "volumes/uploads.tar.zst"
  Content content = Content::tar;
  stream::Codec codec = stream::Codec::none;
  stream::Extent plain;
  stream::Extent stored;
  std::uint64_t entries = 0;         // tar: members
  std::optional<std::string> base;   // differential: path of the full one it needs, in which backup (format.md)
  std::optional<std::string> encryption;  // "age"; nothing: none
  std::map<std::string, std::string, std::less<>> attributes;  // of the item's kind: for a dump "database" (its name)
};

struct Item {
  ItemId id;
  Consistency consistency = Consistency::live;
  std::vector<std::string> services;  // which use it
  // What a restore must know, by kind (format.md lists the keys): volume: driver, labels as "label.NAME"; bind, files:
  // path on the host; postgres: server version, image, user, databases that were skipped.
  std::map<std::string, std::string, std::less<>> attributes;
  std::vector<Artefact> artefacts;
};

struct ServiceRecord {
  std::string name;
  std::string image;     // reference
  std::string image_id;  // "sha256:…"
  std::vector<std::string> repo_digests;
  std::string platform;  // "linux/amd64"
  int containers = 1;
};

struct NotCovered {
  std::string what;  // "volume:pgdata"
  std::string why;   // "data of postgres:db, which is dumped"
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
  std::vector<Item> items;
  std::vector<Finding> findings;
  std::vector<NotCovered> not_covered;
  std::vector<std::string> needs;  // what a restore will need that was not captured: "network proxy (external)"

  [[nodiscard]] std::uint64_t stored_bytes() const;
  [[nodiscard]] const Item* find(const ItemId& id) const;
};

// JSON, with a SHA-256 of the rest as its last field, so that a flipped byte is noticed.
[[nodiscard]] std::string render_manifest(const Manifest& manifest);
// Errc::corrupt: damaged, or not a manifest. Errc::usage: of a format that this davit doesn't know.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

}  // namespace davit::catalog
