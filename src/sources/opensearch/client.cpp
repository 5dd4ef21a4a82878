#include "sources/opensearch/client.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/command.hpp"
#include "sources/json_field.hpp"
#include "sources/opensearch/search_error.hpp"
#include "stream/memory_stream.hpp"
#include "util/base64.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kAnswerLimit = std::size_t{64} << 20U;
constexpr std::string_view kNoProxy =
    "see what answers there: the label davit.search.url names the server itself, with nothing between that answers for "
    "it";
// $1: the last line of the settings. curl would do what half of them say: delete another index, whose name is the
// beginning of the one that was meant. printf is the shell's own, so nothing of it is an argument of a process.
constexpr std::string_view kWholeOrNothing =
    R"sh(config=$(cat); case $config in *"$1") ;; *) echo 'the request did not arrive whole' >&2; exit 90 ;; esac
printf '%s\n' "$config" | curl -q --config -)sh";

bool no_program(int exit_code) { return exit_code == 126 || exit_code == 127; }

Result<std::string> read_in_container(engine::Engine& engine, const engine::ContainerId& container,
                                      const std::string& path, RunContext& run) {
  std::string why;
  // A secret may be root's.
  for (const char* user : {"", "0"}) {
    engine::Command command;
    command.argv = {"cat", path};
    command.user = user;
    TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, command, run, std::size_t{1} << 20U));
    if (answer.outcome.exit_code == 0) return std::move(answer.out);
    if (why.empty()) why = answer.outcome.errors;
  }
  return fail(Errc::usage, "read " + path + " in the container: " + why);
}

}  // namespace

std::string SearchProduct::text() const {
  return (distribution == "opensearch"      ? "OpenSearch "
          : distribution == "elasticsearch" ? "Elasticsearch "
                                            : distribution + " ") +
         version;
}

Result<SearchClient::Answer> SearchClient::transfer_by_curl(const SearchRequest& request, RunContext& run) const {
  engine::Command command;
  command.argv = {"sh", "-c", std::string(kWholeOrNothing), "davit", std::string(kCurlFileEnd)};
  const std::string config = render_curl_file(file_, request);
  stream::MemorySource in(config);
  TRY_ASSIGN(answer, engine::feed_command(*engine_, container_->id, command, in, run, kAnswerLimit));
  if (no_program(answer.outcome.exit_code) && answer.out.empty())
    return fail(Errc::not_found, "the container has no curl");
  if (answer.outcome.exit_code != 0)
    return std::unexpected(curl_failure(answer.outcome.exit_code, answer.outcome.errors, file_.url));
  std::string_view out = answer.out;
  while (out.ends_with('\n')) out.remove_suffix(1);
  const std::size_t line = out.rfind('\n');
  const std::string_view digits = line == std::string_view::npos ? out : out.substr(line + 1);
  Answer parsed;
  std::from_chars(digits.data(), digits.data() + digits.size(), parsed.status);
  if (parsed.status < 100) return fail(Errc::unavailable, "ask " + file_.url + ": its answer is cut");
  if (line != std::string_view::npos) parsed.body = out.substr(0, line);
  return parsed;
}

Result<SearchClient::Answer> SearchClient::transfer_by_http(const SearchRequest& request, RunContext& run) const {
  net::HttpRequest message;
  message.method = request.method;
  message.url = file_.url + request.path;
  message.timeout = request.timeout;
  if (!file_.user.empty())
    message.headers.push_back({"Authorization", "Basic " + encode_base64(file_.user + ":" + file_.password)});
  if (!request.body.empty()) {
    message.headers.push_back({"Content-Type", "application/json"});
    message.body = request.body;
  }
  TRY_ASSIGN(response, http_->send(message, run.stop, kAnswerLimit));
  return Answer{response.status, std::move(response.body)};
}

Result<SearchClient::Answer> SearchClient::transfer(const SearchRequest& request, RunContext& run) const {
  return http_ ? transfer_by_http(request, run) : transfer_by_curl(request, run);
}

Result<json> SearchClient::ask(const SearchRequest& request, RunContext& run) const {
  TRY(run.check());
  TRY_ASSIGN(answer, transfer(request, run));
  const std::string doing = request.method + " " + request.path.substr(0, request.path.find('?'));
  if (answer.status < 200 || answer.status > 299)
    return std::unexpected(status_failure(doing, answer.status, answer.body));
  json parsed = json::parse(answer.body, nullptr, false);
  if (!parsed.is_object() && !parsed.is_array())
    return fail(Errc::unavailable, doing + ": the answer is no JSON", std::string(kNoProxy));
  return parsed;
}

Result<json> SearchClient::ask_object(const SearchRequest& request, RunContext& run) const {
  TRY_ASSIGN(answer, ask(request, run));
  if (!answer.is_object())
    return fail(Errc::unavailable, request.method + " " + request.path + ": the answer is no JSON object",
                std::string(kNoProxy));
  return answer;
}

Result<json> SearchClient::get(const std::string& path, RunContext& run) const {
  return ask_object({.method = "GET", .path = path}, run);
}

Result<json> SearchClient::rows(const std::string& path, RunContext& run) const {
  TRY_ASSIGN(answer, ask({.method = "GET", .path = path}, run));
  if (!answer.is_array())
    return fail(Errc::unavailable, "GET " + path + ": the answer is no table", std::string(kNoProxy));
  return answer;
}

