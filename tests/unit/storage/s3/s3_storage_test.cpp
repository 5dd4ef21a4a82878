#include "storage/s3/s3_storage.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <span>

#include "storage/s3/lease.hpp"
#include "support/fake_s3.hpp"
#include "support/storage_access.hpp"

using davit::Errc;
using davit::storage::Storage;
using namespace davit::test;
namespace s3 = davit::storage::s3;

namespace {

const davit::Clock kClock;

std::unique_ptr<Storage> open_storage(const FakeS3& server, const std::string& prefix = "p") {
  auto opened = s3::open(server.options(prefix), kClock);
  REQUIRE(opened);
  return std::move(*opened);
}

template <class T>
Errc code_of(const davit::Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code();
}

}  // namespace

TEST_CASE("S3 with wrong keys, region, bucket or clock is refused when it is opened", "[storage][s3]") {
  FakeS3 server;
  s3::Options options = server.options("p");
  CHECK(s3::open(options, kClock).value()->describe() == "s3://bucket/p");

  options.credentials.access_key = "NOBODY";
  auto refused = s3::open(options, kClock);
  CHECK(code_of(refused) == Errc::credentials);
  CHECK(refused.error().message() ==
        "open s3://bucket/p: list s3://bucket/p/: the server does not know this access key");

  options = server.options("p");
  options.credentials.secret_key = "WRONG";
  CHECK(code_of(s3::open(options, kClock)) == Errc::credentials);

  options = server.options("p");
  options.location.bucket = "nowhere";
  refused = s3::open(options, kClock);
  CHECK(code_of(refused) == Errc::not_found);
  CHECK(refused.error().hint().contains("create it"));

  server.advance(std::chrono::hours(2));
  // The fake allows for its own hours ahead; what it says then is what a server with another clock says.
  server.on_request([](const SeenRequest&) {
    Answer answer;
    answer.status = 403;
    answer.body = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
    return std::optional(answer);
  });
  refused = s3::open(server.options("p"), kClock);
  CHECK(code_of(refused) == Errc::credentials);
  CHECK(refused.error().hint() == "set the clock of this machine right");
}

TEST_CASE("S3 at another address than the bucket's is explained, and not followed", "[storage][s3]") {
  FakeS3 server;
  server.on_request([](const SeenRequest&) {
    Answer answer;
    answer.status = 301;
    answer.headers = {{"Location", "http://127.0.0.1:1/"}, {"x-amz-bucket-region", "eu-west-3"}};
    answer.body = "<Error><Code>PermanentRedirect</Code></Error>";
    return std::optional(answer);
  });
  auto refused = s3::open(server.options("p"), kClock);
  CHECK(code_of(refused) == Errc::usage);
  CHECK(refused.error().hint().contains("--region eu-west-3"));
  CHECK(server.requests() == 1);
}

TEST_CASE("what is no S3 server is told as such", "[storage][s3]") {
  FakeS3 server;
  server.on_request([](const SeenRequest&) {
    Answer answer;
    answer.body = "<html><body>welcome</body></html>";
    return std::optional(answer);
  });
  auto refused = s3::open(server.options("p"), kClock);
  CHECK(code_of(refused) == Errc::failed);
  CHECK(refused.error().hint().contains("endpoint"));
}

TEST_CASE("a server that cannot be reached is unavailable", "[storage][s3]") {
  s3::Options options;
  {
    FakeS3 server;
    options = server.options("p");
  }
  auto refused = s3::open(options, kClock);
  CHECK(code_of(refused) == Errc::unavailable);
  CHECK(refused.error().message().contains("connection refused"));
}

TEST_CASE("the bucket may be in the host name", "[storage][s3]") {
  FakeS3 server;
  s3::Options options = server.options("p");
  options.endpoint.replace(options.endpoint.find("127.0.0.1"), 9, "localhost");
  options.path_style = false;
  auto storage = s3::open(options, kClock);
  REQUIRE(storage);
  REQUIRE(put(**storage, "a b", "x"));
  CHECK(get(**storage, "a b") == "x");
  CHECK(server.objects().contains("p/a b"));
  for (const SeenRequest& request : server.seen())
    CHECK(davit::net::find_header(request.headers, "Host")->starts_with("bucket.localhost:"));
}

