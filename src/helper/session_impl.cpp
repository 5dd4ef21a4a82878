#include "helper/session_impl.hpp"

#include <format>

#include "helper/channel/data_stream.hpp"
#include "stream/digest.hpp"
#include "util/log.hpp"

namespace davit::helper {

using nlohmann::json;

namespace {

constexpr std::size_t kReadAtOnce = 256U << 10U;
// Rolling back removes what was staged, which may be a million files.
constexpr auto kRollbackTime = std::chrono::minutes(10);
constexpr auto kFarewellTime = std::chrono::seconds(10);

}  // namespace

template <class T>
Result<T> Session::Impl::kept(Result<T> result) {
  if (result) return result;
  broken = true;
  Error error = std::move(result).error();
  if (error.code() != Errc::unavailable) return std::unexpected(std::move(error));
  return std::unexpected(helper->explain(error).context("helper"));
}

Result<> Session::Impl::begin(const Job& job, std::stop_token stop) {
  if (missing) return fail(Errc::not_found, "no such directory on the Engine's host");
  if (broken || !helper) return fail(Errc::unavailable, "the helper has ended");
  helper->link().channel().set_stop(std::move(stop));
  return kept(helper->link().send_json(FrameType::job, to_json(job)));
}

Result<> Session::Impl::take(const Frame& frame, Answer& answer) {
  if (frame.type == FrameType::progress) {
    TRY_ASSIGN(bytes, decode_progress(frame.payload));
    answer.reported += bytes;
    run.reporter.progress(bytes);
    return {};
  }
  if (frame.type == FrameType::findings) {
    TRY_ASSIGN(list, parse_payload(frame));
    TRY_ASSIGN(findings, findings_from(list));
    for (Finding& finding : findings) answer.findings.push_back(std::move(finding));
    return {};
  }
  return fail(Errc::corrupt, std::format("read the channel: an unexpected {} frame", name_of(frame.type)));
}

Result<json> Session::Impl::wait_for_trailer(Answer& answer) {
  for (;;) {
    TRY_ASSIGN(frame, kept(helper->link().receive()));
    if (frame.type == FrameType::trailer) return conclude(frame);
    TRY(kept(take(frame, answer)));
  }
}

Result<json> Session::Impl::conclude(const Frame& trailer) {
  TRY_ASSIGN(text, kept(parse_payload(trailer)));
  auto result = result_of_trailer(text);
  acknowledge();
  return result;
}

void Session::Impl::acknowledge() {
  // What the helper did, it has done: that it can't be told any more only matters to the next job.
  if (!helper->link().send(FrameType::ack)) broken = true;
}

Result<json> Session::Impl::call(const Job& job, std::stop_token stop) {
  const std::string what = std::format("{} {}", place.text(), name_of(job.kind));
  Answer answer;
  TRY(in_context(begin(job, std::move(stop)), what));
  return in_context(wait_for_trailer(answer), what);
}

void Session::Impl::report_rest(std::uint64_t plain, Answer& answer) const {
  if (plain > answer.reported) run.reporter.progress(plain - answer.reported);
}

Result<PackResult> Session::Impl::pack(const PackOptions& options, stream::ByteSink& stored) {
  Job job{.kind = Job::Kind::pack, .paths = options.paths, .pack = options};
  job.pack.repository = host.repository();
  TRY(begin(job, run.stop));
  Answer answer;
  stream::Sha256 sha256;
  std::uint64_t bytes = 0;
  for (;;) {
    TRY_ASSIGN(frame, kept(helper->link().receive()));
    if (frame.type == FrameType::data) {
      sha256.update(frame.payload);
      bytes += frame.payload.size();
      TRY(kept(stored.write(frame.payload)));
      continue;
    }
    if (frame.type != FrameType::trailer) {
      TRY(kept(take(frame, answer)));
      continue;
    }
    TRY_ASSIGN(text, kept(parse_payload(frame)));
    auto outcome = result_of_trailer(text);
    if (!outcome) {
      acknowledge();
      return std::unexpected(std::move(outcome).error());
    }
    TRY_ASSIGN(result, kept(pack_result_from(*outcome)));
    TRY_ASSIGN(sum, kept(sha256.finish()));
    if (result.stored != stream::Extent{bytes, sum}) {
      broken = true;
      return fail(Errc::corrupt,
                  std::format("the helper sent {} bytes, and {} arrived, or others", result.stored.bytes, bytes));
    }
    // Only what has been taken over is acknowledged; until then the helper stays.
    TRY(kept(stored.finish()));
    acknowledge();
    report_rest(result.plain.bytes, answer);
    result.findings = std::move(answer.findings);
    return result;
  }
}

Result<std::optional<json>> Session::Impl::send_data(stream::ByteSource& stored, Answer& answer) {
  Link& link = helper->link();
  std::vector<std::byte> buffer(kReadAtOnce);
  stream::Sha256 sha256;
  std::uint64_t bytes = 0;
  for (;;) {
    auto got = stored.read(buffer);
    if (!got) {
      // The helper need not be lost with it: it drops what it has, and answers.
      TRY(kept(link.send_json(FrameType::trailer, trailer_error(got.error()))));
      (void)wait_for_trailer(answer);
      return std::unexpected(std::move(got).error());
    }
    if (*got == 0) break;
    const auto piece = std::span<const std::byte>(buffer).first(*got);
    sha256.update(piece);
    bytes += piece.size();
    TRY(kept(link.send(FrameType::data, piece)));
    for (;;) {
      TRY_ASSIGN(frame, kept(link.receive_arrived()));
      if (!frame) break;
      if (frame->type != FrameType::trailer) {
        TRY(kept(take(*frame, answer)));
        continue;
      }
      // It has failed, and drops what comes until it hears that we know.
      TRY_ASSIGN(text, kept(parse_payload(*frame)));
      TRY(kept(link.send_json(FrameType::trailer, trailer_error(Error(Errc::cancelled, "given up")))));
      acknowledge();
      TRY_ASSIGN(result, result_of_trailer(text));
      return result;
    }
  }
  TRY_ASSIGN(sum, kept(sha256.finish()));
  TRY(kept(link.send_json(FrameType::trailer, trailer_ok(to_json(stream::Extent{bytes, sum})))));
  return std::nullopt;
}

Result<StageResult> Session::Impl::stage(const StageOptions& options, stream::ByteSource& stored) {
  if (missing || access != Access::write) return fail(Errc::bug, "stage in a place that was opened to be read");
  unfinished = true;
  sealed = false;
  TRY(begin({.kind = Job::Kind::stage, .paths = options.paths, .stage = options, .run = run.run_id}, run.stop));
  Answer answer;
  TRY_ASSIGN(early, send_data(stored, answer));
  if (!early) {
    TRY_ASSIGN(trailer, wait_for_trailer(answer));
    early = std::move(trailer);
  }
  TRY_ASSIGN(result, kept(stage_result_from(*early)));
  report_rest(options.plain.bytes, answer);
  result.findings = std::move(answer.findings);
  return result;
}

Result<> Session::Impl::call_surely(const Job& job, const Job& instead) {
  if (helper && !broken) {
    auto done = call(job);
    if (done || !broken) return done.transform([](const json&) {});
  }
  // Once the lost one has ended, its journal in the place tells another one what to do.
  log_info(std::format("{}: the helper is lost, so another one is to {}", place.text(), name_of(instead.kind)));
  if (helper) {
    TRY(helper->end(false, kRollbackTime));
    helper.reset();
  }
  RunContext unstoppable = run.unstoppable();
  Impl again(host, place, access, unstoppable);
  TRY_ASSIGN(second, in_context(HelperContainer::start(host, {place, access, {}}, unstoppable),
                                std::format("{} {}", name_of(instead.kind), place.text())));
  if (!second) {
    // A directory that was made for the restore goes with the helper that rolled it back.
    if (instead.kind == Job::Kind::recover) return {};
    return fail(Errc::failed, place.text() + " is gone");
  }
  again.helper = std::move(second);
  TRY(again.call(instead));
  return again.end();
}

Result<> Session::Impl::hold() {
  if (missing || !unfinished) return fail(Errc::bug, "hold a restore that was not begun");
  const Job job{.kind = Job::Kind::hold, .run = run.run_id};
  return call_surely(job, job);
}

Result<> Session::Impl::rollback() {
  if (missing || !unfinished) return {};
  TRY(call_surely({.kind = Job::Kind::rollback}, {.kind = Job::Kind::recover, .run = run.run_id}));
  unfinished = false;
  return {};
}

Result<> Session::Impl::seal() {
  if (missing) return fail(Errc::bug, "finish a restore in a place that was opened to be read");
  if (sealed) return {};
  const Job job{.kind = Job::Kind::seal, .run = run.run_id};
  TRY(call_surely(job, job));
  sealed = true;
  unfinished = false;
  return {};
}

Result<> Session::Impl::cleanup() {
  TRY(seal());
  // Of a sealed area the recovery is to remove it.
  return call_surely({.kind = Job::Kind::cleanup}, {.kind = Job::Kind::recover, .run = run.run_id});
}

Result<> Session::Impl::end() {
  if (!helper) return {};
  const auto ending = std::exchange(helper, nullptr);
  // Nothing to bring back, and out of step: it is not worth a word, and its end need not be waited for.
  if (broken && !unfinished) return ending->remove();
  return ending->end(!broken, unfinished ? std::chrono::seconds(kRollbackTime) : kFarewellTime);
}

}  // namespace davit::helper
