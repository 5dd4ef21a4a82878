#include <nlohmann/json.hpp>

#include "engine/answers.hpp"
#include "engine/http_engine.hpp"
#include "net/line_sink.hpp"
#include "net/url.hpp"

namespace davit::engine {
namespace {

Result<Query> label_filter(const std::vector<std::string>& labels) {
  if (labels.empty()) return Query{};
  TRY_ASSIGN(text, render_json(nlohmann::json{{"label", labels}}));
  return Query{{"filters", text}};
}

// The slashes of an image's name are part of the path: the Engine's router wants them as they are.
std::string image_path(std::string_view reference) { return "/images/" + net::percent_encode(reference, "/:@"); }

}  // namespace

Result<std::vector<VolumeInfo>> HttpEngine::list_volumes(const std::vector<std::string>& labels) {
  const std::string what = "list volumes";
  TRY_ASSIGN(query, in_context(label_filter(labels), what));
  TRY_ASSIGN(response, api_.send({.what = what, .path = "/volumes", .query = query}));
  return in_context(parse_volumes(response.body), what);
}

Result<VolumeInfo> HttpEngine::inspect_volume(const std::string& name) {
  const std::string what = "inspect volume " + name;
  TRY_ASSIGN(response, api_.send({.what = what, .path = "/volumes/" + segment(name)}));
  return in_context(parse_volume(response.body), what);
}

Result<> HttpEngine::create_volume(const std::string& name, const std::string& driver, const Labels& options,
                                   const Labels& labels) {
  const std::string what = "create volume " + name;
  nlohmann::json body{{"Name", name}, {"Driver", driver.empty() ? "local" : driver}};
  body["DriverOpts"] = options;
  body["Labels"] = labels;
  TRY_ASSIGN(text, in_context(render_json(body), what));
  TRY(api_.send({.what = what, .method = "POST", .path = "/volumes/create", .body = text, .creates = true}));
  return {};
}

Result<> HttpEngine::remove_volume(const std::string& name) {
  TRY(api_.send({.what = "remove volume " + name, .method = "DELETE", .path = "/volumes/" + segment(name)}));
  return {};
}

Result<std::vector<NetworkInfo>> HttpEngine::list_networks(const std::vector<std::string>& labels) {
  const std::string what = "list networks";
  TRY_ASSIGN(query, in_context(label_filter(labels), what));
  TRY_ASSIGN(response, api_.send({.what = what, .path = "/networks", .query = query}));
  return in_context(parse_networks(response.body), what);
}

Result<NetworkInfo> HttpEngine::inspect_network(const std::string& name) {
  const std::string what = "inspect network " + name;
  TRY_ASSIGN(response, api_.send({.what = what, .path = "/networks/" + segment(name)}));
  return in_context(parse_network(response.body), what);
}

Result<std::string> HttpEngine::create_network(const nlohmann::json& body) {
  const std::string what = "create network " + body.value("Name", "");
  TRY_ASSIGN(text, in_context(render_json(body), what));
  TRY_ASSIGN(response,
             api_.send({.what = what, .method = "POST", .path = "/networks/create", .body = text, .creates = true}));
  return in_context(parse_created_id(response.body), what);
}

Result<> HttpEngine::remove_network(const std::string& network) {
  const std::string what = "remove network " + short_id(network);
  auto removed = api_.send({.what = what, .method = "DELETE", .path = "/networks/" + segment(network)});
  // 403, "has active endpoints", says nothing about who asks.
  if (!removed && removed.error().code() == Errc::credentials)
    return std::unexpected(std::move(removed).error().as(Errc::failed));
  if (!removed) return std::unexpected(std::move(removed).error());
  return {};
}

Result<> HttpEngine::connect_network(const std::string& network, const ContainerId& container,
                                     const nlohmann::json& endpoint) {
  const std::string what = "connect container " + short_id(container.value) + " to network " + short_id(network);
  TRY_ASSIGN(text, in_context(render_json({{"Container", container.value}, {"EndpointConfig", endpoint}}), what));
  TRY(api_.send({.what = what, .method = "POST", .path = "/networks/" + segment(network) + "/connect", .body = text}));
  return {};
}

Result<ImageInfo> HttpEngine::inspect_image(const std::string& reference) {
  const std::string what = "inspect image " + reference;
  TRY_ASSIGN(response, api_.send({.what = what, .path = image_path(reference) + "/json"}));
  return in_context(parse_image(response.body), what);
}

Result<> HttpEngine::pull_image(const std::string& reference, const PullProgress& progress, std::stop_token stop) {
  const std::string what = "pull image " + reference;
  // The status is 200 before the first layer has moved: whether it went well stands in the lines.
  std::string error;
  net::LineSink lines([&](std::string_view line) -> Result<> {
    TRY_ASSIGN(parsed, parse_progress(line));
    if (!parsed.error.empty()) {
      error = parsed.error;
    } else if (progress) {
      progress(render_progress(parsed));
    }
    return {};
  });
  const ImageReference image = split_reference(reference);
  TRY(api_.send({.what = what,
                 .method = "POST",
                 .path = "/images/create",
                 .query = {{"fromImage", image.name}, {"tag", image.tag}}},
                lines, std::move(stop)));
  TRY(in_context(lines.finish(), what));
  if (!error.empty()) return fail(Errc::unavailable, what + ": " + error);
  return {};
}

Result<std::string> HttpEngine::import_image(stream::ByteSource& tar, const std::string& reference,
                                             const std::vector<std::string>& changes) {
  const std::string what = "import image " + reference;
  std::string error;
  std::string id;
  net::LineSink lines([&](std::string_view line) -> Result<> {
    TRY_ASSIGN(parsed, parse_progress(line));
    if (!parsed.error.empty()) error = parsed.error;
    if (parsed.status.starts_with("sha256:")) id = parsed.status;
    return {};
  });
  const ImageReference image = split_reference(reference);
  Query query{{"fromSrc", "-"}, {"repo", image.name}, {"tag", image.tag}};
  for (const std::string& change : changes) query.emplace_back("changes", change);
  TRY(api_.send({.what = what,
                 .method = "POST",
                 .path = "/images/create",
                 .query = query,
                 .body = net::StreamedBody{.source = &tar, .length = std::nullopt},
                 .content_type = "application/x-tar"},
                lines, {}));
  TRY(in_context(lines.finish(), what));
  if (!error.empty()) return fail(Errc::failed, what + ": " + error);
  if (id.empty()) return fail(Errc::failed, what + ": the Engine's answer has no id");
  return id;
}

Result<> HttpEngine::remove_image(const std::string& reference) {
  TRY(api_.send({.what = "remove image " + reference, .method = "DELETE", .path = image_path(reference)}));
  return {};
}

Result<> HttpEngine::tag_image(const std::string& image, const std::string& reference) {
  const ImageReference to = split_reference(reference);
  TRY(api_.send({.what = "tag image " + image + " as " + reference,
                 .method = "POST",
                 .path = image_path(image) + "/tag",
                 .query = {{"repo", to.name}, {"tag", to.tag}}}));
  return {};
}

ImageReference split_reference(std::string_view reference) {
  if (const std::size_t at = reference.find('@'); at != std::string_view::npos) {
    // With both, the digest decides, and the Engine wants the name without the tag.
    return {.name = split_reference(reference.substr(0, at)).name, .tag = std::string(reference.substr(at + 1))};
  }
  const std::size_t slash = reference.rfind('/');
  const std::size_t colon = reference.rfind(':');
  // A colon before the last slash belongs to the registry's port.
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash))
    return {.name = std::string(reference), .tag = "latest"};
  return {.name = std::string(reference.substr(0, colon)), .tag = std::string(reference.substr(colon + 1))};
}

}  // namespace davit::engine
