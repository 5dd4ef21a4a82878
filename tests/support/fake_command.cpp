// The stream of a command in FakeEngine: it plays the shell of engine/command_script.hpp, or the bare command where
// nothing was wrapped.

#include <thread>

#include "engine/command_script.hpp"
#include "support/fake_engine_state.hpp"

namespace davit::test {
namespace {

constexpr std::size_t kPieceBytes = 1021;  // odd, so that marks come cut

class CommandStream : public engine::AttachedStream {
 public:
  CommandStream(std::shared_ptr<FakeEngine::State> state, std::string exec_id,
                std::function<FakeOutcome(const FakeCommand&)> play)
      : state_(std::move(state)), exec_id_(std::move(exec_id)), play_(std::move(play)) {
    const std::scoped_lock lock(state_->mutex);
    const FakeExec& exec = state_->execs.at(exec_id_);
    command_ = {.container = exec.container,
                .argv = exec.spec.command,
                .env = exec.spec.env,
                .user = exec.spec.user,
                .input = {}};
    if (auto wrapped = engine::unwrap_command(exec.spec.command)) {
      wrapped_ = *wrapped;
      command_.argv = wrapped_->argv;
      out_ = wrapped_->mark + "\n";
    }
    input_wanted_ = wrapped_ ? wrapped_->kind == engine::ScriptKind::feeds : exec.spec.attach_stdin;
  }

  CommandStream(const CommandStream&) = delete;
  CommandStream& operator=(const CommandStream&) = delete;
  // Whoever goes away in the middle closes the command's stdin, and the command runs with what has come.
  ~CommandStream() override {
    if (!played_ && started_to_feed_) play_(command_);
  }

  Result<std::optional<Output>> next(std::optional<std::chrono::steady_clock::time_point> deadline) override {
    if (broken_) return std::unexpected(*broken_);
    if (!input_wanted_) play();
    const bool ends = played_ && out_.empty() && err_.empty() && (acknowledged_ || !wrapped_);
    if (out_.empty() && err_.empty() && !ends) {
      if (!deadline) return fail(Errc::bug, "the fake command waits for its stdin, and nobody will write it");
      std::this_thread::sleep_until(*deadline);
      return fail(Errc::unavailable, "no output before the deadline");
    }
    auto output = state_->operation("output of " + command_.argv.at(0), [&]() -> Result<std::optional<Output>> {
      if (ends) {
        state_->execs.at(exec_id_).exit_code = exit_code_;
        return std::nullopt;
      }
      std::string& from = out_.empty() ? err_ : out_;
      const Kind kind = out_.empty() ? Kind::err : Kind::out;
      piece_ = from.substr(0, kPieceBytes);
      from.erase(0, piece_.size());
      return Output{.kind = kind, .bytes = std::as_bytes(std::span(piece_))};
    });
    if (!output) broken_ = output.error();
    return output;
  }

  Result<> write(std::span<const std::byte> bytes, std::stop_token stop) override {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    if (broken_) return fail(Errc::failed, "write to the process: it has ended");
    if (input_wanted_) {
      started_to_feed_ = true;
      command_.input.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else {
      acknowledged_ = true;
    }
    return {};
  }

  Result<> close_write() override {
    input_wanted_ = false;
    acknowledged_ = true;
    return {};
  }

 private:
  void play() {
    if (std::exchange(played_, true)) return;
    FakeOutcome outcome = play_(command_);
    exit_code_ = outcome.exit_code;
    out_ += outcome.out;
    err_ = std::move(outcome.err);
    if (wrapped_) out_ += "\n" + wrapped_->mark + " " + std::to_string(exit_code_) + "\n";
  }

  std::shared_ptr<FakeEngine::State> state_;
  std::string exec_id_;
  std::function<FakeOutcome(const FakeCommand&)> play_;
  FakeCommand command_;
  std::optional<engine::WrappedCommand> wrapped_;
  bool input_wanted_ = false;
  bool acknowledged_ = false;
  bool played_ = false;
  bool started_to_feed_ = false;
  int exit_code_ = 0;
  std::string out_;
  std::string err_;
  std::string piece_;
  std::optional<Error> broken_;
};

}  // namespace

std::unique_ptr<engine::AttachedStream> make_command_stream(std::shared_ptr<FakeEngine::State> state,
                                                            std::string exec_id,
                                                            std::function<FakeOutcome(const FakeCommand&)> play) {
  return std::make_unique<CommandStream>(std::move(state), std::move(exec_id), std::move(play));
}

}  // namespace davit::test
