#include "helper/inside/worker.hpp"

#include <sys/socket.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "helper/channel/data_stream.hpp"
#include "stream/encoding.hpp"
#include "stream/memory_stream.hpp"
#include "support/streams.hpp"
#include "support/tree.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::difference;
using davit::test::snapshot;
using davit::test::Tree;
using nlohmann::json;

namespace {

struct Served {
  Result<> ended = fail(Errc::bug, "did not end");
  bool restored = false;
};

// A worker in a thread of its own, and davit's end of the channel to it.
class Serving {
 public:
  explicit Serving(int directory) {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    link_.emplace(FdChannel::over_socket(UniqueFd(fds[0])).value());
    thread_ = std::thread([this, directory, fd = fds[1]] {
      Link link(FdChannel::over_socket(UniqueFd(fd)).value());
      Worker worker(link, directory, stop_.get_token());
      served_.ended = worker.run();
      served_.restored = worker.restored();
    });
  }
  ~Serving() { (void)end(); }

  Link& link() { return *link_; }
  void stop() { stop_.request_stop(); }
  // Ends the channel and waits for the worker.
  Served end() {
    link_.reset();
    if (thread_.joinable()) thread_.join();
    return served_;
  }

 private:
  std::optional<Link> link_;
  std::stop_source stop_;
  Served served_;
  std::thread thread_;
};

struct Packed {
  std::string bytes;
  stream::Extent plain;
  stream::Extent stored;
};

Packed packed(int directory) {
  stream::MemorySink sink;
  stream::Encoder encoder({stream::Codec::zstd, 3, 0}, sink);
  REQUIRE(pack_place(directory, {}, encoder, {}));
  return {sink.take(), encoder.plain(), encoder.stored()};
}

Job stage_job(const Packed& archive) {
  Job job{.kind = Job::Kind::stage, .run = "feed"};
  job.stage = {stream::Codec::zstd, archive.plain, archive.stored, {}};
  return job;
}

// A restore as davit does it, as the frames it sends; an empty payload of type trailer waits for the helper's.
struct Step {
  FrameType type;
  std::string payload;
  bool answered = false;  // the helper's trailer comes before it
};
std::vector<Step> whole_restore(const Packed& archive, bool hold = false) {
  std::vector<Step> steps{{FrameType::job, to_json(stage_job(archive)).dump()}};
  const std::size_t piece = archive.bytes.size() / 3 + 1;
  for (std::size_t at = 0; at < archive.bytes.size(); at += piece) {
    steps.push_back({FrameType::data, archive.bytes.substr(at, piece)});
  }
  steps.push_back({FrameType::trailer, trailer_ok(to_json(archive.stored)).dump()});
  steps.push_back({FrameType::ack, "", true});
  for (const auto kind : {Job::Kind::commit, Job::Kind::hold, Job::Kind::seal, Job::Kind::cleanup}) {
    if (kind == Job::Kind::hold && !hold) continue;
    steps.push_back({FrameType::job, to_json(Job{.kind = kind, .run = "feed"}).dump()});
    steps.push_back({FrameType::ack, "", true});
  }
  steps.push_back({FrameType::bye, ""});
  return steps;
}

json wait_for_trailer(Link& link) {
  for (;;) {
    const auto frame = link.receive();
    REQUIRE(frame);
    if (frame->type == FrameType::trailer) return parse_payload(*frame).value();
  }
}

}  // namespace

