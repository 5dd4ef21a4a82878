#include "storage/s3/signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>

#include "net/url.hpp"
#include "stream/digest.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

Result<std::string> hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length) == nullptr)
    return fail(Errc::failed, "sign a request: OpenSSL refused");
  return std::string(reinterpret_cast<const char*>(digest.data()), length);
}

Result<std::string> sha256_of(std::string_view text) {
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(text))));
  return extent.sha256;
}

// Values without spaces at their ends, runs of spaces as one.
std::string squeeze(std::string_view value) {
  std::string out;
  for (const char c : trim(value))
    if (c != ' ' || !out.ends_with(' ')) out += c;
  return out;
}

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

struct Canonical {
  std::string request;
  std::string signed_headers;
};

Canonical canonical_of(const Unsigned& request) {
  std::map<std::string, std::string> headers;
  for (const net::Header& header : request.headers) {
    std::string& value = headers[lowered(header.name)];
    value += (value.empty() ? "" : ",") + squeeze(header.value);
  }
  Canonical canonical;
  canonical.request = request.method + "\n" + request.path + "\n" + request.query + "\n";
  for (const auto& [name, value] : headers) {
    canonical.request += name + ":" + value + "\n";
    canonical.signed_headers += (canonical.signed_headers.empty() ? "" : ";") + name;
  }
  canonical.request += "\n" + canonical.signed_headers + "\n" + request.body_sha256;
  return canonical;
}

}  // namespace

std::string render_query(Query query) {
  for (auto& [name, value] : query) {
    name = net::percent_encode(name);
    value = net::percent_encode(value);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query) text += (text.empty() ? "" : "&") + name + "=" + value;
  return text;
}

std::string render_amz_date(TimePoint time) { return render_name_time(time); }

Result<std::string> sign(const Unsigned& request, const Credentials& credentials, const Scope& scope, TimePoint time) {
  const Canonical canonical = canonical_of(request);
  const std::string date = render_amz_date(time);
  const std::string day = date.substr(0, date.find('T'));
  const std::string scope_text = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  TRY_ASSIGN(request_digest, sha256_of(canonical.request));
  TRY_ASSIGN(day_key, hmac("AWS4" + credentials.secret_key, day));
  TRY_ASSIGN(region_key, hmac(day_key, scope.region));
  TRY_ASSIGN(service_key, hmac(region_key, scope.service));
  TRY_ASSIGN(key, hmac(service_key, "aws4_request"));
  TRY_ASSIGN(signature, hmac(key, std::string(kAlgorithm) + "\n" + date + "\n" + scope_text + "\n" + request_digest));
  return std::string(kAlgorithm) + " Credential=" + credentials.access_key + "/" + scope_text +
         ",SignedHeaders=" + canonical.signed_headers + ",Signature=" + to_hex(std::as_bytes(std::span(signature)));
}

}  // namespace davit::storage::s3
