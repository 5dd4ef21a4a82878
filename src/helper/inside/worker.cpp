#include "helper/inside/worker.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "helper/channel/data_stream.hpp"
#include "stream/encoding.hpp"

namespace davit::helper {

using nlohmann::json;

namespace {

// Often enough for a bar that moves, rare enough to cost nothing.
constexpr auto kProgressInterval = std::chrono::milliseconds(100);

}  // namespace

Worker::Worker(Link& link, int directory, std::stop_token stop)
    : link_(link), directory_(directory), stop_(std::move(stop)) {
  link_.channel().set_stop(stop_);
}

Worker::~Worker() = default;

Result<> Worker::run() {
  auto ended = serve_jobs();
  if (area_ && (!held_ || restored_)) {
    if (auto back = area_->rollback(); !back) {
      auto error = std::move(back).error().context("roll back an unfinished restore");
      if (!ended) return std::unexpected(std::move(error).context(ended.error().message()));
      return std::unexpected(std::move(error));
    }
    area_.reset();
  }
  return ended;
}

Result<> Worker::serve_jobs() {
  for (;;) {
    TRY_ASSIGN(frame, link_.receive());
    if (frame.type == FrameType::bye) return {};
    if (frame.type != FrameType::job) {
      return fail(Errc::corrupt,
                  std::format("read the channel: a {} frame where a job must come", name_of(frame.type)));
    }
    TRY_ASSIGN(text, parse_payload(frame));
    TRY_ASSIGN(job, job_from(text));
    if (job.kind == Job::Kind::stage) {
      TRY(stage(job));
    } else {
      TRY(answer(perform(job)));
    }
    // Until davit has said that it has everything, nothing here may end.
    TRY(link_.expect(FrameType::ack));
  }
}

Result<> Worker::answer(const Result<json>& outcome) {
  return link_.send_json(FrameType::trailer, outcome ? trailer_ok(*outcome) : trailer_error(outcome.error()));
}

Result<json> Worker::perform(const Job& job) {
  switch (job.kind) {
    case Job::Kind::probe: {
      TRY_ASSIGN(probe, probe_place(directory_, job.paths, job.pack.repository));
      return to_json(probe);
    }
    case Job::Kind::pack:
      return pack(job);
    case Job::Kind::recover: {
      if (area_) return fail(Errc::bug, "recover while a restore is under way");
      TRY(RestoreArea(directory_, job.run).rollback());
      return json::object();
    }
    case Job::Kind::commit:
      if (!area_ || !staged_) return fail(Errc::bug, "commit a restore that is not staged");
      TRY(area_->commit());
      return json::object();
    case Job::Kind::hold:
      // Of one that another helper has committed, which was lost, only the journal in the place tells.
      TRY(RestoreArea(directory_, job.run).check_committed());
      held_ = true;
      return json::object();
    case Job::Kind::remove:
      for (const std::string& path : job.paths) TRY(remove_empty(directory_, path));
      return json::object();
    case Job::Kind::seal:
      // Another helper than the one that committed, which was lost, has nothing to lead back.
      TRY(area_ ? area_->seal() : RestoreArea(directory_, job.run).seal());
      restored_ = true;
      return json::object();
    case Job::Kind::rollback:
    case Job::Kind::cleanup:
      return finish_restore(job.kind);
    case Job::Kind::stage:
      break;
  }
  return fail(Errc::bug, "a job that can't be performed");
}

Result<json> Worker::finish_restore(Job::Kind how) {
  if (how == Job::Kind::rollback) {
    if (!area_) return json::object();
    TRY(area_->rollback());
    area_.reset();
    held_ = false;
    return json::object();
  }
  if (!area_ || !staged_) return fail(Errc::bug, "clean up after a restore that is not committed");
  // From here on the old contents may be gone in part: there is no way back, whatever happens to us.
  const auto area = std::move(area_);
  restored_ = true;
  TRY(area->cleanup());
  return json::object();
}

Result<json> Worker::pack(const Job& job) {
  DataSink data(link_);
  stream::Encoder encoder(job.pack.encoding, data);
  TRY_ASSIGN(report, pack_place(directory_, job.pack, encoder, progress()));
  TRY(send_findings(report.findings));
  return to_json(PackResult{encoder.plain(), encoder.stored(), report.entries, {}});
}

Result<> Worker::stage(const Job& job) {
  DataSource data(link_);
  const auto unpack = [&]() -> Result<StageResult> {
    if (area_) return fail(Errc::bug, "stage a second restore");
    area_ = std::make_unique<RestoreArea>(directory_, job.run);
    staged_ = false;
    held_ = false;
    stream::Decoder decoder(job.stage.codec, data, job.stage.plain, job.stage.stored);
    TRY_ASSIGN(result, area_->stage(decoder, job.paths, progress()));
    // Whatever the decoder had no need to read: it is whole only when davit has said so.
    std::byte more{};
    TRY_ASSIGN(rest, data.read({&more, 1}));
    if (rest != 0) return fail(Errc::corrupt, "data behind the end of the archive");
    return result;
  };
  const auto staged = unpack();
  if (!staged) {
    // davit may be writing still: tell it first, then take what comes until it has read this.
    TRY(link_.send_json(FrameType::trailer, trailer_error(staged.error())));
    return data.skip_rest();
  }
  staged_ = true;
  TRY(send_findings(staged->findings));
  return answer(to_json(*staged));
}

Result<> Worker::send_findings(const std::vector<Finding>& findings) {
  for (const json& some : findings_to_json(findings)) TRY(link_.send_json(FrameType::findings, some));
  return {};
}

Progress Worker::progress() {
  return [this, pending = std::uint64_t{0},
          last = std::chrono::steady_clock::now()](std::uint64_t bytes) mutable -> Result<> {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "the helper was told to stop");
    pending += bytes;
    const auto now = std::chrono::steady_clock::now();
    if (now - last < kProgressInterval) return {};
    last = now;
    const auto payload = encode_progress(std::exchange(pending, 0));
    return link_.send(FrameType::progress, payload);
  };
}

}  // namespace davit::helper
