#include "engine/command.hpp"

#include <array>

#include "engine/command_script.hpp"
#include "engine/mark_scanner.hpp"
#include "util/escape.hpp"
#include "util/text.hpp"

namespace davit::engine {
namespace {

constexpr std::size_t kErrorBytes = std::size_t{16} << 10U;
constexpr std::size_t kFeedBytes = std::size_t{64} << 10U;
constexpr std::chrono::milliseconds kStopInterval{500};  // how long a stop may go unnoticed while the command is silent
// Once the shell has been told to end, only a process that the command left behind can keep the stream open.
constexpr std::chrono::seconds kEndTime{10};
constexpr int kExitPolls = 100;
constexpr std::chrono::milliseconds kExitInterval{100};

// Keeps the last `limit` bytes of what is written to it.
class TailSink : public stream::ByteSink {
 public:
  explicit TailSink(std::size_t limit) : limit_(limit) {}
  Result<> write(std::span<const std::byte> bytes) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text_.size() > 2 * limit_) text_.erase(0, text_.size() - limit_);
    return {};
  }
  Result<> finish() override { return {}; }
  [[nodiscard]] std::string take() {
    if (text_.size() > limit_) text_.erase(0, text_.size() - limit_);
    return std::move(text_);
  }

 private:
  std::size_t limit_;
  std::string text_;
};

// Keeps everything, and fails beyond `limit`.
class TextSink : public stream::ByteSink {
 public:
  explicit TextSink(std::size_t limit) : limit_(limit) {}
  Result<> write(std::span<const std::byte> bytes) override {
    if (bytes.size() > limit_ - text_.size()) return fail(Errc::failed, "it prints more than " + render_bytes(limit_));
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::size_t limit_;
  std::string text_;
};

// A wrapped command on its way: from its exec to the exit code that shell and Engine agree on.
class RunningCommand {
 public:
  RunningCommand(Engine& engine, RunContext& run, stream::ByteSink& out)
      : engine_(engine), run_(run), out_(out), mark_(random_hex(16)), scanner_(mark_), errors_(kErrorBytes) {}

  [[nodiscard]] Result<> start(const ContainerId& container, const Command& command, ScriptKind kind) {
    TRY(run_.check());
    TRY_ASSIGN(id, engine_.create_exec(container, {.command = wrap_command(command, kind, mark_),
                                                   .env = command.env,
                                                   .user = command.user,
                                                   .working_dir = {},
                                                   .attach_stdin = true}));
    exec_id_ = id;
    begun_ = command.begun;
    TRY_ASSIGN(stream, engine_.start_exec(exec_id_));
    stream_ = std::move(stream);
    return {};
  }

  // Takes output until the last mark, or the end of the stream.
  [[nodiscard]] Result<> take_until_mark() {
    while (!scanner_.done() && !ended_) {
      TRY(run_.check());
      TRY(take_next(std::chrono::steady_clock::now() + kStopInterval));
    }
    return {};
  }

  // Takes the output that is there. False once no input is wanted any more.
  [[nodiscard]] Result<bool> take_available() {
    TRY(run_.check());
    while (!scanner_.done() && !ended_) {
      TRY_ASSIGN(got, take_next(std::chrono::steady_clock::now()));
      if (!got) return true;
    }
    return false;
  }

  [[nodiscard]] Result<> write(std::span<const std::byte> bytes) { return stream_->write(bytes, run_.stop); }
  [[nodiscard]] Result<> close_write() {
    write_closed_ = true;
    return stream_->close_write();
  }

  // REQUIRES: the last mark was seen, or the stream has ended.
  [[nodiscard]] Result<CommandOutcome> finish() {
    if (!scanner_.done()) return std::unexpected(explain_end());
    // The acknowledgement. A shell that is gone already shows in the exit code below.
    if (!write_closed_) {
      static constexpr std::array kLine{std::byte{'\n'}};
      static_cast<void>(stream_->write(kLine, run_.stop));
      static_cast<void>(stream_->close_write());
    }
    const auto deadline = std::chrono::steady_clock::now() + kEndTime;
    while (!ended_ && std::chrono::steady_clock::now() < deadline) {
      if (const auto got = take_next(deadline); !got)
        break;  // all of the output is here: only stderr might lose its end
    }
    TRY_ASSIGN(exit_code, wait_for_exit());
    if (!exit_code)
      return fail(Errc::unavailable, "its exit code could not be had: the Engine says that it still runs");
    if (*exit_code != scanner_.exit_code())
      return fail(Errc::unavailable, "its shell says that it ended with exit code " +
                                         std::to_string(scanner_.exit_code()) + ", and the Engine says " +
                                         std::to_string(*exit_code));
    return CommandOutcome{.exit_code = *exit_code, .errors = escape_lines(trim(errors_.take()))};
  }

