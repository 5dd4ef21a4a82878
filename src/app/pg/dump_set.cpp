#include "app/pg/dump_set.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <set>
#include <tuple>

#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using nlohmann::json;

constexpr std::size_t kSideLimit = 1U << 20U;
constexpr std::size_t kDigestLength = 64;

Result<> store_text(storage::Storage& storage, const std::string& key, std::string_view text) {
  TRY_ASSIGN(writer, storage.create(key));
  TRY(writer->write(std::as_bytes(std::span(text))));
  TRY(writer->finish());
  return writer->commit().transform([](const auto&) {});
}

Result<std::optional<std::string>> read_beside(const storage::StorageReader& storage, const std::string& key) {
  auto source = storage.open(key);
  if (!source && source.error().code() == Errc::not_found) return std::nullopt;
  if (!source) return std::unexpected(std::move(source).error());
  TRY_ASSIGN(text, in_context(stream::read_all(**source, kSideLimit), "read " + escape_for_display(key)));
  return std::optional(std::move(text));
}

// Names in JSON are text; a database's name is bytes.
json text_or_hex(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  return json{{"hex", to_hex(std::as_bytes(std::span(bytes)))}};
}

}  // namespace

std::string render_record(const DumpRecord& record) {
  json extensions = json::object();
  for (const auto& [name, version] : record.extensions)
    if (is_utf8(name) && is_utf8(version)) extensions[name] = version;
  json object{{"format", 1},
              {"database", text_or_hex(record.database)},
              {"server_version", record.server_version},
              {"extensions", std::move(extensions)}};
  for (const sources::Tablespace& each : record.tablespaces)
    object["tablespaces"].push_back(
        {{"name", text_or_hex(each.name)}, {"oid", each.oid}, {"location", encode_file_name(each.location)}});
  return object.dump(2) + "\n";
}

Result<DumpRecord> parse_record(std::string_view text) {
  try {
    const json object = json::parse(text);
    DumpRecord record;
    if (const json& database = object.at("database"); database.is_string()) record.database = database;
    record.server_version = object.at("server_version").get<std::string>();
    for (const auto& [name, version] : object.at("extensions").items()) record.extensions[name] = version;
    if (const auto tablespaces = object.find("tablespaces"); tablespaces != object.end())
      for (const json& each : *tablespaces) {
        const auto location = decode_file_name(each.at("location").get<std::string>());
        if (!location) return fail(Errc::corrupt, "it is no record of a dump: the location of a tablespace");
        record.tablespaces.push_back({each.at("name").is_string() ? each.at("name").get<std::string>() : "",
                                      each.at("oid").get<std::uint32_t>(), *location});
      }
    return record;
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("it is no record of a dump: ") + error.what());
  }
}

std::string render_digest(std::string_view sha256, std::string_view key) {
  const auto slash = key.rfind('/');
  return std::string(sha256) + "  " + std::string(slash == key.npos ? key : key.substr(slash + 1)) + "\n";
}

Result<std::string> parse_digest(std::string_view text) {
  const std::string_view digest = text.substr(0, kDigestLength);
  if (text.size() <= kDigestLength || text[kDigestLength] != ' ' ||
      digest.find_first_not_of("0123456789abcdef") != digest.npos)
    return fail(Errc::corrupt, "it is not what sha256sum writes");
  return std::string(digest);
}

Result<stream::Extent> store_dump(storage::Storage& storage, const std::string& key,
                                  const std::optional<DumpRecord>& record, const Produce& produce) {
  TRY_ASSIGN(writer, storage.create(key));
  stream::DigestSink counted(*writer);
  TRY(produce(counted));
  TRY(counted.finish());
  // A dump that is there can always be held against its digest, so that comes first.
  std::vector<std::string> beside;  // ours: what another run has stored stays
  const auto store_beside = [&](std::string_view suffix, const std::string& text) -> Result<> {
    const std::string name = key + std::string(suffix);
    TRY(store_text(storage, name, text));
    beside.push_back(name);
    return {};
  };
  const auto store = [&]() -> Result<> {
    TRY(store_beside(kDigestSuffix, render_digest(counted.extent().sha256, key)));
    if (record) TRY(store_beside(kRecordSuffix, render_record(*record)));
    return writer->commit().transform([](const auto&) {});
  };
  auto stored = store();
  if (stored) return counted.extent();
  for (const std::string& each : beside)
    if (const auto removed = storage.remove(each); !removed) log_info(removed.error().message());
  return std::unexpected(std::move(stored).error());
}

