#pragma once
// The processes of the container, as far as the wrapper deals with them: starting its child, taking in every process
// that has ended, and seeing by /proc what runs.

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "util/error.hpp"

namespace davit::supervise {

struct CommandLine {
  std::vector<std::string> argv;  // the first is a path, or found by PATH of `env`
  std::vector<std::string> env;   // NAME=value, all of it
};

// Starts it with the standard streams of this process, and with no signal blocked or ignored. Errc::not_found if there
// is no such program.
[[nodiscard]] Result<pid_t> spawn(const CommandLine& command);

// Whether it is a server that the image's entrypoint is asked for: `docker-entrypoint.sh postgres`, or nothing but
// options.
[[nodiscard]] bool starts_server(const CommandLine& command);

// Takes in every child that has ended. `ended` gets each one's id and its exit code, or 128 + the signal that ended it,
// while its place in /proc is still there.
void reap(const std::function<void(pid_t pid, int code)>& ended);

// The name of the program that a process executes, at most 15 bytes; empty if it is gone.
[[nodiscard]] std::string program_of(pid_t pid);
// Whether that is the program of a PostgreSQL server.
[[nodiscard]] bool is_server(pid_t pid);
// Whether it handles or ignores that signal, so that one that ends others is no end for it; false if that can't be
// seen.
[[nodiscard]] bool heeds(pid_t pid, int signal);
// The user that it runs as.
[[nodiscard]] std::optional<uid_t> user_of(pid_t pid);

struct Process {
  pid_t pid = 0;
  std::string program;
};
// Whether that is the program of a PostgreSQL server, or of a process of one.
[[nodiscard]] bool is_of_server(const Process& process);
// The children of this process that have not ended, those included that it has inherited.
[[nodiscard]] std::vector<Process> children();
// Them and what they have started in turn; but what a server has started is its own affair.
[[nodiscard]] std::vector<Process> descendants();

// Where the server's data lie: what its command line says (-D), or else PGDATA; empty if neither does.
[[nodiscard]] std::string data_directory(const CommandLine& command);
// What postmaster.pid in that directory says of the server `pid`: whether it accepts connections (PostgreSQL's
// src/include/utils/pidfile.h). Nothing if the file can't be read or no directory is known.
[[nodiscard]] std::optional<bool> accepts_connections(const std::string& data_directory, pid_t pid);

// Whether any process of a server is to be seen, whoever has started it.
[[nodiscard]] bool any_server_runs();
// Removes the lock files of a server that was killed: postmaster.pid in that directory, and the one of the socket that
// it names. PostgreSQL passes over such a file by itself, but not where another process of the same user has got the
// number that stands in it, which is likely in a container that was started again. True if there was one. REQUIRES: no
// server runs.
bool remove_stale_locks(const std::string& data_directory);
// A restore was broken off while files changed places: what lies there is no cluster.
[[nodiscard]] bool is_between_clusters(const std::string& data_directory);
// A restore beside the cluster has not ended (sources/pgbackrest/data_swap.hpp); false where it can't be seen.
[[nodiscard]] bool holds_restore(const std::string& data_directory);

}  // namespace davit::supervise
