#include "sources/opensearch/client.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/command.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kAnswerLimit = std::size_t{64} << 20U;
constexpr std::string_view kHowToSignIn =
    "name the user by the label davit.search.user, and a file in the container with the password by "
    "davit.search.password_file";
constexpr std::string_view kHowToTrust =
    "name the CA certificate in the container by the label davit.search.ca, or set davit.search.insecure=true";

// curl's own exit codes (curl's manual, EXIT CODES).
constexpr int kNoSuchHost = 6;
constexpr int kRefused = 7;
constexpr int kTimeOut = 28;
constexpr int kTlsFailed = 35;
constexpr int kEmptyReply = 52;
constexpr int kSendFailed = 55;
constexpr int kReceiveFailed = 56;
constexpr int kNotTrusted = 60;
constexpr int kBadCaFile = 77;

// $1: the last line of the settings. curl would do what half of them say: delete another index, whose name is the
// beginning of the one that was meant. printf is the shell's own, so nothing of it is an argument of a process.
constexpr std::string_view kWholeOrNothing =
    R"sh(config=$(cat); case $config in *"$1") ;; *) echo 'the request did not arrive whole' >&2; exit 90 ;; esac
printf '%s\n' "$config" | curl -q --config -)sh";

bool no_program(int exit_code) { return exit_code == 126 || exit_code == 127; }

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto at = [&](std::size_t k) -> unsigned {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
    };
    const unsigned bits = (at(0) << 16U) | (at(1) << 8U) | at(2);
    out += kDigits[(bits >> 18U) & 63U];
    out += kDigits[(bits >> 12U) & 63U];
    out += i + 1 < text.size() ? kDigits[(bits >> 6U) & 63U] : '=';
    out += i + 2 < text.size() ? kDigits[bits & 63U] : '=';
  }
  return out;
}

Error curl_failure(const engine::CommandOutcome& outcome, const std::string& url) {
  const std::string why =
      "ask " + url + ": " +
      (outcome.errors.empty() ? "curl ended with exit code " + std::to_string(outcome.exit_code) : outcome.errors);
  switch (outcome.exit_code) {
    case kNoSuchHost:
    case kRefused:
    case kTimeOut:
    case kEmptyReply:
    case kSendFailed:
    case kReceiveFailed:
    case kTlsFailed:
      return {Errc::unavailable, why};
    case kNotTrusted:
      // The rest is advice about curl.
      return {Errc::credentials, "ask " + url + ": its certificate is not accepted", std::string(kHowToTrust)};
    case kBadCaFile:
      return {Errc::usage, why, "the label davit.search.ca is a path in the container, of a file in PEM"};
    default:
      return {Errc::failed, why};
  }
}

Error status_failure(const std::string& doing, int status, const std::string& body) {
  const json parsed = json::parse(body, nullptr, false);
  std::string reason = reason_of(parsed);
  if (reason.empty()) reason = "status " + std::to_string(status);
  const std::string why = doing + ": " + escape_for_display(reason);
  switch (status) {
    case 401:
    case 403:
      return {Errc::credentials, why, std::string(kHowToSignIn)};
    case 404:
      return {Errc::not_found, why};
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return {Errc::unavailable, why};
    default:
      return {Errc::failed, why};
  }
}

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

std::string reason_of(const json& answer) {
  if (!answer.is_object() || !answer.contains("error")) return {};
  const json* at = &answer["error"];
  if (at->is_string()) return at->get<std::string>();
  const auto reason = [](const json& error) {
    const auto found = error.is_object() ? error.find("reason") : error.end();
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  std::string first = reason(*at);
  std::string last = first;
  std::string type;
  while (at->is_object() && at->contains("caused_by")) {
    at = &(*at)["caused_by"];
    if (!reason(*at).empty()) last = reason(*at);
    if (at->is_object() && at->contains("type") && (*at)["type"].is_string()) type = (*at)["type"].get<std::string>();
  }
  if (last == first || first.contains(last)) return first;
  // Of an access that was denied Java says nothing but the path.
  if (type == "access_denied_exception") last = "access denied: " + last;
  if (type == "no_such_file_exception") last = "no such file: " + last;
  return first.empty() ? last : first + ": " + last;
}

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
  if (answer.outcome.exit_code != 0) return std::unexpected(curl_failure(answer.outcome, file_.url));
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
    message.headers.push_back({"Authorization", "Basic " + base64(file_.user + ":" + file_.password)});
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
  if (trim(answer.body).empty()) return json();
  json parsed = json::parse(answer.body, nullptr, false);
  if (parsed.is_discarded()) return fail(Errc::unavailable, doing + ": the answer is no JSON");
  return parsed;
}

Result<json> SearchClient::get(const std::string& path, RunContext& run) const {
  return ask({.method = "GET", .path = path}, run);
}

Result<json> SearchClient::send(const std::string& method, const std::string& path, const json& body,
                                RunContext& run) const {
  return ask({.method = method, .path = path, .body = body.is_null() ? std::string() : body.dump()}, run);
}

Result<> SearchClient::remove(const std::string& path, RunContext& run) const {
  // What is deleted may be of any size.
  auto gone = ask({.method = "DELETE", .path = path, .timeout = 30min}, run);
  if (gone || gone.error().code() == Errc::not_found) return {};
  return std::unexpected(std::move(gone).error());
}

Result<> SearchClient::introduce(const std::string& body) {
  const json said = json::parse(body, nullptr, false);
  const auto text = [&](const json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const json version = said.is_object() && said.contains("version") ? said["version"] : json();
  product_.version = text(version, "number");
  product_.distribution = text(version, "distribution");
  if (product_.distribution.empty()) product_.distribution = "elasticsearch";
  product_.cluster = text(said, "cluster_name");
  product_.cluster_uuid = text(said, "cluster_uuid");
  if (product_.version.empty())
    return fail(Errc::failed, "what answers at " + file_.url + " is neither OpenSearch nor Elasticsearch",
                "set the label davit.search.url, or davit.search=off");
  if (product_.cluster_uuid.empty() || product_.cluster_uuid == "_na_")
    return fail(Errc::unavailable, "its cluster has not formed");
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
  return fail(Errc::unavailable, "nothing answers");
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
