#include "helper/guard/keep.hpp"

#include <condition_variable>
#include <mutex>
#include <set>

#include "helper/channel/handshake.hpp"
#include "helper/channel/message.hpp"
#include "helper/guard/journal_file.hpp"
#include "util/text.hpp"

namespace davit::helper {

using nlohmann::json;
using std::chrono::steady_clock;

namespace {

// Does what one frame asks for.
Result<> obey(const Frame& frame, JournalFile& journal) {
  if (frame.type == FrameType::ping) return {};
  if (frame.type == FrameType::bye) {
    if (journal.entries().empty()) return {};
    return fail(Errc::bug, "the journal still holds " + journal.entries().front().first);
  }
  TRY_ASSIGN(payload, parse_payload(frame));
  try {
    const auto key = payload.at("key").get<std::string>();
    return frame.type == FrameType::record ? journal.record(key, payload.at("entry")) : journal.strike(key);
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("read the channel: ") + error.what());
  }
}

// Until davit says bye (true), or is gone: then `why` says how that showed.
Result<bool> watch(Link& link, JournalFile& journal, const GuardDuty& duty, std::string& why) {
  for (;;) {
    const auto frame = link.receive(steady_clock::now() + duty.silence);
    if (!frame && frame.error().code() == Errc::cancelled) return std::unexpected(frame.error());
    if (!frame) {
      why = frame.error().message();
      return false;
    }
    const FrameType type = frame->type;
    if (type != FrameType::record && type != FrameType::strike && type != FrameType::ping && type != FrameType::bye) {
      why = "a " + std::string(name_of(type)) + " frame came on the channel";
      return false;
    }
    const auto done = obey(*frame, journal);
    auto answered = link.send_json(FrameType::trailer, done ? trailer_ok(json::object()) : trailer_error(done.error()));
    if (!answered && answered.error().code() == Errc::cancelled) return std::unexpected(std::move(answered).error());
    if (type == FrameType::bye) {
      if (done) return true;
      why = done.error().message();
      return false;
    }
    if (!answered) {
      why = answered.error().message();
      return false;
    }
  }
}

Result<> wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  if (stop.stop_requested()) return fail(Errc::cancelled, "told to stop; the journal is kept");
  return {};
}

// Works off the journal. Returns whether anything had to be put right.
Result<bool> put_right(JournalFile& journal, const GuardDuty& duty, const std::stop_token& stop) {
  const auto began = steady_clock::now();
  bool did = false;
  std::set<std::string> told;
  while (!journal.entries().empty()) {
    // The socket that is mounted may be that of an Engine which is gone: only a new start of the container sees the new
    // one. And an Engine that comes back after a crash ends what still runs, for good, as if a user had told it to.
    TRY(in_context(duty.reach(), "reach the Engine to put things right"));
    const RescueReport report = duty.rescue(journal.entries());
    for (const std::string& line : report.lines) {
      duty.say(std::string(kRescued) + escape_for_display(line));
      did = true;
    }
    for (const std::string& key : report.settled) TRY(journal.strike(key));
    // Each reason once, as it is tried again and again.
    for (const std::string& line : report.failed)
      if (told.insert(line).second) duty.say(std::string(kNotYet) + escape_for_display(line));
    if (journal.entries().empty()) break;
    TRY(wait(steady_clock::now() - began < duty.haste ? duty.retry : 10 * duty.retry, stop));
  }
  return did;
}

}  // namespace

Result<> keep_guard(const GuardDuty& duty, const std::stop_token& stop) {
  TRY_ASSIGN(journal, JournalFile::open(duty.directory));
  // Whoever finds a journal was started anew, and nobody is attached.
  if (!journal.found()) {
    const auto reached = duty.reach();
    TRY_ASSIGN(link, duty.link());
    TRY(greet_davit(*link, {}, reached ? "" : reached.error().message(), steady_clock::now() + duty.silence));
    std::string why;
    TRY_ASSIGN(released, watch(*link, journal, duty, why));
    if (released) return {};
    duty.say("davit is gone: " + escape_for_display(why));
  }
  TRY_ASSIGN(did, put_right(journal, duty, stop));
  if (auto cleared = duty.clear(); !cleared) duty.say(escape_for_display(cleared.error().message()));
  if (did) return {};
  return duty.remove_self();
}

}  // namespace davit::helper
