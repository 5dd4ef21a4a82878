#include "model/item.hpp"

#include <array>
#include <utility>

#include "util/text.hpp"

namespace davit::model {
namespace {

// Each enumeration has one table, which is read in both directions.
template <class Value>
struct Name {
  Value value;
  std::string_view text;
};
constexpr std::array kKinds{
    Name{ItemKind::volume, "volume"},     Name{ItemKind::bind, "bind"},     Name{ItemKind::files, "files"},
    Name{ItemKind::postgres, "postgres"}, Name{ItemKind::search, "search"}, Name{ItemKind::ldap, "ldap"},
    Name{ItemKind::rabbitmq, "rabbitmq"}, Name{ItemKind::stack, "stack"},   Name{ItemKind::command, "command"}};
constexpr std::array kConsistencies{
    Name{Consistency::stopped, "stopped"},   Name{Consistency::paused, "paused"},
    Name{Consistency::dump, "dump"},         Name{Consistency::physical_wal, "physical+wal"},
    Name{Consistency::snapshot, "snapshot"}, Name{Consistency::live, "live"}};
constexpr std::array kContents{Name{Content::tar, "tar"},   Name{Content::pg_custom, "pg_custom"},
                               Name{Content::sql, "sql"},   Name{Content::ldif, "ldif"},
                               Name{Content::json, "json"}, Name{Content::raw, "raw"}};

template <class Table, class Value>
std::string_view text_of(const Table& table, Value value) {
  for (const auto& row : table)
    if (row.value == value) return row.text;
  std::unreachable();
}

template <class Value, std::size_t N>
Result<Value> value_of(const std::array<Name<Value>, N>& table, std::string_view text, Errc code,
                       std::string_view what) {
  std::string known;
  for (const auto& row : table) {
    if (row.text == text) return row.value;
    known += (known.empty() ? "" : ", ") + std::string(row.text);
  }
  return fail(code, std::string(what) + " \"" + escape_for_display(text) + "\" is unknown", "known are " + known);
}

}  // namespace

std::string_view name_of(ItemKind kind) { return text_of(kKinds, kind); }
std::string_view name_of(Consistency consistency) { return text_of(kConsistencies, consistency); }
std::string_view name_of(Content content) { return text_of(kContents, content); }

Result<Consistency> parse_consistency(std::string_view text) {
  return value_of(kConsistencies, text, Errc::corrupt, "consistency");
}

Result<Content> parse_content(std::string_view text) { return value_of(kContents, text, Errc::corrupt, "content"); }

std::string ItemId::text() const { return std::string(name_of(kind)) + ":" + name; }

Result<ItemId> parse_item_id(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size())
    return fail(Errc::usage, "item \"" + escape_for_display(text) + "\" is not of the form KIND:NAME",
                "write for instance volume:uploads");
  TRY_ASSIGN(kind, value_of(kKinds, text.substr(0, colon), Errc::usage, "kind of item"));
  return ItemId{kind, std::string(text.substr(colon + 1))};
}

std::string attribute(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string() : found->second;
}

std::uint64_t Item::plain_bytes() const {
  std::uint64_t sum = 0;
  for (const Artefact& artefact : artefacts) sum += artefact.plain.bytes;
  return sum;
}

}  // namespace davit::model
