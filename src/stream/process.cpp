#include "stream/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <span>
#include <thread>

#include "util/escape.hpp"
#include "util/text.hpp"
#include "util/unique_fd.hpp"

namespace davit::stream {
namespace {

constexpr int kStopInterval = 500;  // milliseconds
constexpr int kTidyPolls = 100;
constexpr std::chrono::milliseconds kTidyInterval{50};
constexpr std::size_t kPiece = std::size_t{64} << 10U;
constexpr std::size_t kErrorBytes = std::size_t{16} << 10U;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// posix_spawn's attributes and file actions, freed on every way.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
};

class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Gives it up: a moment to tidy up, and then the end, for all that it has started.
  ~Child() {
    if (pid_ <= 0) return;
    const pid_t group = pid_;
    ::kill(-group, SIGTERM);
    for (int poll = 0; poll < kTidyPolls && pid_ > 0; ++poll) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = 0;
      if (pid_ > 0) std::this_thread::sleep_for(kTidyInterval);
    }
    ::kill(-group, SIGKILL);
    if (pid_ > 0) static_cast<void>(wait());
  }

  Result<> start(const Program& program, int in, int out, int err) {
    SpawnPlan plan;
    // Our own signals are blocked and partly ignored (SignalStop): a program inherits both, and must not.
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGPIPE, SIGXFSZ}) sigaddset(&usual, signal);
    ::posix_spawnattr_setsigmask(&plan.attributes, &none);
    ::posix_spawnattr_setsigdefault(&plan.attributes, &usual);
    ::posix_spawnattr_setpgroup(&plan.attributes, 0);
    ::posix_spawnattr_setflags(&plan.attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (in >= 0)
      ::posix_spawn_file_actions_adddup2(&plan.actions, in, 0);
    else
      ::posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&plan.actions, out, 1);
    ::posix_spawn_file_actions_adddup2(&plan.actions, err, 2);
    std::vector<std::string> argv = program.argv;
    std::vector<std::string> env = program.env;
    const int error = ::posix_spawn(&pid_, program.path.c_str(), &plan.actions, &plan.attributes, pointers(argv).data(),
                                    pointers(env).data());
    if (error == 0) return {};
    pid_ = 0;
    return fail_errno(error, "start " + program.path);
  }

  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = 0;
};

// The traffic of one program: whatever it can take or give next, in one loop, so that neither side waits for the other.
class Traffic {
 public:
  Traffic(ByteSource* in, ByteSink& out, UniqueFd to, UniqueFd from, UniqueFd errors)
      : in_(in), out_(out), to_(std::move(to)), from_(std::move(from)), errors_(std::move(errors)) {
    if (to_) ::fcntl(to_.get(), F_SETFL, O_NONBLOCK);
  }

  Result<> run(const std::stop_token& stop) {
    // A program that has closed its outputs may want the rest of its input nevertheless.
    while (from_ || errors_ || to_) {
      if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
      if (to_ && rest_.empty()) refill();
      std::array<pollfd, 3> fds{
          {{to_ ? to_.get() : -1, POLLOUT, 0}, {from_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), kStopInterval) < 0 && errno != EINTR) return fail_errno(errno, "poll");
      if (fds[0].revents != 0) feed();
      if (fds[1].revents != 0) {
        TRY_ASSIGN(piece, take(from_));
        TRY(out_.write(piece));
      }
      if (fds[2].revents != 0) {
        TRY_ASSIGN(piece, take(errors_));
        said_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        if (said_.size() > 2 * kErrorBytes) said_.erase(0, said_.size() - kErrorBytes);
      }
    }
    return {};
  }

  [[nodiscard]] const std::optional<Error>& input_error() const { return input_error_; }
  [[nodiscard]] std::string said() {
    if (said_.size() > kErrorBytes) said_.erase(0, said_.size() - kErrorBytes);
    return escape_lines(trim(said_));
  }

 private:
  void refill() {
    auto count = in_->read(input_);
    if (count && *count != 0) {
      rest_ = std::span(input_).first(*count);
      return;
    }
    to_.reset();
    if (!count) input_error_ = std::move(count).error();
  }

  void feed() {
    const ssize_t count = ::write(to_.get(), rest_.data(), rest_.size());
    if (count >= 0)
      rest_ = rest_.subspan(static_cast<std::size_t>(count));
    else if (errno != EINTR && errno != EAGAIN)
      to_.reset();  // it has ended, or reads no more: its exit code says whether that was meant
  }

  Result<std::span<const std::byte>> take(UniqueFd& from) {
    const ssize_t count = ::read(from.get(), output_.data(), output_.size());
    if (count < 0 && errno != EINTR) return fail_errno(errno, "read what the program says");
    if (count == 0) from.reset();
    return std::span<const std::byte>(output_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
  }

  ByteSource* in_;
  ByteSink& out_;
  UniqueFd to_;
  UniqueFd from_;
  UniqueFd errors_;
  std::vector<std::byte> input_ = std::vector<std::byte>(kPiece);
  std::vector<std::byte> output_ = std::vector<std::byte>(kPiece);
  std::span<const std::byte> rest_;  // of input_, not yet written
  std::string said_;
  std::optional<Error> input_error_;
};

}  // namespace

Result<ProgramOutcome> run_program(const Program& program, ByteSource* in, ByteSink& out, const std::stop_token& stop) {
  Pipe input;
  if (in != nullptr) {
    TRY_ASSIGN(made, make_pipe());
    input = std::move(made);
  }
  TRY_ASSIGN(output, make_pipe());
  TRY_ASSIGN(errors, make_pipe());
  Child child;
  TRY(child.start(program, input.read.get(), output.write.get(), errors.write.get()));
  input.read.reset();
  output.write.reset();
  errors.write.reset();
  Traffic traffic(in, out, std::move(input.write), std::move(output.read), std::move(errors.read));
  TRY(traffic.run(stop));
  ProgramOutcome outcome{.exit_code = child.wait(), .errors = traffic.said()};
  if (traffic.input_error()) return std::unexpected(*traffic.input_error());
  return outcome;
}

std::optional<std::string> find_program(std::string_view name, std::string_view path) {
  for (const std::string& directory : split(path, ':')) {
    std::string candidate = directory + "/" + std::string(name);
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace davit::stream
