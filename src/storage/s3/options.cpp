#include "storage/s3/options.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "net/url.hpp"
#include "storage/s3/profile.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::storage::s3 {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kDefaultRegion = "us-east-1";
constexpr std::string_view kAws = "amazonaws.com";

// The first that is not empty.
std::string first_of(std::initializer_list<std::string_view> values) {
  const auto* found = std::ranges::find_if(values, [](std::string_view value) { return !value.empty(); });
  return std::string(found == values.end() ? "" : *found);
}

// Both files' sections of one name, the credentials file first. Nothing if neither has it.
Result<std::optional<Profile>> profile_of(const SharedFiles& files, const std::string& name) {
  TRY_ASSIGN(credentials, find_profile(files.credentials, SharedFile::credentials, name, "the credentials file"));
  TRY_ASSIGN(config, find_profile(files.config, SharedFile::config, name, "the config file"));
  if (!credentials) return config;
  if (config) credentials->merge(*config);
  return credentials;
}

std::string value_of(const Profile& profile, std::string_view name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string() : found->second;
}

Result<Credentials> credentials_of(const Profile& profile, const std::string& name) {
  Credentials found{value_of(profile, "aws_access_key_id"), value_of(profile, "aws_secret_access_key"),
                    value_of(profile, "aws_session_token")};
  if (!found.access_key.empty() && !found.secret_key.empty()) return found;
  for (const std::string_view other :
       {"role_arn", "sso_session", "sso_start_url", "credential_process", "login_session", "web_identity_token_file"})
    if (!value_of(profile, other).empty())
      return fail(Errc::credentials,
                  "profile " + escape_for_display(name) + " has no keys of its own, but " + std::string(other),
                  "let the AWS tools give out keys: eval \"$(aws configure export-credentials --format env)\"");
  return Credentials{};
}

Result<Credentials> find_credentials(const Settings& settings, const Environment& environment, const Profile& profile,
                                     const std::string& profile_name) {
  if (settings.access_key.empty() && !settings.secret_key.empty())
    return fail(Errc::usage, "a secret key was given, and no access key", "give both or neither");
  if (!settings.access_key.empty() && !settings.secret_key.empty())
    return Credentials{settings.access_key, settings.secret_key, settings.session_token};
  if (!settings.access_key.empty()) {
    // Only the secret is one: so it may come by a better way than the access key does.
    TRY_ASSIGN(secret_key, environment.secret("AWS_SECRET_ACCESS_KEY"));
    TRY_ASSIGN(session_token, environment.secret("AWS_SESSION_TOKEN"));
    if (!secret_key)
      return fail(Errc::usage, "an access key was given, and no secret key",
                  "set AWS_SECRET_ACCESS_KEY or AWS_SECRET_ACCESS_KEY_FILE");
    return Credentials{settings.access_key, *secret_key, session_token.value_or("")};
  }
  if (settings.profile.empty()) {
    TRY_ASSIGN(access_key, environment.secret("AWS_ACCESS_KEY_ID"));
    TRY_ASSIGN(secret_key, environment.secret("AWS_SECRET_ACCESS_KEY"));
    TRY_ASSIGN(session_token, environment.secret("AWS_SESSION_TOKEN"));
    if (access_key.has_value() != secret_key.has_value())
      return fail(Errc::usage,
                  access_key ? "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"
                             : "AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not",
                  "set both or neither");
    if (access_key) return Credentials{*access_key, *secret_key, session_token.value_or("")};
  }
  TRY_ASSIGN(found, credentials_of(profile, profile_name));
  if (found.access_key.empty())
    return fail(Errc::credentials, "there are no keys for S3",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or each with _FILE), or AWS_PROFILE");
  return found;
}

