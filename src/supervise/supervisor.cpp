#include "supervise/supervisor.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "supervise/claim.hpp"
#include "supervise/control_socket.hpp"
#include "supervise/machine.hpp"
#include "util/text.hpp"
#include "util/unique_fd.hpp"

namespace davit::supervise {
namespace {

constexpr int kWatchInterval = 100;  // milliseconds
// What is left when the container ends: a request, then a firmer one, and then it goes with the container.
constexpr std::chrono::seconds kFirmAfter{1};
constexpr std::chrono::seconds kGoesAnyway{2};
constexpr std::chrono::seconds kPreparationsGoAnyway{60};

// What comes from outside for the child. Those that a fault of our own would raise keep their effect, and those of a
// terminal's job control are nothing to a server.
constexpr int kForwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

class Supervisor {
 public:
  Supervisor(const Duty& duty, UniqueFd signals, ControlSocket socket)
      : duty_(duty),
        data_directory_(data_directory(duty.command)),
        signals_(std::move(signals)),
        socket_(std::move(socket)),
        machine_(duty.on_exit, now()) {}

  Result<int> run() {
    while (!exit_code_) {
      try {
        watch();
        if (!exit_code_ && !start_error_) wait();
      } catch (const std::exception&) {
        // Memory may be short for a moment: that must end neither us nor, with us, the server.
        ::poll(nullptr, 0, kWatchInterval);
        missed_ = true;
      }
      if (start_error_) return std::unexpected(*std::move(start_error_));
    }
    return *exit_code_;
  }

 private:
  [[nodiscard]] Machine::Moment now() const { return {.wall = duty_.clock.now(), .steady = duty_.clock.steady()}; }

  // What has to be looked at by and by.
  void watch() {
    const std::optional<int> child = machine_.child();
    switch (machine_.watch()) {
      case Machine::Watch::nothing:
        break;
      case Machine::Watch::start:
        perform(machine_.tick(std::ranges::any_of(children(), is_of_server), now()));
        break;
      case Machine::Watch::program:
        if (child && is_server(*child)) {
          claim_.take(data_directory_);  // there may have been none before
          perform(machine_.server_seen(now()));
        }
        break;
      case Machine::Watch::accepts:
        if (child) perform(machine_.accepts(accepts_connections(data_directory_, *child), now()));
        break;
      case Machine::Watch::drain:
        drain();
        break;
    }
  }

  void wait() {
    std::vector<pollfd> fds{{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
    for (const int fd : socket_.descriptors()) fds.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    const bool watches = missed_ || machine_.watch() != Machine::Watch::nothing;
    const int ready = ::poll(fds.data(), fds.size(), watches ? kWatchInterval : -1);
    // Of children that ended meanwhile, no signal may come any more.
    if (std::exchange(missed_, false)) take_in();
    if (ready <= 0) return;
    if (fds.front().revents != 0) take_signals();
    if (std::ranges::any_of(fds.begin() + 1, fds.end(), [](const pollfd& fd) { return fd.revents != 0; }))
      socket_.serve([this](const std::string& text, uid_t user) { return answer(text, user); });
  }

  void take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == SIGCHLD)
        take_in();
      else if (!is_lost(signal))
        perform(machine_.signalled(signal, now()));
    }
  }

  // As the first process of the container, which it would be without us, the child would not see these before it has a
  // handler: a reload or a rotation of logs that comes while the image prepares its server is no end of it.
  [[nodiscard]] bool is_lost(int signal) const {
    if (signal != SIGHUP && signal != SIGUSR1 && signal != SIGUSR2) return false;
    const std::optional<int> child = machine_.child();
    return child && !heeds(*child, signal);
  }

  void take_in() {
    reap([this](pid_t pid, int code) { ended(pid, code); });
  }

  void ended(pid_t pid, int code) {
    if (machine_.child() != pid) return;  // an orphan: there was nothing to do for it but this
    server_user_ = user_of(pid);
    served_ = is_server(pid);
    // It may have become the server and ended between two looks.
    if (served_) perform(machine_.server_seen(now()));
    perform(machine_.child_ended(code, now()));
  }

  std::string answer(const std::string& text, uid_t user) {
    return render_answer([&]() -> Result<Status> {
      if (!may_ask(user))
        return fail(Errc::credentials, "the wrapper takes no orders from user " + std::to_string(user),
                    "speak to it as root, or as the user that the container or its server runs as");
      TRY_ASSIGN(request, parse_request(text));
      TRY_ASSIGN(actions, machine_.requested(request, now()));
      if (request.kind != Request::Kind::status)
        duty_.say("asked by user " + std::to_string(user) + ": " + std::string(describe(request)));
      perform(actions);
      // As it is now, and not as it was at the last look.
      if (const auto child = machine_.child())
        perform(machine_.accepts(accepts_connections(data_directory_, *child), now()));
      Status status = machine_.status();
      status.restore_left = holds_restore(data_directory_);
      return status;
    }());
  }

  [[nodiscard]] static std::string_view describe(const Request& request) {
    switch (request.kind) {
      case Request::Kind::start:
        return "start";
      case Request::Kind::stop:
        return "stop";
      case Request::Kind::restart:
        return "restart";
      case Request::Kind::status:
        return "status";
    }
    return "";
  }

