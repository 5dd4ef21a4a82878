#include "sources/opensearch/search_error.hpp"

#include "sources/json_field.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::string_view kHowToSignIn =
    "name the user by the label davit.search.user, and a file in the container with the password by "
    "davit.search.password_file";
constexpr std::string_view kHowToTrust =
    "name the CA certificate in the container by the label davit.search.ca, or set davit.search.insecure=true";
constexpr std::string_view kHowToLift =
    "lift the block (PUT INDEX/_settings {\"index.blocks.read_only\": null}, by the name of the block), and try again";

constexpr int kNoSuchHost = 6;
constexpr int kRefused = 7;
constexpr int kTimeOut = 28;
constexpr int kTlsFailed = 35;
constexpr int kEmptyReply = 52;
constexpr int kSendFailed = 55;
constexpr int kReceiveFailed = 56;
constexpr int kNotTrusted = 60;
constexpr int kBadCaFile = 77;

}  // namespace

Error curl_failure(int exit_code, const std::string& said, const std::string& url) {
  const std::string why =
      "ask " + url + ": " + (said.empty() ? "curl ended with exit code " + std::to_string(exit_code) : said);
  switch (exit_code) {
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

Error status_failure(std::string_view doing, int status, std::string_view body) {
  const json parsed = json::parse(body, nullptr, false);
  std::string reason = reason_of(parsed);
  if (reason.empty()) reason = "status " + std::to_string(status);
  const std::string why = std::string(doing) + ": " + escape_for_display(reason);
  switch (status) {
    case 401:
    case 403:
      // Not the user is refused, but whoever asks.
      if (text_field(field(parsed, "error"), "type") == "cluster_block_exception")
        return {Errc::failed, why, std::string(kHowToLift)};
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

std::string reason_of(const json& answer) {
  if (!answer.is_object() || !answer.contains("error")) return {};
  const json* at = &answer["error"];
  if (at->is_string()) return at->get<std::string>();
  std::string first = text_field(*at, "reason");
  std::string last = first;
  std::string type;
  while (at->is_object() && at->contains("caused_by")) {
    at = &(*at)["caused_by"];
    if (const std::string reason = text_field(*at, "reason"); !reason.empty()) last = reason;
    if (const std::string deeper = text_field(*at, "type"); !deeper.empty()) type = deeper;
  }
  if (last == first || first.contains(last)) return first;
  // Of an access that was denied Java says nothing but the path.
  if (type == "access_denied_exception") last = "access denied: " + last;
  if (type == "no_such_file_exception") last = "no such file: " + last;
  return first.empty() ? last : first + ": " + last;
}

}  // namespace davit::sources
