#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "catalog/closing.hpp"
#include "catalog/fields.hpp"
#include "catalog/manifest.hpp"
#include "storage/storage.hpp"
#include "util/text.hpp"

namespace davit::catalog {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kNewer = "use a newer davit: this one cannot bring back all of it";

// A value that only a newer davit knows is no damage.
template <class T>
Result<T> known(Result<T> value, const Fields& fields, std::string_view name) {
  if (value) return value;
  return std::unexpected(Error(Errc::usage,
                               fields.refuse(name, "is unknown: ").error().message() + value.error().message(),
                               std::string(kNewer)));
}

Result<Json> parse_json(std::string_view text) {
  std::vector<std::set<std::string>> open_objects;
  bool twice = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key && !open_objects.back().insert(parsed.get<std::string>()).second)
      twice = true;
    return true;
  };
  try {
    Json document = Json::parse(text, watch);
    if (twice) return fail(Errc::corrupt, "a name occurs twice in one object");
    return document;
  } catch (const Json::exception& error) {
    return fail(Errc::corrupt, std::string("it is not JSON: ") + error.what());
  }
}

Result<stream::Extent> parse_extent(const Fields& fields) {
  TRY_ASSIGN(bytes, fields.count("bytes"));
  TRY_ASSIGN(sha256, fields.sha256("sha256"));
  return stream::Extent{bytes, std::move(sha256)};
}

Result<> check_path(const Fields& fields, const std::string& path) {
  if (auto valid = storage::check_key(path); !valid)
    return fields.refuse("path", "is not a path: " + valid.error().message());
  if (path == kManifestName || path == kGuideName || path == kSumsName)
    return fields.refuse("path", "is the name of no artefact");
  return {};
}

Result<model::Artefact> parse_artefact(const Fields& fields) {
  model::Artefact artefact;
  TRY_ASSIGN(path, fields.string("path"));
  TRY(check_path(fields, path));
  artefact.path = std::move(path);
  TRY_ASSIGN(content, fields.string("content"));
  TRY_ASSIGN(known_content, known(model::parse_content(content), fields, "content"));
  artefact.content = known_content;
  TRY_ASSIGN(codec, fields.string("codec"));
  TRY_ASSIGN(known_codec, known(stream::parse_codec(codec), fields, "codec"));
  artefact.codec = known_codec;
  TRY_ASSIGN(plain_fields, fields.object("plain"));
  TRY_ASSIGN(plain, parse_extent(plain_fields));
  artefact.plain = std::move(plain);
  TRY_ASSIGN(stored_fields, fields.object("stored"));
  TRY_ASSIGN(stored, parse_extent(stored_fields));
  artefact.stored = std::move(stored);
  TRY_ASSIGN(entries, fields.count("entries"));
  artefact.entries = entries;
  TRY_ASSIGN(base, fields.optional_string("base"));
  if (base && !(base->size() > 22 && is_id(std::string_view(*base).substr(0, 21)) && (*base)[21] == '/' &&
                storage::check_key(std::string_view(*base).substr(22))))
    return fields.refuse("base", "is not of the form ID/PATH");
  artefact.base = std::move(base);
  TRY_ASSIGN(encryption, fields.optional_string("encryption"));
  if (encryption && *encryption != "age")
    return fail(Errc::usage, fields.refuse("encryption", "is unknown").error().message(), std::string(kNewer));
  artefact.encryption = std::move(encryption);
  TRY_ASSIGN(attributes, fields.attributes("attributes"));
  artefact.attributes = std::move(attributes);
  if (artefact.codec == stream::Codec::none && !artefact.encryption && artefact.plain != artefact.stored)
    return fields.refuse("stored", "differs from plain, without a codec");
  return artefact;
}

Result<model::Item> parse_item(const Fields& fields) {
  model::Item item;
  TRY_ASSIGN(kind, fields.string("kind"));
  TRY_ASSIGN(name, fields.text("name"));
  if (name.empty()) return fields.refuse("name", "is empty");
  TRY_ASSIGN(id, known(model::parse_item_id(kind + ":" + name), fields, "kind"));
  if (model::name_of(id.kind) != kind) return fields.refuse("kind", "is no kind");
  item.id = std::move(id);
  TRY_ASSIGN(consistency, fields.string("consistency"));
  TRY_ASSIGN(known_consistency, known(model::parse_consistency(consistency), fields, "consistency"));
  item.consistency = known_consistency;
  TRY_ASSIGN(services, fields.texts("services"));
  item.services = std::move(services);
  TRY_ASSIGN(attributes, fields.attributes("attributes"));
  item.attributes = std::move(attributes);
  TRY_ASSIGN(artefacts, fields.each("artefacts", parse_artefact));
  item.artefacts = std::move(artefacts);
  return item;
}