  // Whoever could stop the server by a signal of his own may do it this way, too.
  [[nodiscard]] bool may_ask(uid_t user) const {
    if (user == 0 || user == ::geteuid() || user == server_user_) return true;
    const std::optional<int> child = machine_.child();
    return child && user_of(*child) == user;
  }

  void perform(const Actions& actions) {
    for (const Action& action : actions) std::visit([this](const auto& each) { carry_out(each); }, action);
  }
  void carry_out(const Spawn& /*unused*/) {
    const bool elsewhere = claim_.take(data_directory_) == DirectoryClaim::Holder::another;
    const bool server = starts_server(duty_.command);
    // It would end at once, and with it, again and again, the container in which that can be put right.
    if (server && !elsewhere && is_between_clusters(data_directory_)) {
      perform(machine_.not_spawned(
          {Errc::failed,
           "a restore was broken off while files changed places: `davit pgbackrest restore --settle` puts the old "
           "cluster back and starts it"},
          now()));
      return;
    }
    // The lock of one that is still ending, or runs next door, is what keeps a second one off its files.
    if (!elsewhere && !any_server_runs() && remove_stale_locks(data_directory_))
      duty_.say("a server that was killed left postmaster.pid, which is removed");
    auto pid = elsewhere && server ? Result<pid_t>(in_use()) : spawn(duty_.command);
    if (pid) {
      perform(machine_.spawned(*pid, now()));
    } else if (machine_.status().starts == 0) {
      start_error_ = std::move(pid).error();
    } else {
      perform(machine_.not_spawned(pid.error(), now()));
    }
  }
  // PostgreSQL itself tells by process numbers, which are the same in every container.
  [[nodiscard]] std::unexpected<Error> in_use() const {
    return fail(Errc::locked, "another container has the data directory " + escape_for_display(data_directory_),
                "stop that one first: two servers would destroy the cluster");
  }
  void carry_out(const Kill& action) {
    // The child is not taken in yet, so its id is nobody else's.
    const std::optional<int> child = machine_.child();
    if (child && ::kill(*child, action.signal) != 0)
      duty_.say("signal " + std::to_string(action.signal) + " can't be sent: " + errno_text(errno));
  }
  void carry_out(const Drain& /*unused*/) {
    drain_since_ = duty_.clock.steady();
    drain();
  }
  void carry_out(const Exit& action) { exit_code_ = action.code; }
  void carry_out(const Say& action) { duty_.say(action.line); }

  // Ends what the container still has of ours: what has lost its parent, and what an entrypoint that was broken off was
  // doing. initdb clears away its half of a cluster when it is told to end, and the server of the preparations writes
  // down what it has; without that, the next start would find what nobody can use.
  void drain() {
    const auto passed = duty_.clock.steady() - drain_since_;
    const std::vector<Process> left = descendants();
    for (const Process& process : left) {
      // A shell's background processes ignore the first; a server takes the second for a wish to wait, and initdb's own
      // passes over what comes between two statements: it is asked again.
      const auto [asked, first] = asked_.try_emplace(process.pid, passed);
      if (!first && passed - asked->second < kFirmAfter) continue;
      ::kill(process.pid, first || is_of_server(process) ? SIGINT : SIGTERM);
      asked->second = passed;
    }
    if (left.empty() || passed >= (served_ ? kGoesAnyway : kPreparationsGoAnyway)) perform(machine_.drained());
  }

  const Duty& duty_;
  std::string data_directory_;
  UniqueFd signals_;
  ControlSocket socket_;
  DirectoryClaim claim_;
  Machine machine_;
  bool missed_ = false;               // something came in the way of what had happened
  std::optional<uid_t> server_user_;  // that the last server ran as
  bool served_ = false;               // the child that ended last had become the server
  std::optional<int> exit_code_;
  std::optional<Error> start_error_;
  SteadyTime drain_since_;
  std::map<pid_t, std::chrono::steady_clock::duration> asked_;  // when last, since it began
};

Result<UniqueFd> take_over_signals() {
  // Ignored, as somebody may have started us with it, it would let children vanish without a word.
  for (const int number : {SIGCHLD, SIGPIPE})
    if (std::signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN) == SIG_ERR) return fail_errno(errno, "set a signal");
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kForwarded) sigaddset(&set, number);
  sigaddset(&set, SIGCHLD);
  if (::sigprocmask(SIG_SETMASK, &set, nullptr) != 0) return fail_errno(errno, "block signals");
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail_errno(errno, "wait for signals");
  return signals;
}

}  // namespace

Result<int> supervise(const Duty& duty) {
  TRY_ASSIGN(signals, take_over_signals());
  // Behind another init (Compose's `init: true`), orphans would be that one's.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return fail_errno(errno, "become the parent of orphans");
  TRY_ASSIGN(socket, ControlSocket::listen(duty.socket));
  Supervisor supervisor(duty, std::move(signals), std::move(socket));
  return supervisor.run();
}

}  // namespace davit::supervise