 private:
  // Takes one output. False if none came until the deadline: that is told like a broken stream, but only a broken one
  // tells it again at once, to the next call with a deadline that lies ahead.
  [[nodiscard]] Result<bool> take_next(std::chrono::steady_clock::time_point deadline) {
    auto output = stream_->next(deadline);
    if (!output) {
      if (output.error().code() == Errc::unavailable && std::chrono::steady_clock::now() >= deadline) return false;
      return std::unexpected(std::move(output).error());
    }
    if (!*output) {
      ended_ = true;
    } else if ((*output)->kind == AttachedStream::Kind::err) {
      TRY(errors_.write((*output)->bytes));
    } else {
      auto fed = scanner_.feed((*output)->bytes, out_);
      if (begun_ != nullptr) *begun_ = scanner_.begun();
      TRY(std::move(fed));
    }
    return true;
  }

  // Just after the end of its stream the Engine may still say that it runs, or know no exit code.
  [[nodiscard]] Result<std::optional<int>> wait_for_exit() {
    for (int poll = 0; poll < kExitPolls; ++poll) {
      TRY_ASSIGN(state, engine_.inspect_exec(exec_id_));
      if (!state.running && state.exit_code) return state.exit_code;
      run_.clock.sleep_for(kExitInterval);
    }
    return std::nullopt;
  }

  // Why the stream has ended without the last mark.
  [[nodiscard]] Error explain_end() {
    const auto exit_code = wait_for_exit();
    const std::string ended =
        exit_code && *exit_code ? "exit code " + std::to_string(**exit_code) : std::string("no exit code");
    const std::string errors = escape_for_display(trim(errors_.take()));
    if (!scanner_.begun()) {
      std::string why = escape_for_display(trim(scanner_.preamble()));
      if (why.empty()) why = errors.empty() ? "it ended with " + ended : errors;
      return {Errc::failed, "start sh: " + why, "davit runs commands through sh, which the container must have"};
    }
    return {Errc::unavailable, "its output did not arrive whole: its shell ended before it, with " + ended +
                                   (errors.empty() ? "" : " (" + errors + ")")};
  }

  Engine& engine_;
  RunContext& run_;
  stream::ByteSink& out_;
  std::string mark_;
  MarkScanner scanner_;
  TailSink errors_;
  std::string exec_id_;
  bool* begun_ = nullptr;
  std::unique_ptr<AttachedStream> stream_;
  bool ended_ = false;
  bool write_closed_ = false;
};

std::string doing(const ContainerId& container, const Command& command) {
  const std::string program = command.argv.empty() ? "nothing" : escape_for_display(command.argv.front());
  return "run " + program + " in container " + short_id(container.value);
}

Result<CommandOutcome> run_until_end(Engine& engine, const ContainerId& container, const Command& command,
                                     stream::ByteSink& out, RunContext& run) {
  RunningCommand running(engine, run, out);
  TRY(running.start(container, command, ScriptKind::waits));
  TRY(running.take_until_mark());
  return running.finish();
}

Result<CommandText> feed_until_end(Engine& engine, const ContainerId& container, const Command& command,
                                   stream::ByteSource& in, RunContext& run, std::size_t limit) {
  TailSink out(limit);
  RunningCommand running(engine, run, out);
  TRY(running.start(container, command, ScriptKind::feeds));
  std::vector<std::byte> buffer(kFeedBytes);
  std::optional<Error> input_error;
  for (;;) {
    TRY_ASSIGN(wanted, running.take_available());
    if (!wanted) break;
    auto size = in.read(buffer);
    if (!size) {
      input_error = std::move(size).error();
      break;
    }
    if (*size == 0) break;
    if (auto written = running.write(std::span(buffer).first(*size)); !written) {
      if (written.error().code() != Errc::failed) return std::unexpected(std::move(written).error());
      break;  // it has ended without reading everything: its exit code says whether that was meant
    }
  }
  TRY(running.close_write());
  TRY(running.take_until_mark());
  TRY_ASSIGN(outcome, running.finish());
  if (input_error) return std::unexpected(*std::move(input_error));
  return CommandText{.outcome = std::move(outcome), .out = out.take()};
}

}  // namespace

Result<CommandOutcome> run_command(Engine& engine, const ContainerId& container, const Command& command,
                                   stream::ByteSink& out, RunContext& run) {
  return in_context(run_until_end(engine, container, command, out, run), doing(container, command));
}

Result<CommandText> run_command_for_text(Engine& engine, const ContainerId& container, const Command& command,
                                         RunContext& run, std::size_t limit) {
  TextSink text(limit);
  TRY_ASSIGN(outcome, run_command(engine, container, command, text, run));
  return CommandText{.outcome = std::move(outcome), .out = text.take()};
}

Result<CommandText> run_command_for_tail(Engine& engine, const ContainerId& container, const Command& command,
                                         RunContext& run, std::size_t limit) {
  TailSink text(limit);
  TRY_ASSIGN(outcome, run_command(engine, container, command, text, run));
  return CommandText{.outcome = std::move(outcome), .out = text.take()};
}

Result<CommandText> feed_command(Engine& engine, const ContainerId& container, const Command& command,
                                 stream::ByteSource& in, RunContext& run, std::size_t limit) {
  return in_context(feed_until_end(engine, container, command, in, run, limit), doing(container, command));
}

}  // namespace davit::engine