Result<ServiceRecord> parse_service(const Fields& fields) {
  TRY_ASSIGN(name, fields.text("name"));
  TRY_ASSIGN(image, fields.text("image"));
  TRY_ASSIGN(image_id, fields.text("image_id"));
  TRY_ASSIGN(repo_digests, fields.texts("repo_digests"));
  TRY_ASSIGN(platform, fields.text("platform"));
  TRY_ASSIGN(containers, fields.count("containers"));
  if (containers > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
    return fields.refuse("containers", "is too large");
  return ServiceRecord{std::move(name),         std::move(image),    std::move(image_id),
                       std::move(repo_digests), std::move(platform), static_cast<int>(containers)};
}

Result<Finding> parse_finding(const Fields& fields) {
  TRY_ASSIGN(item, fields.text("item"));
  TRY_ASSIGN(path, fields.text("path"));
  TRY_ASSIGN(what, fields.text("what"));
  return Finding{std::move(item), std::move(path), std::move(what)};
}

Result<model::NotCovered> parse_not_covered(const Fields& fields) {
  TRY_ASSIGN(what, fields.text("what"));
  TRY_ASSIGN(why, fields.text("why"));
  return model::NotCovered{std::move(what), std::move(why)};
}

Result<HeldRecord> parse_held(const Fields& fields) {
  TRY_ASSIGN(service, fields.text("service"));
  TRY_ASSIGN(how, fields.text("how"));
  TRY_ASSIGN(time, fields.seconds("seconds"));
  return HeldRecord{std::move(service), std::move(how), time};
}

// An item is asked for by its id, and an artefact by its path: each must be one.
Result<> check_unique(const std::vector<model::Item>& items) {
  std::set<model::ItemId> ids;
  std::set<std::string_view> paths;
  for (const model::Item& item : items) {
    if (!ids.insert(item.id).second)
      return fail(Errc::corrupt, "item " + escape_for_display(item.id.text()) + " occurs twice");
    for (const model::Artefact& artefact : item.artefacts)
      if (!paths.insert(artefact.path).second)
        return fail(Errc::corrupt, "artefact " + artefact.path + " occurs twice");
  }
  return {};
}

Result<> check_version(const Fields& fields) {
  TRY_ASSIGN(format, fields.string("format"));
  if (format != "davit-backup") return fields.refuse("format", "is not davit-backup");
  TRY_ASSIGN(version, fields.count("format_version"));
  if (version == 0) return fields.refuse("format_version", "is 0");
  if (version > static_cast<std::uint64_t>(kFormatVersion))
    return fail(Errc::usage,
                "it has format version " + std::to_string(version) + ", and this davit knows up to " +
                    std::to_string(kFormatVersion),
                "use a newer davit");
  return {};
}

Result<Manifest> parse(std::string_view text) {
  TRY(check_closing(text));
  TRY_ASSIGN(document, parse_json(text));
  TRY_ASSIGN(fields, Fields::of(document, {}));
  TRY(check_version(fields));
  Manifest manifest;
  TRY_ASSIGN(id, fields.string("id"));
  if (!is_id(id)) return fields.refuse("id", "is not an id");
  manifest.id = std::move(id);
  TRY_ASSIGN(stack, fields.text("stack"));
  if (stack.empty()) return fields.refuse("stack", "is empty");
  manifest.stack = std::move(stack);
  TRY_ASSIGN(started, fields.time("started"));
  manifest.started = started;
  TRY_ASSIGN(finished, fields.time("finished"));
  manifest.finished = finished;
  TRY_ASSIGN(davit_version, fields.text("davit_version"));
  manifest.davit_version = std::move(davit_version);
  TRY_ASSIGN(engine_version, fields.text("engine_version"));
  manifest.engine_version = std::move(engine_version);
  TRY_ASSIGN(project_dir, fields.text("project_dir"));
  manifest.project_dir = std::move(project_dir);
  TRY_ASSIGN(services, fields.each("services", parse_service));
  manifest.services = std::move(services);
  TRY_ASSIGN(items, fields.each("items", parse_item));
  TRY(check_unique(items));
  manifest.items = std::move(items);
  TRY_ASSIGN(findings, fields.each("findings", parse_finding));
  manifest.findings = std::move(findings);
  TRY_ASSIGN(not_covered, fields.each("not_covered", parse_not_covered));
  manifest.not_covered = std::move(not_covered);
  TRY_ASSIGN(needs, fields.texts("needs"));
  manifest.needs = std::move(needs);
  // Came later: older backups have none.
  if (fields.has("held")) {
    TRY_ASSIGN(held, fields.each("held", parse_held));
    manifest.held = std::move(held);
  }
  return manifest;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) { return in_context(parse(text), "manifest"); }

}  // namespace davit::catalog
