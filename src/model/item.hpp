#pragma once
// The words of davit as plain data: what is protected (item), and what is stored of it (artefact). Sources fill them in
// at a backup, the catalog keeps them in the manifest, sources are given them back at a restore. They hold no secret.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/encoding.hpp"
#include "util/error.hpp"

namespace davit::model {

// One thing that is protected. `volume:uploads`, `bind:config`, `files:project`, `postgres:db`, `search:logs`,
// `ldap:directory`, `rabbitmq:mq`, `command:app`, `stack:definition`. A volume goes by its key in the compose file
// where it has one, a cluster by its service (of several nodes: the first by name).
enum class ItemKind { volume, bind, files, postgres, search, ldap, rabbitmq, stack, command };
[[nodiscard]] std::string_view name_of(ItemKind kind);
struct ItemId {
  ItemKind kind = ItemKind::volume;
  std::string name;
  auto operator<=>(const ItemId&) const = default;
  [[nodiscard]] std::string text() const;  // "volume:uploads"
};
// Errc::usage, naming the kinds that exist, for anything else.
[[nodiscard]] Result<ItemId> parse_item_id(std::string_view text);

// What state the contents of an item were in when they were read.
enum class Consistency { stopped, paused, dump, physical_wal, snapshot, live };
[[nodiscard]] std::string_view name_of(Consistency consistency);
[[nodiscard]] Result<Consistency> parse_consistency(std::string_view text);

// What the plain bytes of an artefact are, and so which tool opens them.
enum class Content { tar, pg_custom, sql, ldif, json, raw };
[[nodiscard]] std::string_view name_of(Content content);
[[nodiscard]] Result<Content> parse_content(std::string_view text);

using Attributes = std::map<std::string, std::string, std::less<>>;
// Its value, empty where there is none of that name.
[[nodiscard]] std::string attribute(const Attributes& attributes, std::string_view name);

// One stored object. A source plans it with path, content and attributes; its dump fills in the rest.
struct Artefact {
  std::string path;  // below the backup: "volumes/uploads.tar.zst"; the codec's suffix included
  Content content = Content::tar;
  stream::Codec codec = stream::Codec::none;
  stream::Extent plain;
  stream::Extent stored;
  std::uint64_t entries = 0;              // tar: members; ldif: entries; definitions of a broker: how many
  std::optional<std::string> base;        // a differential: which artefact it builds on (docs/format.md)
  std::optional<std::string> encryption;  // "age"; nothing: none
  Attributes attributes;                  // by kind of item; for a dump "database", its name
};

struct Item {
  ItemId id;
  Consistency consistency = Consistency::live;
  std::vector<std::string> services;  // which use it
  // What a restore must know, by kind; docs/format.md lists the keys.
  Attributes attributes;
  std::vector<Artefact> artefacts;

  [[nodiscard]] std::uint64_t plain_bytes() const;  // of all artefacts
};

struct NotCovered {
  std::string what;  // "volume:pgdata"
  std::string why;   // "data of postgres:db, which is dumped"
};

}  // namespace davit::model
