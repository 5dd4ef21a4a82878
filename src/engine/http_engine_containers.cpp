#include <nlohmann/json.hpp>
#include <thread>

#include "engine/answers.hpp"
#include "engine/demux.hpp"
#include "engine/http_engine.hpp"

namespace davit::engine {
namespace {

constexpr int kNotModified = 304;  // of start and stop: it is in that state already
constexpr int kNotFound = 404;
constexpr auto kRemovalTime = std::chrono::seconds(30);
constexpr auto kRemovalInterval = std::chrono::milliseconds(100);

constexpr std::chrono::seconds kChangesTime{60};  // the Engine walks through everything that the container has written

class LimitedSink : public stream::ByteSink {
 public:
  explicit LimitedSink(std::size_t limit) : limit_(limit) {}
  Result<> write(std::span<const std::byte> bytes) override {
    if (bytes.size() > limit_ - text_.size())
      return fail(Errc::failed, "it has more than " + std::to_string(limit_) + " bytes");
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::size_t limit_;
  std::string text_;
};

std::string container_path(const ContainerId& id) { return "/containers/" + segment(id.value); }

Result<std::string> demultiplexed(std::string_view raw) {
  Demultiplexer demux;
  std::string text;
  auto bytes = std::as_bytes(std::span(raw));
  for (;;) {
    TRY_ASSIGN(piece, demux.take(bytes));
    if (!piece) break;
    text.append(reinterpret_cast<const char*>(piece->bytes.data()), piece->bytes.size());
  }
  TRY(demux.finish());
  return text;
}

// Somebody else is removing it at this moment (AutoRemove does): done means that it is gone.
Result<> wait_until_gone(const ApiClient& api, const ContainerId& id, const std::string& what) {
  for (const auto end = std::chrono::steady_clock::now() + kRemovalTime; std::chrono::steady_clock::now() < end;) {
    TRY_ASSIGN(look, api.send({.what = what, .path = container_path(id) + "/json", .fine = {kNotFound}}));
    if (look.status == kNotFound) return {};
    std::this_thread::sleep_for(kRemovalInterval);
  }
  return fail(Errc::unavailable, what + ": another removal of it does not end");
}

}  // namespace

Result<> HttpEngine::post(const ContainerId& id, std::string_view verb, Query query, std::vector<int> fine) {
  TRY(api_.send({.what = std::string(verb) + " container " + short_id(id.value),
                 .method = "POST",
                 .path = container_path(id) + "/" + std::string(verb),
                 .query = std::move(query),
                 .fine = std::move(fine)}));
  return {};
}

Result<std::vector<ContainerSummary>> HttpEngine::list_containers(const ListFilter& filter) {
  const std::string what = "list containers";
  nlohmann::json filters = nlohmann::json::object();
  if (!filter.labels.empty()) filters["label"] = filter.labels;
  // The Engine takes a name for a pattern that may match anywhere: this narrows its answer, and the exact names are
  // ours.
  if (!filter.names.empty()) filters["name"] = filter.names;
  TRY_ASSIGN(text, in_context(render_json(filters), what));
  TRY_ASSIGN(response, api_.send({.what = what,
                                  .path = "/containers/json",
                                  .query = {{"all", filter.all ? "1" : "0"}, {"filters", text}}}));
  TRY_ASSIGN(all, in_context(parse_containers(response.body), what));
  if (!filter.names.empty())
    std::erase_if(all, [&](const ContainerSummary& one) { return !std::ranges::contains(filter.names, one.name); });
  return all;
}

Result<ContainerInfo> HttpEngine::inspect_container(const ContainerId& id) {
  const std::string what = "inspect container " + short_id(id.value);
  TRY_ASSIGN(response, api_.send({.what = what, .path = container_path(id) + "/json"}));
  return in_context(parse_container(response.body), what);
}

Result<ContainerId> HttpEngine::create_container(const std::string& name, const nlohmann::json& body) {
  const std::string what = "create container " + name;
  TRY_ASSIGN(text, in_context(render_json(body), what));
  Query query;
  if (!name.empty()) query.emplace_back("name", name);
  TRY_ASSIGN(response, api_.send({.what = what,
                                  .method = "POST",
                                  .path = "/containers/create",
                                  .query = query,
                                  .body = text,
                                  .creates = true}));
  TRY_ASSIGN(id, in_context(parse_created_id(response.body), what));
  return ContainerId{id};
}

Result<> HttpEngine::start_container(const ContainerId& id) { return post(id, "start", {}, {kNotModified}); }

Result<> HttpEngine::stop_container(const ContainerId& id, std::optional<std::chrono::seconds> grace) {
  Query query;
  if (grace) query.emplace_back("t", std::to_string(grace->count()));
  return post(id, "stop", query, {kNotModified});
}

Result<> HttpEngine::pause_container(const ContainerId& id) { return post(id, "pause"); }
Result<> HttpEngine::unpause_container(const ContainerId& id) { return post(id, "unpause"); }

Result<> HttpEngine::kill_container(const ContainerId& id, const std::string& signal) {
  return post(id, "kill", {{"signal", signal}});
}

Result<> HttpEngine::remove_container(const ContainerId& id, bool volumes) {
  const std::string what = "remove container " + short_id(id.value);
  for (const auto end = std::chrono::steady_clock::now() + kRemovalTime; std::chrono::steady_clock::now() < end;) {
    const auto response = api_.send({.what = what,
                                     .method = "DELETE",
                                     .path = container_path(id),
                                     .query = {{"force", "1"}, {"v", volumes ? "1" : "0"}},
                                     .fine = {kNotFound}});
    if (response) return {};
    const std::string& message = response.error().message();
    if (message.contains("already in progress")) return wait_until_gone(api_, id, what);
    // It ended by itself between the Engine's look and its signal: the next attempt finds it stopped.
    if (!message.contains("Could not kill") || !message.contains("is not running"))
      return std::unexpected(response.error());
    std::this_thread::sleep_for(kRemovalInterval);
  }
  return fail(Errc::unavailable, what + ": it has ended, and the Engine still takes it for running");
}

Result<std::vector<std::string>> HttpEngine::changed_paths(const ContainerId& id) {
  const std::string what = "list the changed files of container " + short_id(id.value);
  TRY_ASSIGN(response, api_.send({.what = what, .path = container_path(id) + "/changes", .timeout = kChangesTime}));
  return in_context(parse_changes(response.body), what);
}

Result<PathStat> HttpEngine::stat_path(const ContainerId& id, const std::string& path) {
  const std::string what = "look at " + path + " of container " + short_id(id.value);
  TRY_ASSIGN(
      response,
      api_.send({.what = what, .method = "HEAD", .path = container_path(id) + "/archive", .query = {{"path", path}}}));
  const auto header = response.header("X-Docker-Container-Path-Stat");
  return in_context(parse_path_stat(header.value_or("")), what);
}

Result<std::string> HttpEngine::get_archive(const ContainerId& id, const std::string& path, std::size_t limit) {
  const std::string what = "read " + path + " of container " + short_id(id.value);
  LimitedSink sink(limit);
  TRY(api_.send({.what = what, .path = container_path(id) + "/archive", .query = {{"path", path}}}, sink, {}));
  return sink.take();
}

Result<> HttpEngine::put_archive(const ContainerId& id, const std::string& path, std::string_view tar) {
  // An empty archive is answered with 200, so it can't be what was meant.
  if (tar.empty()) return fail(Errc::bug, "put an empty archive into a container");
  TRY(api_.send({.what = "put files into container " + short_id(id.value),
                 .method = "PUT",
                 .path = container_path(id) + "/archive",
                 .query = {{"path", path}, {"noOverwriteDirNonDir", "1"}},
                 .body = std::string(tar),
                 .content_type = "application/x-tar"}));
  return {};
}

Result<std::unique_ptr<AttachedStream>> HttpEngine::attach(const ContainerId& id, bool attach_stdin) {
  return api_.hijack(
      {.what = "attach to container " + short_id(id.value),
       .method = "POST",
       .path = container_path(id) + "/attach",
       .query = {{"stream", "1"}, {"stdin", attach_stdin ? "1" : "0"}, {"stdout", "1"}, {"stderr", "1"}}});
}

Result<std::string> HttpEngine::container_logs(const ContainerId& id, int tail_lines) {
  const std::string what = "read the logs of container " + short_id(id.value);
  TRY_ASSIGN(container, api_.send({.what = what, .path = container_path(id) + "/json"}));
  TRY_ASSIGN(has_tty, in_context(parse_has_tty(container.body), what));
  TRY_ASSIGN(response, api_.send({.what = what,
                                  .path = container_path(id) + "/logs",
                                  .query = {{"stdout", "1"}, {"stderr", "1"}, {"tail", std::to_string(tail_lines)}}}));
  if (has_tty) return response.body;  // a terminal has one stream, and no frames
  return in_context(demultiplexed(response.body), what);
}

}  // namespace davit::engine