TEST_CASE("a session token is sent and signed", "[storage][s3]") {
  FakeS3 server;
  s3::Options options = server.options("p");
  options.credentials.session_token = "TOKEN";
  REQUIRE(s3::open(options, kClock));  // the fake checks what is signed
  const SeenRequest request = server.seen().back();
  CHECK(davit::net::find_header(request.headers, "X-Amz-Security-Token") == "TOKEN");
  CHECK(davit::net::find_header(request.headers, "Authorization")->contains("x-amz-security-token"));
}

TEST_CASE("parts are of equal size, but for the last", "[storage][s3]") {
  FakeS3 server({.least_part = 100'000, .equal_parts = true});
  auto storage = open_storage(server);
  const std::string text = sample_bytes(1'234'567);
  REQUIRE(put(*storage, "object", text));
  CHECK(server.objects().at("p/object").bytes == text);
  std::vector<std::size_t> expected(12, 100'000);
  expected.push_back(34'567);
  CHECK(server.part_sizes() == expected);
  CHECK(get(*storage, "object") == text);
  CHECK(get(*storage, "object", 1'000'001) == text.substr(1'000'001));

  REQUIRE(put(*storage, "whole parts", text.substr(0, 300'000)));
  CHECK(server.part_sizes() == std::vector<std::size_t>(3, 100'000));
  // What fits into one part needs no upload.
  const std::size_t before = server.requests();
  REQUIRE(put(*storage, "one part", text.substr(0, 100'000)));
  CHECK(server.requests() == before + 2);  // it is looked for afterwards
  CHECK(server.uploads().empty());
  CHECK(server.objects().size() == 3);
}

TEST_CASE("no request has a trailer or a checksum that other servers do not know", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  REQUIRE(put(*storage, "object", sample_bytes(250'000)));
  for (const SeenRequest& request : server.seen()) {
    for (const davit::net::Header& header : request.headers) {
      CHECK_FALSE(header.value.contains("aws-chunked"));
      CHECK_FALSE(header.value.contains("STREAMING"));
      CHECK_FALSE(header.name.contains("checksum"));
      CHECK_FALSE(header.name == "Transfer-Encoding");
    }
  }
}

TEST_CASE("where the server ignores conditions an existing object is not replaced either", "[storage][s3]") {
  FakeS3 server({.conditional_put = false, .conditional_complete = false});
  auto storage = open_storage(server);
  for (const std::size_t size : {10U, 250'000U}) {
    const std::string key = "object " + std::to_string(size);
    REQUIRE(put(*storage, key, sample_bytes(size)));
    CHECK(code_of(put(*storage, key, sample_bytes(size, 2))) == Errc::exists);
    CHECK(get(*storage, key) == sample_bytes(size));
  }
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(set);
  CHECK(code_of(storage->stage("backups/shop/1", "run")) == Errc::exists);
  REQUIRE((*set)->publish("manifest.json", "{}"));
  auto other = storage->stage("backups/shop/1", "run");
  CHECK(code_of((*other)->publish("manifest.json", "{}")) == Errc::exists);
  other->reset();
  CHECK(server.uploads().empty());
  CHECK(server.objects().size() == 3);
}

TEST_CASE("an object that is replaced while it is read is not mixed", "[storage][s3]") {
  FakeS3 server({.if_match = GENERATE(true, false)});
  auto storage = open_storage(server);
  server.put("p/object", sample_bytes(900'000));
  auto source = storage->open("object");
  REQUIRE(source);
  server.put("p/object", sample_bytes(900'000, 2));
  auto text = davit::stream::read_all(**source, 1U << 20U);
  CHECK(code_of(text) == Errc::corrupt);
  auto removed = storage->open("object");
  server.remove("p/object");
  CHECK(code_of(davit::stream::read_all(**removed, 1U << 20U)) == Errc::corrupt);
}

TEST_CASE("a server that sends whole objects for ranges is not believed", "[storage][s3]") {
  FakeS3 server({.ranges = false});
  auto storage = open_storage(server);
  server.put("p/small", sample_bytes(50'000));
  server.put("p/large", sample_bytes(250'000));
  CHECK(get(*storage, "small") == sample_bytes(50'000));
  CHECK_FALSE(get(*storage, "small", 10));
  CHECK_FALSE(get(*storage, "large"));
}

TEST_CASE("what others keep in the bucket is left alone and not listed", "[storage][s3]") {
  FakeS3 server;
  for (const std::string name : {"other", "p", "pp/x", "p/.hidden/x", "p/a//b", "p/dir/", "p/new\nline"})
    server.put(name, "theirs");
  auto storage = open_storage(server);
  REQUIRE(put(*storage, "mine", "x"));
  CHECK(contents(*storage) == std::map<std::string, std::string>{{"mine", "x"}});
  CHECK(storage->sweep({})->empty());
  CHECK(server.objects().size() == 8);
  // The whole bucket as a repository.
  auto whole = open_storage(server, "");
  CHECK(contents(*whole) ==
        std::map<std::string, std::string>{{"other", "theirs"}, {"p", "theirs"}, {"p/mine", "x"}, {"pp/x", "theirs"}});
}

TEST_CASE("a set is in uploads and in memory until it is published", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(set);
  REQUIRE(put(**set, "big", sample_bytes(950'000)));
  REQUIRE(put(**set, "small", "x"));
  CHECK(server.uploads() == std::vector<std::string>{"p/backups/shop/1/big"});
  CHECK(server.objects().size() == 1);
  const auto lease = s3::parse_lease(server.objects().at("p/.current/run").bytes);
  REQUIRE(lease);
  CHECK(*lease == s3::LeaseText{.is_set = true, .name = "p/backups/shop/1", .objects = {}, .last = {}});
  REQUIRE((*set)->publish("manifest.json", "{}"));
  CHECK(server.uploads().empty());
  CHECK_FALSE(server.objects().contains("p/.current/run"));
}

TEST_CASE("many small objects of a set do not fill the memory", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(set);
  for (int i = 0; i < 60; ++i) REQUIRE(put(**set, "object " + std::to_string(i), sample_bytes(90'000, 3)));
  CHECK(server.uploads().size() == 60 - 46);  // 46 times 90,000 bytes wait in memory
  REQUIRE((*set)->publish("manifest.json", "{}"));
  CHECK(server.objects().size() == 61);
  CHECK(server.objects().at("p/backups/shop/1/object 59").bytes == sample_bytes(90'000, 3));
}

TEST_CASE("a page of whatever stands between us and the server is never taken for an object", "[storage][s3]") {
  const auto page = [](const SeenRequest& request, std::string_view method) -> std::optional<Answer> {
    if (request.method != method || !request.target.contains("/p/object")) return std::nullopt;
    Answer answer;
    answer.headers = {{"ETag", "\"aa\""}};
    answer.body = "<html>please log in</html>";
    return answer;
  };
  FakeS3 server;
  auto storage = open_storage(server);
  const std::string text = sample_bytes(5'000);
  SECTION("stored in one request") {
    server.on_request([&](const SeenRequest& request) { return page(request, "PUT"); });
    const auto stored = put(*storage, "object", text);
    REQUIRE_FALSE(stored);
    CHECK(stored.error().message().ends_with("the server says that it was stored, and it is not there"));
    CHECK(server.objects().empty());
  }
  SECTION("read") {
    REQUIRE(put(*storage, "object", text));
    server.on_request([&](const SeenRequest& request) { return page(request, "GET"); });
    auto source = storage->open("object");
    REQUIRE(source);
    CHECK_FALSE(davit::stream::read_all(**source, 1 << 20));
  }
}

TEST_CASE("a sweep leaves the uploads of an object that another run stores by now", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  const s3::LeaseText text{.is_set = false, .name = "p/object", .objects = {}, .last = {}};
  server.put("p/.current/object-dead", s3::render_lease(text));
  server.advance(std::chrono::hours(1));
  server.put("p/.current/object-live", s3::render_lease(text));
  const std::string sample = sample_bytes(350'000);
  auto writer = storage->create("object");
  REQUIRE(writer);
  REQUIRE((*writer)->write(std::as_bytes(std::span(sample))));
  REQUIRE(server.uploads().size() == 1);
  CHECK(storage->sweep({})->empty());
  CHECK(server.uploads().size() == 1);
  CHECK(server.objects().contains("p/.current/object-dead"));
  REQUIRE((*writer)->finish());
  CHECK((*writer)->commit());
}

TEST_CASE("a run that others may have taken for dead publishes nothing", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  auto set = storage->stage("backups/shop/1", "run");
  REQUIRE(set);
  REQUIRE(put(**set, "big", sample_bytes(250'000)));
  REQUIRE(put(**set, "small", "x"));
  SECTION("its lease was not written for long by the server's clock, whatever ours says") {
    server.advance(std::chrono::minutes(20));
  }
  SECTION("its lease is gone") { server.remove("p/.current/run"); }
  SECTION("its lease is somebody else's") {
    server.on_request([&](const SeenRequest& request) -> std::optional<Answer> {
      if (request.method != "HEAD" || !request.target.contains("/.current/run")) return std::nullopt;
      Answer answer;
      answer.headers = {{"Content-Length", "1"}, {"x-amz-meta-davit-writer", "theirs"}};
      return answer;
    });
  }
  const auto published = (*set)->publish("manifest.json", "{}");
  REQUIRE_FALSE(published);
  CHECK(published.error().message().contains("taken it for dead"));
  set->reset();
  CHECK(server.objects().empty());
  CHECK(server.uploads().empty());
}

TEST_CASE("what a dead run left is swept once its lease has ended", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  // As a run that was killed while it published leaves it.
  {
    auto set = storage->stage("backups/shop/1", "dead");
    REQUIRE(put(**set, "big", sample_bytes(250'000)));
    server.fail_from(0, Fault::reset);
  }
  server.fail_at(1'000'000, Fault::reset);
  const s3::LeaseText text{.is_set = true,
                           .name = "p/backups/shop/1",
                           .objects = {"p/backups/shop/1/small", "p/elsewhere"},
                           .last = "p/backups/shop/1/manifest.json"};
  server.put("p/.current/dead", s3::render_lease(text));
  server.put("p/backups/shop/1/small", "x");
  server.put("p/elsewhere", "x");
  server.put("p/.current/foreign", "not ours");
  CHECK(server.uploads().size() == 1);

  CHECK(storage->sweep({})->empty());  // it may live
  server.advance(std::chrono::hours(1));
  CHECK(storage->sweep({"dead"})->empty());
  CHECK(server.uploads().size() == 1);
  CHECK(storage->sweep({}) ==
        std::vector<std::string>{"s3://bucket/p/backups/shop/1: 2 objects that a dead run left unfinished"});
  CHECK(server.uploads().empty());
  CHECK(server.objects().size() == 2);
  CHECK(server.objects().contains("p/elsewhere"));
  CHECK(storage->sweep({})->empty());
}

TEST_CASE("a set that was published before its run died stays", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  const s3::LeaseText text{.is_set = true,
                           .name = "p/backups/shop/1",
                           .objects = {"p/backups/shop/1/small"},
                           .last = "p/backups/shop/1/manifest.json"};
  server.put("p/.current/dead", s3::render_lease(text));
  server.put("p/backups/shop/1/small", "x");
  server.put("p/backups/shop/1/manifest.json", "{}");
  server.advance(std::chrono::hours(1));
  CHECK(storage->sweep({})->empty());
  CHECK(server.objects().size() == 2);
}

TEST_CASE("the upload of an object outside of a set is swept, too", "[storage][s3]") {
  FakeS3 server;
  {
    auto storage = open_storage(server);
    auto writer = storage->create("dump");
    REQUIRE(write_text(**writer, sample_bytes(350'000)));
    REQUIRE((*writer)->finish());
    server.fail_from(0, Fault::reset);
  }
  server.fail_at(1'000'000, Fault::reset);
  CHECK(server.uploads() == std::vector<std::string>{"p/dump"});
  server.advance(std::chrono::hours(1));
  CHECK(open_storage(server)->sweep({})->size() == 1);
  CHECK(server.uploads().empty());
  CHECK(server.objects().empty());
}

TEST_CASE("asked to stop, S3 stops and still tidies up", "[storage][s3]") {
  FakeS3 server;
  std::stop_source stop;
  s3::Options options = server.options("p");
  options.stop = stop.get_token();
  auto storage = s3::open(options, kClock);
  REQUIRE(storage);
  {
    auto set = (*storage)->stage("backups/shop/1", "run");
    REQUIRE(set);
    auto writer = (*set)->create("big");
    REQUIRE(write_text(**writer, sample_bytes(250'000)));
    stop.request_stop();
    CHECK(code_of(write_text(**writer, sample_bytes(250'000))) == Errc::cancelled);
  }
  CHECK(server.uploads().empty());
  CHECK(server.objects().empty());
}

TEST_CASE("asked to stop while an upload begins, none is left", "[storage][s3]") {
  FakeS3 server;
  std::stop_source stop;
  s3::Options options = server.options("p");
  options.stop = stop.get_token();
  auto storage = s3::open(options, kClock);
  REQUIRE(storage);
  {
    auto writer = (*storage)->create("dump");
    REQUIRE(writer);
    // The second request, behind that of the lease, is done, and its answer never comes.
    server.fail_at(1, Fault::reset_after);
    server.on_request([&](const SeenRequest& request) -> std::optional<Answer> {
      if (request.method == "POST") stop.request_stop();
      return std::nullopt;
    });
    CHECK(code_of(write_text(**writer, sample_bytes(250'000))) == Errc::cancelled);
    CHECK(server.uploads().size() == 1);
  }
  CHECK(server.uploads().empty());
  CHECK(server.objects().empty());
}

TEST_CASE("a name that another request is at work on is asked for again", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  int refused = 0;
  server.on_request([&](const SeenRequest& request) -> std::optional<Answer> {
    if (request.method != "PUT" || !request.target.contains("/p/dump") || refused == 2) return std::nullopt;
    ++refused;
    return s3_error(409, "ConditionalRequestConflict");
  });
  CHECK(put(*storage, "dump", "x"));
  CHECK(refused == 2);
  CHECK(contents(*storage) == std::map<std::string, std::string>{{"dump", "x"}});
}

TEST_CASE("an error behind a 200 is an error, whatever was asked for", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server);
  REQUIRE(put(*storage, "there", "x"));
  server.on_request([&](const SeenRequest& request) -> std::optional<Answer> {
    if (request.method == "HEAD") return std::nullopt;
    return s3_error(200, "AccessDenied");
  });
  CHECK(code_of(storage->remove("there")) == Errc::credentials);
  CHECK(code_of(storage->list("")) == Errc::credentials);
  CHECK(code_of(put(*storage, "new", "x")) == Errc::credentials);
  CHECK_FALSE(get(*storage, "there"));
  CHECK(server.objects().size() == 1);
}

TEST_CASE("a key whose name is too long for S3 is refused", "[storage][s3]") {
  FakeS3 server;
  auto storage = open_storage(server, std::string(400, 'p'));
  const std::string key = std::string(250, 'a') + "/" + std::string(250, 'b') + "/" + std::string(200, 'c');
  CHECK(code_of(storage->create(key)) == Errc::usage);
  CHECK(code_of(storage->stat(key)) == Errc::usage);
}