// Whether the name of a bucket can be the first part of a host name that TLS certificates of "*.host" cover.
bool fits_host_name(std::string_view bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 && !bucket.starts_with('-') && !bucket.ends_with('-') &&
         std::ranges::all_of(bucket,
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

Result<std::string> check_endpoint(std::string text, bool allow_http) {
  while (text.ends_with('/')) text.pop_back();
  if (!text.contains("://")) text.insert(0, "https://");
  if (text.contains('@'))  // not shown: it may hold a password
    return fail(Errc::usage, "the endpoint holds a user or password", "give keys by AWS_ACCESS_KEY_ID and the like");
  const std::string doing = "endpoint " + escape_for_display(text);
  TRY_ASSIGN(url, in_context(net::parse_url(text), doing));
  if ((url.scheme != "https" && url.scheme != "http") || url.host.empty() ||
      url.path.find_first_of("?#") != std::string::npos)
    return fail(Errc::usage, doing + " is no address of a server", "write it like https://s3.example.org:9000");
  if (url.scheme == "http" && !allow_http)
    return fail(Errc::usage, doing + " has no TLS: whoever listens reads the backups",
                "use https://, or allow it with --allow-http");
  return text;
}

Result<std::string> read_optional(const std::optional<std::string>& named, const std::string& otherwise) {
  if (!named && otherwise.empty()) return std::string();
  auto text = read_whole_file(named.value_or(otherwise), std::size_t{1} << 20U);
  if (!text && !named && text.error().code() == Errc::not_found) return std::string();
  // One that is there and not for us to read was not meant for us, unless somebody named it.
  if (!text && !named) return std::string();
  if (!text) return std::unexpected(std::move(text).error().as(Errc::usage));
  return text;
}

}  // namespace

std::string describe(const Location& location) {
  return std::string(kScheme) + location.bucket + (location.prefix.empty() ? "" : "/" + location.prefix);
}

bool is_location(std::string_view text) { return text.starts_with(kScheme); }

Result<Location> parse_location(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::usage, "repository " + escape_for_display(text) + " " + std::string(why),
                "write it like s3://bucket/prefix");
  };
  if (!is_location(text)) return refuse("is not in S3");
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  Location location{std::string(rest.substr(0, slash)), {}};
  rest.remove_prefix(slash);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  location.prefix = rest;
  if (location.bucket.empty()) return refuse("names no bucket");
  // The names that AWS allows, and older servers' larger letters and underscores.
  const auto in_bucket = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  if (!std::ranges::all_of(location.bucket, in_bucket) || location.bucket.starts_with('.'))
    return refuse("has a bucket of a name that can't be one");
  if (location.prefix.size() > 512) return refuse("has a prefix longer than 512 bytes");
  if (!is_utf8(location.prefix) ||
      std::ranges::any_of(location.prefix, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return refuse("has a prefix that is no text");
  if (("/" + location.prefix + "/").contains("/./") || ("/" + location.prefix + "/").contains("/../") ||
      location.prefix.contains("//"))
    return refuse("has a prefix with an empty part, \".\" or \"..\"");
  return location;
}

Result<SharedFiles> read_shared_files(const Environment& environment) {
  const std::string home = environment.get("HOME").value_or("");
  const auto path = [&](std::string_view name) { return home.empty() ? "" : home + "/.aws/" + std::string(name); };
  SharedFiles files;
  TRY_ASSIGN(credentials, in_context(read_optional(environment.get("AWS_SHARED_CREDENTIALS_FILE"), path("credentials")),
                                     "AWS_SHARED_CREDENTIALS_FILE"));
  TRY_ASSIGN(config, in_context(read_optional(environment.get("AWS_CONFIG_FILE"), path("config")), "AWS_CONFIG_FILE"));
  files.credentials = std::move(credentials);
  files.config = std::move(config);
  return files;
}

Result<Options> resolve(const Location& location, const Settings& settings, const Environment& environment,
                        const SharedFiles& files) {
  const auto variable = [&](std::string_view name) { return environment.get(name).value_or(""); };
  const std::string profile_name = first_of({settings.profile, variable("AWS_PROFILE"), "default"});
  TRY_ASSIGN(profile, profile_of(files, profile_name));
  if (!profile && !settings.profile.empty())
    return fail(Errc::usage, "profile " + escape_for_display(profile_name) + " is in none of the files of AWS",
                "they are ~/.aws/credentials and ~/.aws/config, or those that AWS_SHARED_CREDENTIALS_FILE and "
                "AWS_CONFIG_FILE name");
  if (!profile) profile.emplace();

  Options options;
  options.location = location;
  TRY_ASSIGN(credentials, find_credentials(settings, environment, *profile, profile_name));
  options.credentials = std::move(credentials);
  options.region = first_of({settings.region, variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"),
                             value_of(*profile, "region"), kDefaultRegion});
  options.ca_file = first_of({settings.ca_file, variable("AWS_CA_BUNDLE"), value_of(*profile, "ca_bundle")});

  const std::string named = first_of({settings.endpoint, variable("AWS_ENDPOINT_URL_S3"), variable("AWS_ENDPOINT_URL"),
                                      value_of(*profile, "endpoint_url")});
  TRY_ASSIGN(endpoint, check_endpoint(named.empty() ? "https://s3." + options.region + "." + std::string(kAws) : named,
                                      settings.allow_http));
  options.endpoint = std::move(endpoint);
  if (settings.path_style && settings.virtual_host)
    return fail(Errc::usage, "the bucket can't be both in the path and in the host name", "choose one");
  TRY_ASSIGN(url, net::parse_url(options.endpoint));
  const bool aws = url.host.ends_with("." + std::string(kAws)) || url.host.ends_with("." + std::string(kAws) + ".cn");
  const std::string style = value_of(*profile, "s3.addressing_style");
  const bool asked = settings.virtual_host || (style == "virtual" && !settings.path_style);
  options.path_style = settings.path_style || (!asked && (style == "path" || !aws || !fits_host_name(location.bucket)));
  return options;
}

Result<Options> resolve(const Location& location, const Settings& settings, const Environment& environment) {
  TRY_ASSIGN(files, read_shared_files(environment));
  return resolve(location, settings, environment, files);
}

}  // namespace davit::storage::s3
