#include "supervise/control_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace davit::supervise {
namespace {

// More than anybody needs at once; whoever connects and says nothing makes room for the next.
constexpr std::size_t kMostPeers = 16;
constexpr int kBacklog = 16;

struct Address {
  sockaddr_un address{};
  socklen_t length = 0;
};

Result<Address> address_of(const std::string& name) {
  Address made;
  made.address.sun_family = AF_UNIX;
  // The first byte stays zero: that is what makes the name an abstract one.
  if (name.size() + 1 > sizeof made.address.sun_path)
    return fail(Errc::bug, "the name of the control socket is too long: " + name);
  std::memcpy(made.address.sun_path + 1, name.data(), name.size());
  made.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return made;
}

Result<UniqueFd> make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "make the control socket");
  return fd;
}

Result<std::string> number_of_container() {
  struct stat space{};
  if (::stat("/proc/self/ns/mnt", &space) != 0) return fail_errno(errno, "look at /proc/self/ns/mnt");
  return std::to_string(space.st_ino);
}

}  // namespace

Result<std::string> control_name() {
  TRY_ASSIGN(number, number_of_container());
  return "davit-db-" + number;
}

Result<UniqueFd> hold_restore_name(const std::string& data_directory) {
  TRY_ASSIGN(number, number_of_container());
  struct stat directory{};
  if (::stat(data_directory.c_str(), &directory) != 0) directory.st_ino = 0;
  TRY_ASSIGN(address, address_of("davit-restore-" + number + "-" + std::to_string(directory.st_ino)));
  TRY_ASSIGN(fd, make_socket());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.address), address.length) == 0) return fd;
  if (errno != EADDRINUSE) return fail_errno(errno, "bind a name for the restore");
  return fail(Errc::locked, "another davit restores in this container", "wait until it has ended");
}

Result<ControlSocket> ControlSocket::listen(const std::string& name) {
  TRY_ASSIGN(address, address_of(name));
  TRY_ASSIGN(fd, make_socket());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.address), address.length) != 0) {
    if (errno == EADDRINUSE)
      return fail(Errc::exists, "this container has a wrapper already", "`davit db` speaks to it");
    return fail_errno(errno, "bind the control socket");
  }
  if (::listen(fd.get(), kBacklog) != 0) return fail_errno(errno, "listen on the control socket");
  return ControlSocket(std::move(fd));
}

std::vector<int> ControlSocket::descriptors() const {
  std::vector<int> all{listener_.get()};
  for (const Peer& peer : peers_) all.push_back(peer.connection.get());
  return all;
}

void ControlSocket::take_connections() {
  while (true) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) continue;
    if (peers_.size() == kMostPeers) peers_.erase(peers_.begin());
    peers_.push_back({.connection = std::move(connection), .uid = credentials.uid});
  }
}

std::optional<std::string> ControlSocket::receive(Peer& peer) {
  std::string text(kLongestMessage, '\0');
  const ssize_t count = ::recv(peer.connection.get(), text.data(), text.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (count <= 0) {
    peer.connection.reset();
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(count));
  return text;
}

void ControlSocket::send(Peer& peer, const std::string& text) {
  // It fits: nothing else was ever sent on this connection. Whoever has gone meanwhile misses nothing.
  [[maybe_unused]] const ssize_t sent =
      ::send(peer.connection.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  peer.connection.reset();
}

Result<Status> ask(const std::string& name, const Request& request, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  const auto wait_for = [end](int fd, short events) -> Result<> {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd one{.fd = fd, .events = events, .revents = 0};
      const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return fail_errno(errno, "wait for the wrapper");
      if (ready == 0) return fail(Errc::unavailable, "the wrapper does not answer");
    }
  };
  TRY_ASSIGN(address, address_of(name));
  TRY_ASSIGN(fd, make_socket());
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.address), address.length) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT)
      return fail(Errc::not_found, "no wrapper runs in this container",
                  "make `davit entrypoint -- …` its entrypoint: docs/database-container.md");
    // EAGAIN: its backlog is full, which passes.
    if (errno == EAGAIN) {
      if (std::chrono::steady_clock::now() >= end) return fail(Errc::unavailable, "the wrapper does not answer");
      ::poll(nullptr, 0, 10);
    } else if (errno != EINTR) {
      return fail_errno(errno, "connect to the wrapper");
    }
  }
  const std::string text = render_request(request);
  if (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return fail_errno(errno, "ask the wrapper");
  std::string answer(kLongestMessage, '\0');
  while (true) {
    TRY(wait_for(fd.get(), POLLIN));
    const ssize_t count = ::recv(fd.get(), answer.data(), answer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) return fail_errno(errno, "hear the wrapper's answer");
    if (count == 0) return fail(Errc::unavailable, "the wrapper ended before it answered");
    answer.resize(static_cast<std::size_t>(count));
    return parse_answer(answer);
  }
}

}  // namespace davit::supervise
