#include "supervise/processes.hpp"

#include <dirent.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>

#include "stream/process.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::supervise {
namespace {

// PATH of a process that has none, as execvp(3) has it.
constexpr std::string_view kUsualPath = "/usr/local/bin:/bin:/usr/bin";
constexpr std::size_t kPidFileBytes = 8192;
// Lines of postmaster.pid, from 0.
constexpr std::size_t kLinePid = 0;
constexpr std::size_t kLinePort = 3;
constexpr std::size_t kLineSocketDirectory = 4;
constexpr std::size_t kLineStatus = 7;

std::string_view value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& variable : env)
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=')
      return std::string_view(variable).substr(name.size() + 1);
  return {};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string place_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

Result<std::string> find(const CommandLine& command) {
  const std::string& name = command.argv.front();
  if (name.contains('/')) return name;
  const std::string_view path = value_of(command.env, "PATH");
  if (auto found = stream::find_program(name, path.empty() ? kUsualPath : path)) return *std::move(found);
  return fail(Errc::not_found, "no program " + escape_for_display(name) + " in PATH");
}

// Its parent and program, from /proc/PID/stat: "7 (postgres) S 1 …"; the name may hold anything.
struct Stat {
  std::string program;
  char state = '?';
  pid_t parent = 0;
};
std::optional<Stat> stat_of(pid_t pid) {
  const auto text = read_whole_file(place_of(pid) + "/stat", 4096);
  if (!text) return std::nullopt;
  const auto open = text->find('(');
  const auto close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  const std::vector<std::string> fields = split(std::string_view(*text).substr(close + 1), ' ');
  if (fields.size() < 3 || fields[1].size() != 1) return std::nullopt;
  return Stat{.program = text->substr(open + 1, close - open - 1),
              .state = fields[1][0],
              .parent = number_in<pid_t>(fields[2]).value_or(0)};
}

// All processes that have not ended.
struct Running {
  pid_t pid = 0;
  Stat stat;
};
std::vector<Running> running() {
  std::vector<Running> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = number_in<pid_t>(entry->d_name);
    if (!pid) continue;
    auto stat = stat_of(*pid);
    if (stat && stat->state != 'Z') found.push_back({.pid = *pid, .stat = *std::move(stat)});
  }
  return found;
}

std::vector<Process> children_of(const std::vector<Running>& all, pid_t parent) {
  std::vector<Process> found;
  for (const Running& each : all)
    if (each.stat.parent == parent) found.push_back({.pid = each.pid, .program = each.stat.program});
  return found;
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_server_name(std::string_view name) { return name == "postgres" || name == "postmaster"; }

}  // namespace

Result<pid_t> spawn(const CommandLine& command) {
  TRY_ASSIGN(path, find(command));
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return fail_errno(error, "start " + path);
  const std::unique_ptr<posix_spawnattr_t, int (*)(posix_spawnattr_t*)> freed(&attributes, ::posix_spawnattr_destroy);
  // What this process blocks and ignores is its own affair; a server that inherits it could not be stopped.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> env = command.env;
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, path.c_str(), nullptr, &attributes, pointers(argv).data(), pointers(env).data());
  if (error != 0) return fail_errno(error, "start " + path);
  return pid;
}

