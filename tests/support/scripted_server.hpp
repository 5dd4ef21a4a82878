#pragma once
// An HTTP server on a unix socket, or on a port of the loopback, that answers what a test says: any status, a body cut
// after so many bytes, a stall until the test lets go, an upgrade. Every connection is served by a thread of its own.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/http_types.hpp"
#include "support/temporary_directory.hpp"
#include "util/unique_fd.hpp"

namespace davit::test {

// Holds back whoever waits until it is opened.
class Gate {
 public:
  void open();
  void wait();
  // Whether somebody came to wait within ten seconds.
  [[nodiscard]] bool reached();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool reached_ = false;
};

struct Answer {
  int status = 200;
  std::string body = {};
  net::Headers headers = {};  // Content-Length is added, unless `chunked`, `upgrade` or among them
  bool chunked = false;
  std::optional<std::size_t> cut_after = {};    // so many bytes of the body are sent, and the connection is closed
  std::optional<std::size_t> stall_after = {};  // so many bytes of the body are sent, and then `gate` is waited for
  std::shared_ptr<Gate> gate = {};              // with status 0: waited for before anything is sent
  bool close = false;    // the connection is closed behind the answer; true at once, without a byte, for status 0
  bool reset = false;    // the connection is reset behind what was sent; with status 0: without a byte
  bool upgrade = false;  // 101; the body is sent raw
  std::function<void(int fd)> hand_over = {};  // has the connection after that, until it returns
};

struct SeenRequest {
  std::string method;
  std::string target;
  net::Headers headers;
  std::string body;
};

class ScriptedServer {
 public:
  // `index` counts requests from 0. Called by several threads, one at a time.
  using Handler = std::function<Answer(const SeenRequest& request, std::size_t index)>;
  enum class Listen { unix_socket, loopback };
  explicit ScriptedServer(Handler handler, Listen listen = Listen::unix_socket);
  // Answers one after the other; the last one again and again.
  explicit ScriptedServer(std::vector<Answer> answers);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string socket_path() const { return (directory_.path() / "socket").string(); }
  // REQUIRES: it listens on the loopback.
  [[nodiscard]] int port() const { return port_; }
  // Requests that arrived whole.
  [[nodiscard]] std::vector<SeenRequest> seen() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  void listen_on(Listen listen);
  void accept_all();
  void serve(int fd);

  TemporaryDirectory directory_;
  Handler handler_;
  UniqueFd listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::vector<std::shared_ptr<Gate>> gates_;
  std::vector<UniqueFd> sockets_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

// Helps a `hand_over` function: writes everything; reads up to so many bytes, less only at the end.
void send_all(int fd, std::string_view text);
[[nodiscard]] std::string receive(int fd, std::size_t size);
// A frame of the Engine's raw stream: kind 1 is stdout, 2 stderr, 3 an error of the Engine's own.
[[nodiscard]] std::string frame(int kind, std::string_view payload);

}  // namespace davit::test
