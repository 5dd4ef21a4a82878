#include <nlohmann/json.hpp>

#include "catalog/closing.hpp"
#include "catalog/manifest.hpp"
#include "util/text.hpp"

namespace davit::catalog {
namespace {

using Json = nlohmann::ordered_json;

// Names may be of any bytes, JSON is not.
Json text(std::string_view bytes) {
  if (is_utf8(bytes)) return bytes;
  return {{"hex", to_hex(std::as_bytes(std::span(bytes)))}};
}

Json texts(const std::vector<std::string>& list) {
  Json array = Json::array();
  for (const std::string& entry : list) array.push_back(text(entry));
  return array;
}

Json attributes(const model::Attributes& map) {
  Json object = Json::object();
  for (const auto& [name, value] : map) object[is_utf8(name) ? name : escape_for_display(name)] = text(value);
  return object;
}

Json extent(const stream::Extent& extent) { return {{"bytes", extent.bytes}, {"sha256", text(extent.sha256)}}; }

Json artefact(const model::Artefact& artefact) {
  Json object = {{"path", text(artefact.path)},       {"content", name_of(artefact.content)},
                 {"codec", name_of(artefact.codec)},  {"plain", extent(artefact.plain)},
                 {"stored", extent(artefact.stored)}, {"entries", artefact.entries}};
  if (artefact.base) object["base"] = text(*artefact.base);
  if (artefact.encryption) object["encryption"] = text(*artefact.encryption);
  object["attributes"] = attributes(artefact.attributes);
  return object;
}

// An array of what `render` makes of each.
template <class List, class Render>
Json each(const List& list, Render render) {
  Json array = Json::array();
  for (const auto& entry : list) array.push_back(render(entry));
  return array;
}

Json item(const model::Item& item) {
  return {{"kind", name_of(item.id.kind)},
          {"name", text(item.id.name)},
          {"consistency", name_of(item.consistency)},
          {"services", texts(item.services)},
          {"attributes", attributes(item.attributes)},
          {"artefacts", each(item.artefacts, artefact)}};
}

Json service(const ServiceRecord& service) {
  return {{"name", text(service.name)},         {"image", text(service.image)},
          {"image_id", text(service.image_id)}, {"repo_digests", texts(service.repo_digests)},
          {"platform", text(service.platform)}, {"containers", service.containers}};
}

Json document(const Manifest& manifest) {
  Json object = {{"format", "davit-backup"},
                 {"format_version", manifest.format_version},
                 {"id", text(manifest.id)},
                 {"stack", text(manifest.stack)},
                 {"started", render_rfc3339(manifest.started)},
                 {"finished", render_rfc3339(manifest.finished)},
                 {"davit_version", text(manifest.davit_version)},
                 {"engine_version", text(manifest.engine_version)},
                 {"project_dir", text(manifest.project_dir)},
                 {"services", each(manifest.services, service)},
                 {"items", each(manifest.items, item)},
                 {"findings", each(manifest.findings,
                                   [](const Finding& finding) -> Json {
                                     return {{"item", text(finding.item)},
                                             {"path", text(finding.path)},
                                             {"what", text(finding.what)}};
                                   })},
                 {"not_covered", each(manifest.not_covered,
                                      [](const model::NotCovered& entry) -> Json {
                                        return {{"what", text(entry.what)}, {"why", text(entry.why)}};
                                      })},
                 {"needs", texts(manifest.needs)}};
  if (!manifest.held.empty())
    object["held"] = each(manifest.held, [](const HeldRecord& held) -> Json {
      return {{"service", text(held.service)},
              {"how", text(held.how)},
              {"seconds", static_cast<double>(held.time.count()) / 1000}};
    });
  return object;
}

}  // namespace

Result<std::string> render_manifest(const Manifest& manifest) {
  std::string rendered;
  try {
    rendered = document(manifest).dump(2);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::bug, std::string("render manifest: ") + error.what());
  }
  // The closing field takes the place of the brace that ends the object.
  rendered.resize(rendered.size() - 2);
  rendered += ",\n";
  TRY_ASSIGN(closing, render_closing(rendered));
  rendered += closing;
  if (rendered.size() > kManifestLimit)
    return fail(
        Errc::failed,
        "render manifest: it has " + render_bytes(rendered.size()) + ", and may have " + render_bytes(kManifestLimit),
        "back up the stack in parts, with --only and --exclude");
  if (auto parsed = parse_manifest(rendered); !parsed)
    return std::unexpected(std::move(parsed).error().as(Errc::bug).context("render manifest"));
  return rendered;
}

}  // namespace davit::catalog