TEST_CASE("a restore whose channel is cut at any frame leaves the old contents or the new ones") {
  const Tree source;
  test::make_oddities(source.path());
  const Packed archive = packed(source.fd());
  const auto fresh = snapshot(source.path());
  const auto steps = whole_restore(archive);
  const auto seal = static_cast<std::size_t>(
      std::ranges::find_if(steps, [](const Step& step) { return step.payload.contains("seal"); }) - steps.begin());
  REQUIRE(seal < steps.size());
  for (const bool inside : {false, true}) {
    for (std::size_t count = 0; count <= steps.size(); ++count) {
      const Tree place;
      test::make_file(place / "old", "old contents");
      const auto before = snapshot(place.path());
      Serving serving(place.fd());
      for (std::size_t i = 0; i < count; ++i) {
        if (steps[i].answered) REQUIRE(wait_for_trailer(serving.link())["status"] == "ok");
        REQUIRE(serving.link().send(steps[i].type, std::as_bytes(std::span(steps[i].payload))));
      }
      // The next frame is cut in its payload.
      if (inside && count < steps.size()) {
        const auto header = encode_header(steps[count].type, steps[count].payload.size() + 1);
        REQUIRE(serving.link().channel().write(header, std::as_bytes(std::span(steps[count].payload))));
      }
      const Served served = serving.end();
      INFO("cut behind frame " << count << (inside ? " and a part" : ""));
      CHECK(served.ended.has_value() == (count == steps.size()));
      CHECK(served.restored == (count > seal));
      CHECK(difference(count > seal ? fresh : before, snapshot(place.path())) == "");
    }
  }
}

TEST_CASE("behind a hold a cut leaves both contents to whoever has the journal, up to the seal") {
  const Tree source;
  test::make_oddities(source.path());
  const Packed archive = packed(source.fd());
  const auto fresh = snapshot(source.path());
  const auto steps = whole_restore(archive, true);
  const auto at = [&](const char* job) {
    return static_cast<std::size_t>(
        std::ranges::find_if(steps, [&](const Step& step) { return step.payload.contains(job); }) - steps.begin());
  };
  for (std::size_t count = at("commit"); count <= steps.size(); ++count) {
    const Tree place;
    test::make_file(place / "old", "old contents");
    const auto before = snapshot(place.path());
    Serving serving(place.fd());
    for (std::size_t i = 0; i < count; ++i) {
      if (steps[i].answered) REQUIRE(wait_for_trailer(serving.link())["status"] == "ok");
      REQUIRE(serving.link().send(steps[i].type, std::as_bytes(std::span(steps[i].payload))));
    }
    const Served served = serving.end();
    INFO("cut behind frame " << count);
    const bool held = count > at("hold");
    const bool sealed = count > at("seal");
    CHECK(served.restored == held);
    CHECK(difference(held ? fresh : before, snapshot(place.path(), {".davit-restore-feed"})) == "");
    if (held && !sealed) {
      CHECK(test::read_text(place / ".davit-restore-feed/old/old") == "old contents");
      REQUIRE(RestoreArea(place.fd(), "feed").rollback());
    }
    CHECK(difference(sealed ? fresh : before, snapshot(place.path())) == "");
  }
}

TEST_CASE("a bye in the middle of a restore brings the old contents back") {
  const Tree source;
  test::make_file(source / "new", "new contents");
  const Packed archive = packed(source.fd());
  const Tree place;
  test::make_file(place / "old", "old contents");
  const auto before = snapshot(place.path());
  Serving serving(place.fd());
  const auto steps = whole_restore(archive);
  for (std::size_t i = 0; !steps[i].payload.contains("seal"); ++i) {
    if (steps[i].answered) REQUIRE(wait_for_trailer(serving.link())["status"] == "ok");
    REQUIRE(serving.link().send(steps[i].type, std::as_bytes(std::span(steps[i].payload))));
  }
  CHECK(test::read_text(place / "new") == "new contents");
  REQUIRE(serving.link().send(FrameType::bye));
  CHECK(serving.end().ended);
  CHECK(difference(before, snapshot(place.path())) == "");
}

