#pragma once
// How an S3 repository is reached: "s3://bucket/prefix", and the settings that make it so, from flags, variables and
// the files that the AWS tools share. Everything here is pure, but for read_shared_files().

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

#include "util/env.hpp"
#include "util/error.hpp"

namespace davit::storage::s3 {

struct Location {
  std::string bucket;
  std::string prefix;  // without slashes at its ends; empty: the whole bucket
  bool operator==(const Location&) const = default;
};

// "s3://bucket/prefix"
[[nodiscard]] std::string describe(const Location& location);
[[nodiscard]] bool is_location(std::string_view text);  // whether it begins with "s3://"
// "s3://bucket", "s3://bucket/", "s3://bucket/some/prefix/". Errc::usage for anything else.
[[nodiscard]] Result<Location> parse_location(std::string_view text);

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: none
};

struct Retries {
  int attempts = 8;        // of one request, the first included
  int first_attempts = 3;  // of a request to a server that has never answered
  std::chrono::milliseconds first_delay{250};
  std::chrono::milliseconds longest_delay{std::chrono::seconds(20)};
};

struct Options {
  Location location;
  std::string endpoint;  // "https://host[:port][/path]", without a slash at its end
  std::string region;
  Credentials credentials;
  bool path_style = true;  // the bucket in the path; otherwise in the host name
  std::string ca_file;     // PEM; empty: the system's certificates
  // Parts of this size are sent until so many are that they must grow (see part_plan.hpp); an object up to this size is
  // sent in one request. 5 MiB to 5 GiB.
  std::size_t part_bytes = std::size_t{16} << 20U;
  // Requests at once for one object. Memory for one object: (parallel + 1) × part_bytes.
  std::size_t parallel = 4;
  Retries retries;
  std::chrono::seconds idle_timeout{60};  // a request on which no byte moves for so long is given up, and repeated
  std::stop_token stop = {};              // asked to stop, every request but those that tidy up ends: Errc::cancelled
};

// What a user said; what is empty was not said.
struct Settings {
  std::string endpoint;
  std::string region;
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  std::string profile;
  std::string ca_file;
  bool path_style = false;    // even where the bucket would go into the host name
  bool virtual_host = false;  // the other way round
  bool allow_http = false;    // else an endpoint without TLS is Errc::usage
};

// The texts of the files that the AWS tools share; empty: there is none.
struct SharedFiles {
  std::string credentials;
  std::string config;
};
// Those that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, else those in ~/.aws. One that is named must exist.
[[nodiscard]] Result<SharedFiles> read_shared_files(const Environment& environment);

// Settings first, then variables, then the files:
// - keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (each also as NAME_FILE); or the profile that
//   `profile`, AWS_PROFILE or "default" names. A profile that is named in the settings goes before the variables. An
//   access key of the settings may have its secret key in the variables.
// - region: AWS_REGION, AWS_DEFAULT_REGION, the profile's; else us-east-1.
// - endpoint: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's endpoint_url; else that of AWS in the region.
// - CA file: AWS_CA_BUNDLE, the profile's ca_bundle.
// The bucket goes into the path, unless the endpoint is AWS's and the name of the bucket can be part of a host name.
// Errc::credentials if there are no keys; Errc::usage for everything that contradicts itself.
[[nodiscard]] Result<Options> resolve(const Location& location, const Settings& settings,
                                      const Environment& environment, const SharedFiles& files);
// The same with the files read.
[[nodiscard]] Result<Options> resolve(const Location& location, const Settings& settings,
                                      const Environment& environment);

}  // namespace davit::storage::s3
