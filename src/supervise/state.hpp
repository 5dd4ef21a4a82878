#pragma once
// What the wrapper knows of the server it runs, and the words that it shares with those who ask: plain data, and its
// form on the control socket (docs/database-container.md).

#include <optional>
#include <string>
#include <string_view>

#include "util/clock.hpp"

namespace davit::supervise {

enum class State {
  starting,     // the image's entrypoint or the server runs, and the server doesn't accept connections yet
  running,      // it accepts them, as far as can be known
  stopping,     // it was asked to end, and has not yet
  maintenance,  // no server runs, and the container lives
};
[[nodiscard]] std::string_view name_of(State state);

// How PostgreSQL is asked to stop, in the words of pg_ctl.
enum class StopMode {
  smart,      // when all clients have left
  fast,       // clients are sent away
  immediate,  // without a checkpoint: the next start recovers
};
[[nodiscard]] std::string_view name_of(StopMode mode);
// Errc::usage for any other word.
[[nodiscard]] Result<StopMode> parse_stop_mode(std::string_view word);

// What becomes of the container when the server ends without having been told to through davit.
enum class OnExit { exit, stay };
[[nodiscard]] std::string_view name_of(OnExit policy);
// Errc::usage for any other word.
[[nodiscard]] Result<OnExit> parse_on_exit(std::string_view word);

struct Ending {
  int code = 0;  // the exit code, or 128 + the signal that ended it
  TimePoint at = {};
  bool operator==(const Ending&) const = default;
};

struct Status {
  State state = State::starting;
  TimePoint since;                          // when it got into that state
  std::optional<int> pid = {};              // of the image's entrypoint, which becomes the server
  std::optional<bool> accepting = {};       // connections; nothing: the wrapper can't tell
  std::optional<Ending> last_exit = {};     // of the server before
  int starts = 0;                           // how often the entrypoint was started in this container
  std::optional<std::string> problem = {};  // why the last start failed
  bool restore_left = false;                // a restore of the cluster is under way, or was broken off
  OnExit on_exit = OnExit::exit;
  bool operator==(const Status&) const = default;
};

struct Request {
  enum class Kind { status, start, stop, restart };
  Kind kind = Kind::status;
  StopMode mode = StopMode::fast;  // of stop and restart
  bool operator==(const Request&) const = default;
};

// One message is one JSON object. parse_…: Errc::corrupt if it is none of these; what an answer holds beyond that is
// passed over, so that a wrapper and a command of other versions understand each other.
[[nodiscard]] std::string render_request(const Request& request);
[[nodiscard]] Result<Request> parse_request(std::string_view text);
// An answer is a status or a refusal.
[[nodiscard]] std::string render_answer(const Result<Status>& answer);
// The refusal itself is the error that is returned.
[[nodiscard]] Result<Status> parse_answer(std::string_view text);

}  // namespace davit::supervise
