#pragma once
// AWS Signature Version 4 in the Authorization header, as S3 wants it: the path is signed as it is sent
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Pure.

#include <string>
#include <utility>
#include <vector>

#include "net/http_types.hpp"
#include "storage/s3/options.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace davit::storage::s3 {

using Query = std::vector<std::pair<std::string, std::string>>;  // names and values, not encoded
// Sorted and encoded, as it is both sent and signed: "list-type=2&prefix=a%20b", "uploads=".
[[nodiscard]] std::string render_query(Query query);

struct Unsigned {
  std::string method;
  std::string path;      // as it is sent: encoded
  std::string query;     // the same, see render_query()
  net::Headers headers;  // all of them are signed; with Host and X-Amz-Date
  std::string body_sha256;
};

struct Scope {
  std::string region;
  std::string service = "s3";
};

// "20130524T000000Z", the value of X-Amz-Date.
[[nodiscard]] std::string render_amz_date(TimePoint time);
// The value of the Authorization header. Fails only if OpenSSL does.
[[nodiscard]] Result<std::string> sign(const Unsigned& request, const Credentials& credentials, const Scope& scope,
                                       TimePoint time);

}  // namespace davit::storage::s3