TEST_CASE("a stop brings the old contents back while the channel is still open") {
  const Tree source;
  test::make_file(source / "new", "new contents");
  const Packed archive = packed(source.fd());
  const Tree place;
  test::make_file(place / "old", "old contents");
  const auto before = snapshot(place.path());
  Serving serving(place.fd());
  REQUIRE(serving.link().send_json(FrameType::job, to_json(stage_job(archive))));
  REQUIRE(serving.link().send(FrameType::data, std::as_bytes(std::span(archive.bytes))));
  serving.stop();
  while (serving.link().receive()) {
  }
  CHECK(serving.end().ended.error().code() == Errc::cancelled);
  CHECK(difference(before, snapshot(place.path())) == "");
}

TEST_CASE("what can't be staged is told at once, and the next job goes on") {
  const Tree source;
  test::make_file(source / "big", test::noise(3 << 20));
  Packed archive = packed(source.fd());
  const Tree place;
  test::make_file(place / "old", "old contents");
  const auto before = snapshot(place.path());
  Serving serving(place.fd());
  archive.bytes[archive.bytes.size() / 2] ^= 1;
  REQUIRE(serving.link().send_json(FrameType::job, to_json(stage_job(archive))));
  const auto bytes = std::as_bytes(std::span(archive.bytes));
  for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
    REQUIRE(serving.link().send(FrameType::data, bytes.subspan(at, std::min<std::size_t>(100'000, bytes.size() - at))));
  }
  const auto refused = result_of_trailer(wait_for_trailer(serving.link()));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::corrupt);
  REQUIRE(serving.link().send_json(FrameType::trailer, trailer_error(Error(Errc::cancelled, "given up"))));
  REQUIRE(serving.link().send(FrameType::ack));
  REQUIRE(serving.link().send_json(FrameType::job, to_json(Job{.kind = Job::Kind::rollback})));
  CHECK(wait_for_trailer(serving.link())["status"] == "ok");
  REQUIRE(serving.link().send(FrameType::ack));
  CHECK(difference(before, snapshot(place.path())) == "");
  REQUIRE(serving.link().send(FrameType::bye));
  CHECK(serving.end().ended);
}

TEST_CASE("davit's own trailer decides whether the data is whole") {
  const Tree source;
  test::make_file(source / "new", "new contents");
  const Packed archive = packed(source.fd());
  const Tree place;
  for (const json& trailer : {trailer_error(Error(Errc::unavailable, "read s3: reset")),
                              trailer_ok(to_json(archive.plain)), json::object()}) {
    Serving serving(place.fd());
    REQUIRE(serving.link().send_json(FrameType::job, to_json(stage_job(archive))));
    REQUIRE(serving.link().send(FrameType::data, std::as_bytes(std::span(archive.bytes))));
    REQUIRE(serving.link().send_json(FrameType::trailer, trailer));
    CHECK(wait_for_trailer(serving.link())["status"] == "error");
    CHECK_FALSE(serving.end().ended);
    CHECK(snapshot(place.path()).size() == 1);
  }
}

TEST_CASE("jobs out of order are refused") {
  const Tree place;
  test::make_file(place / "file", "x");
  Serving serving(place.fd());
  for (const auto kind : {Job::Kind::commit, Job::Kind::cleanup}) {
    REQUIRE(serving.link().send_json(FrameType::job, to_json(Job{.kind = kind})));
    CHECK(result_of_trailer(wait_for_trailer(serving.link())).error().code() == Errc::bug);
    REQUIRE(serving.link().send(FrameType::ack));
  }
  REQUIRE(serving.link().send_json(FrameType::job, to_json(Job{.kind = Job::Kind::rollback})));
  CHECK(result_of_trailer(wait_for_trailer(serving.link())));
  // No ack: the worker does not go on to another job.
  REQUIRE(serving.link().send_json(FrameType::job, to_json(Job{.kind = Job::Kind::probe})));
  CHECK(serving.link().receive().error().code() == Errc::unavailable);
  CHECK(serving.end().ended.error().code() == Errc::corrupt);
  CHECK(test::read_text(place / "file") == "x");
}