Result<json> SearchClient::send(const std::string& method, const std::string& path, const json& body,
                                RunContext& run) const {
  return ask_object({.method = method, .path = path, .body = body.is_null() ? std::string() : body.dump()}, run);
}

Result<> SearchClient::remove(const std::string& path, RunContext& run) const {
  // What is deleted may be of any size.
  auto gone = ask({.method = "DELETE", .path = path, .timeout = 30min}, run);
  if (gone || gone.error().code() == Errc::not_found) return {};
  return std::unexpected(std::move(gone).error());
}

Result<> SearchClient::introduce(const std::string& body) {
  const json said = json::parse(body, nullptr, false);
  const json& version = field(said, "version");
  product_.version = text_field(version, "number");
  product_.distribution = text_field(version, "distribution");
  if (product_.distribution.empty()) product_.distribution = "elasticsearch";
  product_.cluster = text_field(said, "cluster_name");
  product_.cluster_uuid = text_field(said, "cluster_uuid");
  if (product_.version.empty())
    return fail(Errc::failed, "what answers at " + file_.url + " is neither OpenSearch nor Elasticsearch",
                "set the label davit.search.url, or davit.search=off");
  if (product_.cluster_uuid.empty() || product_.cluster_uuid == "_na_")
    return fail(Errc::unavailable, "the server at " + file_.url + " has no cluster yet",
                "its log says which nodes it waits for");
  return {};
}

Result<> SearchClient::settle_access(RunContext& run) {
  access_ = access_of(*container_);
  password_ = access_.password;
  if (!access_.password_file.empty()) {
    TRY_ASSIGN(text, read_in_container(*engine_, container_->id, access_.password_file, run));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    password_ = std::move(text);
  }
  if (!access_.ca.empty() || access_.insecure) return {};
  engine::Command command;
  command.argv = {"sh", "-c", R"(for f; do if [ -r "$f" ]; then printf '%s' "$f"; exit 0; fi; done)", "davit"};
  command.argv.insert(command.argv.end(), known_ca_files().begin(), known_ca_files().end());
  TRY_ASSIGN(answer, engine::run_command_for_text(*engine_, container_->id, command, run));
  if (answer.outcome.exit_code == 0) access_.ca = answer.out;
  return {};
}

// davit's own libcurl instead of the container's curl.
Result<> SearchClient::go_by_http(RunContext& run) {
  if (access_.url.empty())
    return fail(Errc::usage, "its container has no curl",
                "set the label davit.search.url to where davit reaches it, such as http://search:9200");
  net::HttpOptions options;
  options.connect_timeout = 10s;
  options.tls.verify = !access_.insecure;
  if (!access_.insecure && !access_.ca.empty()) {
    TRY_ASSIGN(pem, read_in_container(*engine_, container_->id, access_.ca, run));
    TRY_ASSIGN(file, TemporaryFile::make(pem));
    options.tls.ca_file = file->path();
    ca_file_ = std::move(file);
  }
  http_ = std::make_shared<net::HttpClient>(options);
  return {};
}

Result<> SearchClient::find_way(RunContext& run) {
  std::optional<Error> last;
  for (const std::string& url : access_.urls()) {
    const bool tls = url.starts_with("https:");
    file_ = CurlFile{url, {}, {}, tls ? access_.ca : std::string(), tls && access_.insecure};
    // Over plain HTTP nothing secret is sent before the server has asked for it.
    bool signs_in = tls && !password_.empty();
    for (int round = 0; round < 2; ++round) {
      if (signs_in) {
        file_.user = access_.user;
        file_.password = password_;
      }
      auto answer = transfer({}, run);
      if (!answer && answer.error().code() == Errc::not_found && !http_) {
        TRY(go_by_http(run));
        answer = transfer({}, run);
      }
      if (!answer) {
        last = std::move(answer).error();
        if (last->code() != Errc::unavailable) return std::unexpected(*std::move(last));
        break;  // it may be the other protocol that it speaks
      }
      if (answer->status == 401 && !signs_in && !password_.empty()) {
        signs_in = true;
        continue;
      }
      if (answer->status == 400 && !tls && access_.url.empty()) break;
      if (answer->status != 200) return std::unexpected(status_failure("ask " + url, answer->status, answer->body));
      return introduce(answer->body);
    }
  }
  if (last) return std::unexpected(*std::move(last));
  return fail(Errc::unavailable, "nothing answers at " + file_.url + " as a search server would",
              "set the label davit.search.url to where it listens");
}

Result<SearchClient> SearchClient::connect(engine::Engine& engine, const engine::ContainerInfo& container,
                                           RunContext& run) {
  SearchClient client(engine, container);
  TRY(client.settle_access(run));
  TRY(client.find_way(run));
  return client;
}

Result<SearchClient> SearchClient::connect_patiently(engine::Engine& engine, const engine::ContainerInfo& container,
                                                     std::chrono::seconds patience, RunContext& run) {
  const auto deadline = run.clock.steady() + patience;
  while (true) {
    auto client = connect(engine, container, run);
    if (client || client.error().code() != Errc::unavailable || run.clock.steady() >= deadline) return client;
    TRY(run.check());
    run.clock.sleep_for(1s);
  }
}

}  // namespace davit::sources
