#include "helper/channel/message.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::helper;
using nlohmann::json;

namespace {

const std::vector<std::string> kOddPaths{
    "", "a/b", "caf\xe9", "line\nbreak", "100%", ".hidden", std::string("nul\0!", 5)};

json through_text(const json& value) { return json::parse(value.dump()); }

}  // namespace

TEST_CASE("a job arrives as it was sent, with names of any bytes") {
  Job pack{.kind = Job::Kind::pack, .paths = kOddPaths};
  pack.pack.encoding = {stream::Codec::zstd, 19, 0};
  pack.pack.exclude = {"*.log", "\xff*"};
  const auto packed = job_from(through_text(to_json(pack))).value();
  CHECK(packed.kind == Job::Kind::pack);
  CHECK(packed.pack.paths == kOddPaths);
  CHECK(packed.pack.exclude == pack.pack.exclude);
  CHECK(packed.pack.encoding == pack.pack.encoding);

  Job stage{.kind = Job::Kind::stage, .paths = kOddPaths, .run = "0123abcd"};
  stage.stage = {stream::Codec::none, {~std::uint64_t{0}, "aa"}, {7, "bb"}, {}};
  const auto staged = job_from(through_text(to_json(stage))).value();
  CHECK(staged.stage.codec == stream::Codec::none);
  CHECK(staged.stage.plain == stage.stage.plain);
  CHECK(staged.stage.stored == stage.stage.stored);
  CHECK(staged.stage.paths == kOddPaths);
  CHECK(staged.run == "0123abcd");

  for (const auto kind : {Job::Kind::probe, Job::Kind::commit, Job::Kind::hold, Job::Kind::rollback, Job::Kind::cleanup,
                          Job::Kind::recover, Job::Kind::remove}) {
    const auto job = job_from(through_text(to_json(Job{.kind = kind, .paths = {"x"}, .run = "r"}))).value();
    CHECK(job.kind == kind);
    const bool has_paths = kind == Job::Kind::probe || kind == Job::Kind::remove;
    CHECK(job.paths == (has_paths ? std::vector<std::string>{"x"} : std::vector<std::string>{}));
    CHECK(job.run == (kind == Job::Kind::recover || kind == Job::Kind::hold ? "r" : ""));
  }
}

TEST_CASE("results arrive as they were sent") {
  const Probe probe{.exists = true,
                    .empty = false,
                    .free_bytes = 1,
                    .used_bytes = 2,
                    .entries = 3,
                    .present = kOddPaths,
                    .directories = {"a"},
                    .links = {"b"},
                    .leftovers = {"feed"},
                    .holds_repository = true};
  const auto probed = probe_from(through_text(to_json(probe))).value();
  CHECK(!probed.empty);
  CHECK(probed.free_bytes == 1);
  CHECK(probed.used_bytes == 2);
  CHECK(probed.entries == 3);
  CHECK(probed.present == kOddPaths);
  CHECK(probed.directories == probe.directories);
  CHECK(probed.links == probe.links);
  CHECK(probed.leftovers == probe.leftovers);
  CHECK(probed.holds_repository);
  const auto packed = pack_result_from(through_text(to_json(PackResult{{1, "a"}, {2, "b"}, 3, {}}))).value();
  CHECK(packed.plain == stream::Extent{1, "a"});
  CHECK(packed.stored == stream::Extent{2, "b"});
  CHECK(packed.entries == 3);
}

TEST_CASE("an error of the helper keeps its code, message and hint") {
  for (const Errc code : {Errc::failed, Errc::usage, Errc::not_found, Errc::exists, Errc::locked, Errc::credentials,
                          Errc::corrupt, Errc::unavailable, Errc::bug, Errc::cancelled}) {
    const auto error = result_of_trailer(through_text(trailer_error(Error(code, "open x: denied", "do y")))).error();
    CHECK(error.code() == code);
    CHECK(error.message() == "open x: denied");
    CHECK(error.hint() == "do y");
  }
  CHECK(result_of_trailer(through_text(trailer_ok({{"entries", 4}}))).value() == json{{"entries", 4}});
  const auto unknown = result_of_trailer(json{{"status", "error"}, {"code", "of-tomorrow"}, {"message", "m"}}).error();
  CHECK(unknown.code() == Errc::failed);
}

TEST_CASE("a malformed message is corrupt, whatever is wrong with it") {
  CHECK(job_from(json::array()).error().code() == Errc::corrupt);
  CHECK(job_from(json{{"job", "dance"}}).error().code() == Errc::corrupt);
  CHECK(job_from(json{{"job", 4}}).error().code() == Errc::corrupt);
  CHECK(job_from(json{{"job", "pack"}}).error().code() == Errc::corrupt);
  CHECK(job_from(json{{"job", "probe"}, {"paths", {"%zz"}}}).error().code() == Errc::corrupt);
  CHECK(job_from(json{{"job", "recover"}}).error().code() == Errc::corrupt);
  CHECK(hello_from(json{{"protocol", "one"}}).error().code() == Errc::corrupt);
  CHECK(probe_from(json::object()).error().code() == Errc::corrupt);
  CHECK(pack_result_from(json{{"plain", {}}}).error().code() == Errc::corrupt);
  CHECK(findings_from(json{{"path", 1}}).error().code() == Errc::corrupt);
  CHECK(result_of_trailer(json::object()).error().code() == Errc::corrupt);
}

TEST_CASE("many findings are several frames, each within the bound") {
  std::vector<Finding> findings;
  for (int i = 0; i < 20000; ++i) findings.push_back({"", "path/" + std::to_string(i), std::string(200, '"')});
  std::vector<Finding> arrived;
  for (const json& frame : findings_to_json(findings)) {
    CHECK(frame.dump().size() < (1U << 20U));
    const auto some = findings_from(through_text(frame)).value();
    arrived.insert(arrived.end(), some.begin(), some.end());
  }
  CHECK(arrived == findings);
  CHECK(findings_to_json({}).empty());
}