void reap(const std::function<void(pid_t pid, int code)>& ended) {
  while (true) {
    siginfo_t info{};
    // First only looked at: whose it was can be asked until it is taken in.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (info.si_pid == 0) return;
    const pid_t pid = info.si_pid;
    ended(pid, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

std::string program_of(pid_t pid) {
  const auto name = read_whole_file(place_of(pid) + "/comm", 256);
  return name ? std::string(trim(*name)) : std::string();
}

bool is_server(pid_t pid) { return is_server_name(program_of(pid)); }
bool heeds(pid_t pid, int signal) {
  const auto text = read_whole_file(place_of(pid) + "/status", 65536);
  if (!text) return false;
  std::uint64_t heeded = 0;
  for (const std::string& line : split(*text, '\n')) {
    if (!line.starts_with("SigIgn:") && !line.starts_with("SigCgt:")) continue;
    const std::string_view digits = trim(std::string_view(line).substr(7));
    std::uint64_t mask = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), mask, 16);
    heeded |= mask;
  }
  return (heeded >> static_cast<unsigned>(signal - 1) & 1U) != 0;
}

bool starts_server(const CommandLine& command) {
  if (command.argv.size() > 1 && command.argv[1].starts_with('-')) return true;
  return std::ranges::any_of(command.argv, [](const std::string& word) { return is_server_name(last_part(word)); });
}

bool is_of_server(const Process& process) { return is_server_name(process.program); }

std::optional<uid_t> user_of(pid_t pid) {
  struct stat info{};
  if (::stat(place_of(pid).c_str(), &info) != 0) return std::nullopt;
  return info.st_uid;
}

std::vector<Process> children() { return children_of(running(), ::getpid()); }

std::vector<Process> descendants() {
  const std::vector<Running> all = running();
  std::vector<Process> found = children_of(all, ::getpid());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (is_of_server(found[i])) continue;
    std::vector<Process> below = children_of(all, found[i].pid);
    found.insert(found.end(), std::make_move_iterator(below.begin()), std::make_move_iterator(below.end()));
  }
  return found;
}

std::string data_directory(const CommandLine& command) {
  for (std::size_t i = 1; i < command.argv.size(); ++i) {
    const std::string_view word = command.argv[i];
    if (word == "-D" && i + 1 < command.argv.size()) return command.argv[i + 1];
    if (word.starts_with("-D") && word.size() > 2) return std::string(word.substr(2));
  }
  return std::string(value_of(command.env, "PGDATA"));
}

std::optional<bool> accepts_connections(const std::string& data_directory, pid_t pid) {
  if (data_directory.empty()) return std::nullopt;
  const auto text = read_whole_file(data_directory + "/postmaster.pid", kPidFileBytes);
  if (!text) {
    if (text.error().code() == Errc::not_found) return false;
    return std::nullopt;
  }
  const std::vector<std::string> lines = split(*text, '\n');
  // Another's: what an earlier server left behind, until this one writes its own.
  if (lines.size() <= kLineStatus || number_in<pid_t>(lines[kLinePid]) != pid) return false;
  const std::string_view status = trim(lines[kLineStatus]);
  return status == "ready" || status == "standby";
}

bool any_server_runs() {
  return std::ranges::any_of(running(), [](const Running& each) { return is_server_name(each.stat.program); });
}

bool remove_stale_locks(const std::string& data_directory) {
  if (data_directory.empty()) return false;
  const std::string path = data_directory + "/postmaster.pid";
  const auto text = read_whole_file(path, kPidFileBytes);
  // Also where it can't be read: then it is nobody's business but the server's.
  if (!text) return false;
  const std::vector<std::string> lines = split(*text, '\n');
  if (lines.size() > kLineSocketDirectory && lines[kLineSocketDirectory].starts_with('/') &&
      number_in<unsigned>(lines[kLinePort]))
    ::unlink((lines[kLineSocketDirectory] + "/.s.PGSQL." + lines[kLinePort] + ".lock").c_str());
  return ::unlink(path.c_str()) == 0;
}

bool is_between_clusters(const std::string& data_directory) {
  if (data_directory.empty()) return false;
  const auto step = read_whole_file(data_directory + "/.davit-restore/step", 256);
  if (!step) return false;
  const std::string_view name = trim(*step);
  return name == "leaving" || name == "entering" || name == "returning";
}

bool holds_restore(const std::string& data_directory) {
  struct stat info{};
  return !data_directory.empty() && ::stat((data_directory + "/.davit-restore").c_str(), &info) == 0;
}

}  // namespace davit::supervise