Result<std::vector<storage::ObjectInfo>> list_level(const storage::StorageReader& storage) {
  TRY_ASSIGN(objects, storage.list(""));
  std::set<std::string> below;
  std::erase_if(objects, [&](const storage::ObjectInfo& object) {
    const auto slash = object.key.find('/');
    if (slash == std::string::npos) return false;
    below.insert(object.key.substr(0, slash));
    return true;
  });
  if (!objects.empty() || below.empty()) return objects;
  constexpr std::size_t kNamed = 5;
  std::string names;
  for (const std::string& each : below | std::views::take(kNamed))
    names += (names.empty() ? "" : ", ") + escape_for_display(each) + "/";
  if (below.size() > kNamed) names += " and others";
  return fail(Errc::not_found, "there are no dumps in " + storage.describe() + " itself, which has " + names,
              "name the place of one server's dumps: " + storage.describe() + "/" + escape_for_display(*below.begin()));
}

Result<std::vector<StoredDump>> list_dumps(const storage::StorageReader& storage,
                                           const std::vector<std::string>& patterns) {
  TRY_ASSIGN(objects, list_level(storage));
  std::vector<StoredDump> dumps;
  for (storage::ObjectInfo& object : objects) {
    auto name = parse_dump_name(object.key);
    if (!name) continue;
    const auto matches = [&](const std::string& pattern) { return matches_glob(pattern, name->database); };
    if (!patterns.empty() && std::ranges::none_of(patterns, matches)) continue;
    dumps.push_back({std::move(object.key), *std::move(name), object.bytes, object.modified});
  }
  // A dump that bears no time is as old as its file says; one of ours with a time is preferred to it.
  std::ranges::sort(dumps, {}, [](const StoredDump& dump) {
    return std::tuple(std::string_view(dump.name.database), std::string_view(dump.name.time), dump.modified,
                      std::string_view(dump.key));
  });
  return dumps;
}

Result<std::vector<StoredServerSet>> list_server_sets(const storage::StorageReader& storage) {
  TRY_ASSIGN(objects, list_level(storage));
  std::vector<StoredServerSet> sets;
  for (storage::ObjectInfo& object : objects)
    if (auto name = parse_server_set_name(object.key))
      sets.push_back({std::move(object.key), *std::move(name), object.bytes});
  std::ranges::sort(sets, {}, [](const StoredServerSet& set) {
    return std::tuple(std::string_view(set.name.time), std::string_view(set.key));
  });
  return sets;
}

Result<std::string> choose_time(const storage::Storage& storage,
                                const std::function<std::string(std::string_view time)>& name, RunContext& run) {
  for (;;) {
    TRY(run.check());
    std::string time = render_name_time(run.clock.now());
    const auto there = storage.stat(name(time));
    if (!there && there.error().code() == Errc::not_found) return time;
    if (!there) return std::unexpected(there.error());
    run.clock.sleep_for(std::chrono::milliseconds(100));
  }
}

Result<std::optional<std::string>> find_digest(const storage::StorageReader& storage, const std::string& key) {
  TRY_ASSIGN(text, read_beside(storage, key + std::string(kDigestSuffix)));
  if (!text) return std::nullopt;
  TRY_ASSIGN(digest, in_context(parse_digest(*text), escape_for_display(key) + std::string(kDigestSuffix)));
  return std::optional(std::move(digest));
}

Result<std::optional<DumpRecord>> find_record(const storage::StorageReader& storage, const std::string& key) {
  TRY_ASSIGN(text, read_beside(storage, key + std::string(kRecordSuffix)));
  if (!text) return std::nullopt;
  TRY_ASSIGN(record, in_context(parse_record(*text), escape_for_display(key) + std::string(kRecordSuffix)));
  return std::optional(std::move(record));
}

}  // namespace davit::app
