// S3 with a server that fails at every request in turn: uploads end complete or failed, never wrong.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_adapters.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <functional>
#include <future>

#include "storage/s3/s3_storage.hpp"
#include "support/fake_s3.hpp"
#include "support/storage_access.hpp"

using davit::Errc;
using davit::Result;
using davit::storage::Storage;
using namespace davit::test;

namespace {

const davit::Clock kClock;
const std::string kBig = sample_bytes(350'000);  // four parts
const std::string kSmall = sample_bytes(5'000, 2);

std::unique_ptr<Storage> open_storage(const FakeS3& server) {
  auto opened = davit::storage::s3::open(server.options("p"), kClock);
  REQUIRE(opened);
  return std::move(*opened);
}

Result<> make_set(Storage& storage) {
  TRY_ASSIGN(set, storage.stage("backups/shop/1", "run"));
  TRY(put(*set, "volumes/big", kBig));
  TRY(put(*set, "db/small", kSmall));
  TRY(put(*set, "db/empty", ""));
  return set->publish("manifest.json", "{}");
}

std::vector<std::string> names(const FakeS3& server) {
  std::vector<std::string> found;
  for (const auto& [name, object] : server.objects()) found.push_back(name);
  return found;
}

// The set as it must be, or nothing that anybody takes for it.
void check_set(const std::map<std::string, FakeS3::Object>& objects, bool published) {
  REQUIRE(objects.contains("p/backups/shop/1/manifest.json") == published);
  if (!published) return;
  CHECK(objects.at("p/backups/shop/1/manifest.json").bytes == "{}");
  CHECK(objects.at("p/backups/shop/1/volumes/big").bytes == kBig);
  CHECK(objects.at("p/backups/shop/1/db/small").bytes == kSmall);
  CHECK(objects.at("p/backups/shop/1/db/empty").bytes.empty());
  CHECK(objects.size() == 4);
}

// Whether the same request, sent again, is answered as if nothing had been.
bool passes(Fault fault) { return fault != Fault::wrong_etag; }

// All but a stall, which takes its time.
Fault quick_fault() {
  return GENERATE(filter([](Fault fault) { return fault != Fault::stall; },
                         map([](std::size_t i) { return kFaults.at(i); }, range(std::size_t{0}, kFaults.size()))));
}

// What one run came to, with the fault at one request.
struct Outcome {
  bool failed = false;  // the fault has happened
  std::optional<davit::Error> error;
  std::map<std::string, FakeS3::Object> objects;
  std::vector<std::string> uploads;
};
using Run = std::function<Result<>(Storage&)>;

Outcome run_with(Fault fault, std::size_t at, const Run& run) {
  FakeS3 server;
  auto storage = davit::storage::s3::open(server.options("p"), kClock);
  if (!storage) return {true, storage.error(), {}, {"not opened"}};
  server.fail_at(at, fault);
  auto done = run(**storage);
  return {server.failed(), done ? std::nullopt : std::optional(done.error()), server.objects(), server.uploads()};
}

// Runs with the fault at every request, and gives each outcome to `check`; at least `least` of them must be reached.
void run_with_each(Fault fault, const Run& run, const std::function<void(const Outcome&)>& check, std::size_t least) {
  // Stalls at once, as each takes seconds.
  constexpr std::size_t kMost = 40;
  std::vector<std::future<Outcome>> stalled;
  for (std::size_t k = 0; fault == Fault::stall && k < kMost; ++k)
    stalled.push_back(std::async(std::launch::async, run_with, fault, k, run));
  for (std::size_t k = 0; k < kMost; ++k) {
    const Outcome outcome = stalled.empty() ? run_with(fault, k, run) : stalled[k].get();
    INFO(name_of(fault) << " at request " << k << ": " << (outcome.error ? outcome.error->message() : "done"));
    CHECK((!outcome.error || !passes(fault)));
    CHECK(outcome.uploads.empty());
    check(outcome);
    if (outcome.failed) continue;
    CHECK_FALSE(outcome.error);
    CHECK(k > least);
    return;
  }
  FAIL("the fault happened at every request");
}

void upload_with_each(Fault fault) {
  const auto upload = [](Storage& storage) { return put(storage, "dump", kBig).transform([](const auto&) {}); };
  const auto check = [](const Outcome& outcome) {
    REQUIRE(outcome.objects.size() == (outcome.error ? 0 : 1));
    if (!outcome.error) CHECK(outcome.objects.at("p/dump").bytes == kBig);
  };
  run_with_each(fault, upload, check, 11);
}

void publish_with_each(Fault fault) {
  const auto check = [](const Outcome& outcome) {
    check_set(outcome.objects, !outcome.error);
    if (outcome.error) CHECK(outcome.objects.empty());
  };
  run_with_each(fault, make_set, check, 17);
}

}  // namespace

TEST_CASE("an upload under every fault at every request is complete or failed", "[storage][s3][faults]") {
  upload_with_each(quick_fault());
}
TEST_CASE("an upload goes on behind a stall at every request", "[storage][s3][faults]") {
  upload_with_each(Fault::stall);
}

TEST_CASE("a set under every fault at every request is whole or not there", "[storage][s3][faults]") {
  publish_with_each(quick_fault());
}
TEST_CASE("a set goes on behind a stall at every request", "[storage][s3][faults]") { publish_with_each(Fault::stall); }

TEST_CASE("a set whose server goes away at any request is whole or swept later", "[storage][s3][faults]") {
  const Fault fault = GENERATE(Fault::reset, Fault::internal_error);
  std::size_t errors = 0;
  for (std::size_t k = 0;; ++k) {
    FakeS3 server;
    auto storage = open_storage(server);
    server.fail_from(k, fault);
    const auto made = make_set(*storage);
    const bool failed = server.failed();
    INFO(name_of(fault) << " from request " << k << ": " << (made ? "published" : made.error().message()));
    if (!made) CHECK((made.error().code() == Errc::unavailable));
    CHECK(server.objects().contains("p/backups/shop/1/manifest.json") == made.has_value());
    errors += made ? 0U : 1U;
    // Back again, and nobody is left who knows.
    server.fail_at(1'000'000, fault);
    server.advance(std::chrono::hours(1));
    CHECK(open_storage(server)->sweep({}));
    check_set(server.objects(), made.has_value());
    if (!made) CHECK(names(server).empty());
    CHECK(server.uploads().empty());
    if (failed) continue;
    CHECK(made);
    break;
  }
  CHECK(errors > 15);
}

TEST_CASE("a set killed by a reset behind any request is whole or swept later", "[storage][s3][faults]") {
  for (std::size_t k = 0;; ++k) {
    FakeS3 server;
    auto storage = open_storage(server);
    server.fail_from(k, Fault::reset_after);
    const auto made = make_set(*storage);
    const bool failed = server.failed();
    INFO("from request " << k << ": " << (made ? "published" : made.error().message()));
    server.fail_at(1'000'000, Fault::reset);
    server.advance(std::chrono::hours(1));
    CHECK(open_storage(server)->sweep({}));
    const bool published = server.objects().contains("p/backups/shop/1/manifest.json");
    check_set(server.objects(), published);
    if (made) CHECK(published);
    if (!published) CHECK(names(server).empty());
    CHECK(server.uploads().empty());
    if (!failed) break;
  }
}

TEST_CASE("a download under every fault at every request is whole or failed", "[storage][s3][faults]") {
  const Fault fault = GENERATE(Fault::internal_error, Fault::unavailable, Fault::slow_down, Fault::reset,
                               Fault::reset_after, Fault::stall, Fault::cut_body, Fault::wrong_etag);
  const auto download = [](Storage& storage) -> Result<> {
    TRY_ASSIGN(text, get(storage, "object"));
    return text == kBig ? Result<>() : davit::fail(Errc::bug, "other bytes");
  };
  for (std::size_t k = 0;; ++k) {
    FakeS3 server;
    server.put("p/object", kBig);
    auto storage = open_storage(server);
    server.fail_at(k, fault);
    const auto read = download(*storage);
    const bool failed = server.failed();
    INFO(name_of(fault) << " at request " << k << ": " << (read ? "read" : read.error().message()));
    CHECK((read.has_value() || !passes(fault)));
    if (!read) CHECK(read.error().code() == Errc::corrupt);
    if (failed) continue;
    CHECK(read);
    CHECK(k == 5);  // its head and four ranges
    return;
  }
}

TEST_CASE("a download that is cut goes on where it ended", "[storage][s3][faults]") {
  FakeS3 server;
  server.put("p/object", kBig);
  auto storage = open_storage(server);
  server.fail_at(1, Fault::cut_body);
  CHECK(get(*storage, "object") == kBig);
  std::size_t asked = 0;
  std::vector<std::string> ranges;
  for (const SeenRequest& request : server.seen())
    if (const auto range = davit::net::find_header(request.headers, "Range")) ranges.emplace_back(*range);
  for (const std::string& range : ranges) {
    std::size_t first = 0;
    std::size_t last = 0;
    REQUIRE(std::sscanf(range.c_str(), "bytes=%zu-%zu", &first, &last) == 2);
    asked += last - first + 1;
  }
  CHECK(ranges.size() == 5);
  CHECK(asked == kBig.size() + 50'000);  // half of one range was there when it was cut
}

TEST_CASE("a listing under every fault at every page is whole", "[storage][s3][faults]") {
  const Fault fault = GENERATE(Fault::internal_error, Fault::slow_down, Fault::reset, Fault::cut_body);
  for (std::size_t k = 0; k < 5; ++k) {
    FakeS3 server({.page = 7});
    for (int i = 0; i < 30; ++i) server.put("p/object " + std::to_string(i), "x");
    auto storage = open_storage(server);
    server.fail_at(k, fault);
    auto listed = storage->list("");
    REQUIRE(listed);
    CHECK(listed->size() == 30);
    CHECK(server.failed());
  }
}
