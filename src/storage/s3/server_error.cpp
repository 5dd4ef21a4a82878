// The table of what goes wrong at an S3 server, and what a user can do about it.

#include <algorithm>
#include <array>
#include <format>

#include "storage/s3/answers.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

struct Known {
  std::string_view code;  // of the server
  Errc kind;
  std::string_view why;  // empty: the server's message is good enough
  std::string_view hint;
};

constexpr std::string_view kCheckKeys = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or --key and --secret)";
constexpr std::string_view kNewToken = "get new keys and a new session token";
constexpr std::string_view kPermissions =
    "these keys need s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject, s3:PutObject, "
    "s3:DeleteObject and s3:AbortMultipartUpload on its objects";

constexpr std::array kKnown{
    Known{"InvalidAccessKeyId", Errc::credentials, "the server does not know this access key", kCheckKeys},
    Known{"SignatureDoesNotMatch", Errc::credentials, "the secret key does not belong to this access key", kCheckKeys},
    Known{"InvalidToken", Errc::credentials, "the session token is not valid", kNewToken},
    Known{"ExpiredToken", Errc::credentials, "the session token has expired", kNewToken},
    Known{"AccessDenied", Errc::credentials, "access is denied", kPermissions},
    Known{"AllAccessDisabled", Errc::credentials, "all access to the bucket is disabled", ""},
    Known{"RequestTimeTooSkewed", Errc::credentials, "the clocks of this machine and of the server differ too much",
          "set the clock of this machine right"},
    Known{"NoSuchBucket", Errc::not_found, "there is no such bucket", "check its name, or create it: davit makes none"},
    Known{"InvalidBucketName", Errc::usage, "the name of the bucket is not valid", "check its name"},
    Known{"NoSuchKey", Errc::not_found, "no such object", ""},
    Known{"NoSuchUpload", Errc::failed, "the upload has gone meanwhile",
          "a rule of the bucket or another program may have aborted it; run again"},
    Known{"PreconditionFailed", Errc::exists, "it exists already", ""},
    Known{"ConditionalRequestConflict", Errc::exists, "another one is being stored there at the same time", ""},
    Known{"QuotaExceeded", Errc::failed, "the quota is used up", "raise the quota or remove old backups"},
    Known{"XMinioStorageFull", Errc::failed, "the server has no space left", "free space there"},
    Known{"EntityTooLarge", Errc::failed, "the server does not take a part of that size", ""},
    Known{"MethodNotAllowed", Errc::failed, "the server does not allow this",
          "check that the endpoint is the one of S3, and not of a web console"},
};

constexpr std::array<std::string_view, 4> kElsewhere{"PermanentRedirect", "TemporaryRedirect", "Redirect",
                                                     "AuthorizationHeaderMalformed"};

// Without a body (an answer to HEAD) only the status tells.
std::string_view code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return "AccessDenied";
    case 404:
      return "NoSuchKey";
    case 409:
      return "ConditionalRequestConflict";
    case 412:
      return "PreconditionFailed";
    default:
      return "";
  }
}

Error elsewhere(std::string doing, const std::string& region, int status) {
  if (!region.empty())
    return {Errc::usage, std::move(doing) + ": the bucket is in region " + escape_for_display(region),
            "use --region " + escape_for_display(region) + " (or AWS_REGION)"};
  return {Errc::usage,
          std::move(doing) + ": the server answers with status " + std::to_string(status) +
              ", a redirection to another place",
          "check --region and the address of the endpoint"};
}

}  // namespace

bool is_success(const net::HttpResponse& response) {
  return response.ok() && (response.body.empty() || !parse_server_error(response.body));
}

Error error_of(const net::HttpResponse& response, std::string_view doing) {
  const ServerError error =
      parse_server_error(response.body).value_or(ServerError{std::string(code_of_status(response.status)), "", ""});
  const std::string region =
      error.region.empty() ? std::string(response.header("x-amz-bucket-region").value_or("")) : error.region;
  const bool moved = response.status >= 300 && response.status < 400;
  // AWS says "malformed" for a signature made for another region, and then names the right one.
  if (moved || (std::ranges::contains(kElsewhere, error.code) &&
                (error.code != "AuthorizationHeaderMalformed" || !region.empty())))
    return elsewhere(std::string(doing), region, response.status);
  if (response.status == 400 && error.code.empty() && !region.empty())
    return elsewhere(std::string(doing), region, response.status);

  if (response.status >= 400 && !response.body.empty() && !parse_server_error(response.body))
    return {is_worth_repeating(response) ? Errc::unavailable : Errc::failed,
            std::string(doing) + ": status " + std::to_string(response.status) + ", and the answer is none of S3",
            "check the address of the endpoint: --endpoint or AWS_ENDPOINT_URL"};

  const auto known = std::ranges::find(kKnown, error.code, &Known::code);
  if (known != kKnown.end())
    return {known->kind, std::string(doing) + ": " + std::string(known->why), std::string(known->hint)};
  const Errc kind = is_worth_repeating(response) ? Errc::unavailable : Errc::failed;
  std::string why = "the server answers with status " + std::to_string(response.status);
  if (!error.code.empty()) why += ", " + escape_for_display(error.code);
  if (!error.message.empty()) why += ": " + escape_for_display(error.message.substr(0, 200));
  while (why.ends_with('.')) why.pop_back();
  return {kind, std::string(doing) + ": " + why,
          kind == Errc::unavailable ? "the server may be overloaded; run again later" : ""};
}

bool is_worth_repeating(const net::HttpResponse& response) {
  switch (response.status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    case 200:
    case 400: {
      // CompleteMultipartUpload and copies may fail after their 200 has been sent.
      // The last three: what we sent was altered on its way.
      constexpr std::array<std::string_view, 8> kPassing{"InternalError",
                                                         "RequestTimeout",
                                                         "SlowDown",
                                                         "ServiceUnavailable",
                                                         "OperationAborted",
                                                         "BadDigest",
                                                         "XAmzContentSHA256Mismatch",
                                                         "IncompleteBody"};
      const auto error = parse_server_error(response.body);
      return error && std::ranges::contains(kPassing, error->code);
    }
    case 409: {
      // Another request of this name is under way, which may be our own, given up too early: once it has ended, the
      // answer is a clear one.
      const auto error = parse_server_error(response.body);
      return error && (error->code == "OperationAborted" || error->code == "ConditionalRequestConflict");
    }
    default:
      return false;
  }
}

}  // namespace davit::storage::s3
