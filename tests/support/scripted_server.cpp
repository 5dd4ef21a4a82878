#include "support/scripted_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <format>
#include <sstream>

#include "util/text.hpp"

namespace davit::test {

void Gate::open() {
  const std::scoped_lock lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Gate::wait() {
  std::unique_lock lock(mutex_);
  reached_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return open_; });
}

bool Gate::reached() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return reached_; });
}

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string receive(int fd, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t more = ::recv(fd, text.data() + got, size - got, 0);
    if (more <= 0) break;
    got += static_cast<std::size_t>(more);
  }
  text.resize(got);
  return text;
}

std::string frame(int kind, std::string_view payload) {
  std::string header(8, '\0');
  header[0] = static_cast<char>(kind);
  for (int i = 0; i < 4; ++i)
    header[static_cast<std::size_t>(4 + i)] = static_cast<char>((payload.size() >> (24 - 8 * i)) & 0xffU);
  return header + std::string(payload);
}

namespace {

// Reads a line with its "\n"; empty at the end of the connection.
std::string receive_line(int fd) {
  std::string line;
  while (!line.ends_with('\n')) {
    const std::string byte = receive(fd, 1);
    if (byte.empty()) return {};
    line += byte;
  }
  return line;
}

// Nothing if the connection ended before the request was whole.
std::optional<SeenRequest> receive_request(int fd) {
  SeenRequest request;
  std::istringstream first(receive_line(fd));
  if (!(first >> request.method >> request.target)) return std::nullopt;
  for (;;) {
    const std::string line = receive_line(fd);
    const std::string_view text = trim(line);
    if (text.empty()) break;
    const std::size_t colon = text.find(':');
    request.headers.push_back({std::string(text.substr(0, colon)), std::string(trim(text.substr(colon + 1)))});
  }
  if (const auto length = net::find_header(request.headers, "Content-Length")) {
    const std::size_t size = std::strtoul(std::string(*length).c_str(), nullptr, 10);
    request.body = receive(fd, size);
    if (request.body.size() < size) return std::nullopt;
  } else if (net::find_header(request.headers, "Transfer-Encoding")) {
    for (;;) {
      const std::string line = receive_line(fd);
      const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
      request.body += receive(fd, size);
      if (receive_line(fd).empty()) return std::nullopt;
      if (size == 0) break;
    }
  }
  return request;
}

std::string render_head(const Answer& answer) {
  std::string head = std::format("HTTP/1.1 {} Scripted\r\n", answer.upgrade ? 101 : answer.status);
  for (const net::Header& header : answer.headers) head += header.name + ": " + header.value + "\r\n";
  if (answer.upgrade) {
    head += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  } else if (answer.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (answer.status != 204 && answer.status != 304 && !net::find_header(answer.headers, "Content-Length")) {
    head += std::format("Content-Length: {}\r\n", answer.body.size());
  }
  if (answer.close) head += "Connection: close\r\n";
  return head + "\r\n";
}

// "Connection reset by peer", and the number stays ours.
void reset_connection(int fd) {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  ::connect(fd, &nowhere, sizeof(nowhere));
}

void send_body(int fd, const Answer& answer, std::string_view part) {
  if (part.empty()) return;
  send_all(fd, answer.chunked ? std::format("{:x}\r\n{}\r\n", part.size(), part) : std::string(part));
}

}  // namespace

ScriptedServer::ScriptedServer(Handler handler, Listen listen) : handler_(std::move(handler)) {
  listen_on(listen);
  acceptor_ = std::jthread([this] { accept_all(); });
}

void ScriptedServer::listen_on(Listen listen) {
  int bound = -1;
  if (listen == Listen::unix_socket) {
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path().c_str(), sizeof(address.sun_path) - 1);
    bound = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } else {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bound = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    socklen_t size = sizeof(address);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  if (bound != 0 || ::listen(listener_.get(), 64) != 0) std::abort();
}

ScriptedServer::ScriptedServer(std::vector<Answer> answers)
    : ScriptedServer(
          [answers](const SeenRequest&, std::size_t index) { return answers[std::min(index, answers.size() - 1)]; }) {}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& gate : gates_) gate->open();
    for (const UniqueFd& socket : sockets_) ::shutdown(socket.get(), SHUT_RDWR);
  }
  threads_.clear();
}

std::vector<SeenRequest> ScriptedServer::seen() const {
  const std::scoped_lock lock(mutex_);
  return seen_;
}

std::size_t ScriptedServer::connections() const {
  const std::scoped_lock lock(mutex_);
  return sockets_.size();
}

void ScriptedServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    // Or each answer with a body waits 40 ms for the client to have acknowledged its head. Not for a unix socket.
    const int now = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now));
    const std::scoped_lock lock(mutex_);
    sockets_.emplace_back(fd);
    threads_.emplace_back([this, fd] {
      serve(fd);
      ::shutdown(fd, SHUT_RDWR);  // the number stays taken until the server ends, so it can't be another's meanwhile
    });
  }
}

void ScriptedServer::serve(int fd) {
  while (auto request = receive_request(fd)) {
    Answer answer;
    {
      const std::scoped_lock lock(mutex_);
      answer = handler_(*request, seen_.size());
      seen_.push_back(*std::move(request));
      if (answer.gate) gates_.push_back(answer.gate);
    }
    if (answer.status == 0) {
      if (answer.gate) answer.gate->wait();
      if (answer.reset) reset_connection(fd);
      return;
    }
    send_all(fd, render_head(answer));
    std::string_view body = answer.body;
    if (answer.cut_after) body = body.substr(0, *answer.cut_after);
    if (answer.stall_after) {
      send_body(fd, answer, body.substr(0, *answer.stall_after));
      body.remove_prefix(std::min(body.size(), *answer.stall_after));
      answer.gate->wait();
    }
    send_body(fd, answer, body);
    if (answer.hand_over) answer.hand_over(fd);
    if (answer.reset) reset_connection(fd);
    if (answer.cut_after || answer.reset || answer.close || answer.upgrade) return;
    if (answer.chunked) send_all(fd, "0\r\n\r\n");
  }
}

}  // namespace davit::test
