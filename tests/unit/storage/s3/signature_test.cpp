// The vectors that AWS has published: the examples of S3's documentation ("Signature Calculations for the Authorization
// Header"), and those of the SigV4 test suite to which S3's rules (a path signed as it is sent) give the same result.

#include "storage/s3/signature.hpp"

#include <catch2/catch_test_macros.hpp>

#include "stream/digest.hpp"

using davit::TimePoint;
using davit::net::Headers;
using namespace davit::storage::s3;

namespace {

std::string sha256(std::string_view text) { return davit::stream::extent_of(std::as_bytes(std::span(text)))->sha256; }

// "Credential=…,SignedHeaders=…,Signature=…" without what the vectors have in common.
std::string signature_of(const std::string& authorization) {
  return authorization.substr(authorization.find("Signature=") + 10);
}
std::string signed_headers_of(const std::string& authorization) {
  const std::size_t from = authorization.find("SignedHeaders=") + 14;
  return authorization.substr(from, authorization.find(',', from) - from);
}

const std::string kNothing = sha256("");

const TimePoint kDocumentation = *davit::parse_rfc3339("2013-05-24T00:00:00Z");
std::string sign_as_documented(Unsigned request) {
  const Credentials keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
  request.headers.push_back({"Host", "examplebucket.s3.amazonaws.com"});
  request.headers.push_back({"x-amz-content-sha256", request.body_sha256});
  request.headers.push_back({"x-amz-date", render_amz_date(kDocumentation)});
  auto authorization = sign(request, keys, {"us-east-1"}, kDocumentation);
  REQUIRE(authorization);
  return *authorization;
}

std::string sign_as_suite(Unsigned request) {
  const Credentials keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  const TimePoint time = *davit::parse_rfc3339("2015-08-30T12:36:00Z");
  request.headers.push_back({"Host", "example.amazonaws.com"});
  request.headers.push_back({"X-Amz-Date", render_amz_date(time)});
  if (request.body_sha256.empty()) request.body_sha256 = kNothing;
  auto authorization = sign(request, keys, {"us-east-1", "service"}, time);
  REQUIRE(authorization);
  return signature_of(*authorization);
}

}  // namespace

TEST_CASE("the examples of S3's documentation are signed as documented", "[storage][s3]") {
  const std::string get = sign_as_documented({"GET", "/test.txt", "", {{"Range", "bytes=0-9"}}, kNothing});
  CHECK(get ==
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

  const std::string put =
      sign_as_documented({"PUT",
                          "/test%24file.text",
                          "",
                          {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                          sha256("Welcome to Amazon S3.")});
  CHECK(signature_of(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(signed_headers_of(put) == "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class");

  const std::string lifecycle = sign_as_documented({"GET", "/", render_query({{"lifecycle", ""}}), {}, kNothing});
  CHECK(signature_of(lifecycle) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

  const std::string list =
      sign_as_documented({"GET", "/", render_query({{"prefix", "J"}, {"max-keys", "2"}}), {}, kNothing});
  CHECK(signature_of(list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("the test suite of SigV4 is signed as published", "[storage][s3]") {
  struct Vector {
    std::string name;
    Unsigned request;
    std::string signature;
  };
  const std::vector<Vector> vectors{
      {"get-vanilla-query-order-key-case",
       {"GET", "/", render_query({{"Param2", "value2"}, {"Param1", "value1"}}), {}, ""},
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-encoded",
       {"GET", "/", render_query({{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}}), {}, ""},
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
      {"get-vanilla-empty-query-key",
       {"GET", "/", render_query({{"Param1", "value1"}}), {}, ""},
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-utf8-query",
       {"GET", "/", render_query({{"\xe1\x88\xb4", "bar"}}), {}, ""},
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-unreserved",
       {"GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", {}, ""},
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-slash-dot-slash-unnormalized",
       {"GET", "/./", "", {}, ""},
       "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"},
      {"get-header-value-trim",
       {"GET", "/", "", {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}, ""},
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-vanilla-with-session-token",
       {"GET",
        "/",
        "",
        {{"X-Amz-Security-Token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
        ""},
       "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
      {"post-header-key-sort",
       {"POST", "/", "", {{"My-Header1", "value1"}}, ""},
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-x-www-form-urlencoded",
       {"POST",
        "/",
        "",
        {{"Content-Type", "application/x-www-form-urlencoded"},
         {"Content-Length", "13"},
         {"x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"},
       "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
  };
  for (const Vector& vector : vectors) {
    INFO(vector.name);
    CHECK(sign_as_suite(vector.request) == vector.signature);
  }
}

TEST_CASE("a query is sorted and encoded", "[storage][s3]") {
  CHECK(render_query({}).empty());
  CHECK(render_query({{"uploads", ""}}) == "uploads=");
  CHECK(render_query({{"uploadId", "a+b/c="}, {"partNumber", "7"}}) == "partNumber=7&uploadId=a%2Bb%2Fc%3D");
  CHECK(render_query({{"prefix", "a b/\xc3\xbc"}, {"list-type", "2"}}) == "list-type=2&prefix=a%20b%2F%C3%BC");
}
