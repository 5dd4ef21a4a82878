#include "storage/s3/xml.hpp"

#include <catch2/catch_test_macros.hpp>

#include "storage/s3/answers.hpp"

using davit::Errc;
using namespace davit::storage::s3;

TEST_CASE("XML is read as S3 writes it", "[storage][s3]") {
  auto root = parse_xml(
      "\xef\xbb\xbf \n<?xml version=\"1.0\"?><!-- <x> -->\n<s3:A xmlns=\"a>b\" y='\"/>'>one<B/>t&amp;w&#x6f;&#252;"
      "<B z='1'>first</B><![CDATA[<&>]]><C><D>deep</D></C></s3:A>\n");
  REQUIRE(root);
  CHECK(root->name == "A");
  CHECK(root->text == "onet&wo\xc3\xbc<&>");
  REQUIRE(root->children.size() == 3);
  CHECK(root->children[1].text == "first");
  CHECK(root->text_of("B").empty());
  REQUIRE(root->child("C") != nullptr);
  CHECK(root->child("C")->text_of("D") == "deep");
  CHECK(root->child("missing") == nullptr);
  CHECK(escape_xml("a<b>&c") == "a&lt;b&gt;&amp;c");
}

TEST_CASE("what is no XML is refused", "[storage][s3]") {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  for (const std::string& text :
       {std::string(), std::string("text"), std::string("<a>"), std::string("<a></b>"), std::string("<a/><b/>"),
        std::string("<a>&nope;</a>"), std::string("<a>&amp</a>"), std::string("<a>&#0;</a>"),
        std::string("<a>&#xd800;</a>"), std::string("<!DOCTYPE a><a/>"), std::string("<a b='></a>"),
        std::string("<a><![CDATA[x</a>"), std::string("<a"), std::string("<>x</>"), deep}) {
    INFO(text.substr(0, 40));
    CHECK_FALSE(parse_xml(text));
  }
}

TEST_CASE("a listing is read with its names decoded", "[storage][s3]") {
  auto page = parse_object_page(
      "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>n&amp;t</NextContinuationToken>"
      "<Contents><Key>a%20b+c/%C3%BC</Key><Size>12345678901</Size><LastModified>2026-11-21T18:30:00.250Z</LastModified>"
      "</Contents></ListBucketResult>");
  REQUIRE(page);
  REQUIRE(page->objects.size() == 1);
  CHECK(page->objects[0].name == "a b c/\xc3\xbc");
  CHECK(page->objects[0].bytes == 12'345'678'901);
  CHECK(davit::render_rfc3339(page->objects[0].modified) == "2026-11-21T18:30:00Z");
  CHECK(page->next == "n&t");

  // A server that does not know the option sends them as they are.
  page = parse_object_page(
      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a%20b+c</Key><Size>0</Size>"
      "<LastModified>2026-11-21T18:30:00Z</LastModified></Contents></ListBucketResult>");
  REQUIRE(page);
  CHECK(page->objects[0].name == "a%20b+c");
  CHECK(page->next.empty());

  for (const std::string bad :
       {"<html></html>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>", "<ListBucketResult>"}) {
    INFO(bad);
    CHECK_FALSE(parse_object_page(bad));
  }
}

TEST_CASE("dates of HTTP are read", "[storage][s3]") {
  const auto time = parse_http_date("Sat, 21 Nov 2026 08:30:05 GMT");
  REQUIRE(time);
  CHECK(davit::render_rfc3339(*time) == "2026-11-21T08:30:05Z");
  for (const std::string_view bad : {"", "Sat, 21 Nov 2026 08:30:05 CET", "Sat, 31 Feb 2026 08:30:05 GMT",
                                     "Sat, 21 Xyz 2026 08:30:05 GMT", "Sat, 21 Nov 2026 25:30:05 GMT"})
    CHECK_FALSE(parse_http_date(bad));
}

TEST_CASE("what a server refuses is said with what to do", "[storage][s3]") {
  const auto refused = [](int status, std::string_view code, std::string_view more = "") {
    davit::net::HttpResponse response;
    response.status = status;
    if (!code.empty())
      response.body = "<Error><Code>" + std::string(code) + "</Code><Message>In the server's words.</Message>" +
                      std::string(more) + "</Error>";
    return error_of(response, "open s3://b");
  };
  CHECK(refused(403, "InvalidAccessKeyId").code() == Errc::credentials);
  CHECK(refused(403, "SignatureDoesNotMatch").message() ==
        "open s3://b: the secret key does not belong to this access key");
  CHECK(refused(403, "RequestTimeTooSkewed").hint().contains("clock"));
  CHECK(refused(403, "").code() == Errc::credentials);
  CHECK(refused(404, "NoSuchBucket").code() == Errc::not_found);
  CHECK(refused(404, "NoSuchBucket").message() == "open s3://b: there is no such bucket");
  CHECK(refused(412, "PreconditionFailed").code() == Errc::exists);
  CHECK(refused(503, "").code() == Errc::unavailable);
  CHECK(refused(301, "PermanentRedirect").code() == Errc::usage);
  const auto region = refused(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
  CHECK(region.code() == Errc::usage);
  CHECK(region.message() == "open s3://b: the bucket is in region eu-west-1");
  CHECK(region.hint().contains("--region eu-west-1"));
  CHECK(refused(418, "Teapot").message() ==
        "open s3://b: the server answers with status 418, Teapot: In the server's words");

  davit::net::HttpResponse head;  // an answer to HEAD has no body
  head.status = 301;
  head.headers = {{"x-amz-bucket-region", "eu-west-1"}};
  CHECK(error_of(head, "x").message() == "x: the bucket is in region eu-west-1");
}
