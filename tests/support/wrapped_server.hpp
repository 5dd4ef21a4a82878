#pragma once
// The wrapper with real processes: a child of the test runs it, whose server is a script that is called postgres.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "supervise/client.hpp"
#include "supervise/machine.hpp"
#include "supervise/state.hpp"
#include "support/temporary_directory.hpp"

namespace davit::test {

void wait_until(const std::string& what, const std::function<bool()>& condition,
                std::chrono::seconds within = std::chrono::seconds(20));

// Parent and state of every process, of /proc/PID/stat.
struct SeenProcess {
  pid_t pid;
  pid_t parent;
  char state;
};
[[nodiscard]] std::vector<SeenProcess> all_processes();

// Its server says when it is ready, ends well when it is asked to be fast, and otherwise by the signal's number.
class WrappedServer {
 public:
  // `entrypoint` is a script that is run before the server, in the directory of the server's data.
  explicit WrappedServer(const std::string& entrypoint = "exec ./postgres",
                         supervise::OnExit on_exit = supervise::OnExit::exit);
  // `before` sees to the directory of the data first; `words` are what the entrypoint is asked for.
  WrappedServer(const std::function<void(const WrappedServer&)>& before, const std::vector<std::string>& words);
  WrappedServer(supervise::OnExit on_exit, const std::vector<std::string>& argv);
  WrappedServer(const WrappedServer&) = delete;
  WrappedServer& operator=(const WrappedServer&) = delete;
  // Nothing of a test that has failed stays.
  ~WrappedServer();

  void script(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string file(const std::string& name) const { return read_file(directory / name); }
  [[nodiscard]] Result<supervise::Status> ask(supervise::Request::Kind kind,
                                              supervise::StopMode mode = supervise::StopMode::fast) const;
  [[nodiscard]] supervise::Status status() const;
  void wait_for(supervise::State state) const;
  void wait_for_file(const std::string& name) const;
  [[nodiscard]] supervise::Ask asks() const;
  // Its exit code, which is 100 + that of the error if it returned one.
  [[nodiscard]] int ended();

  TemporaryDirectory directory;
  std::string socket;
  pid_t pid = 0;

 private:
  void scripts(const std::string& entrypoint) const;
  void start(supervise::OnExit on_exit, const std::vector<std::string>& argv);
};

}  // namespace davit::test
