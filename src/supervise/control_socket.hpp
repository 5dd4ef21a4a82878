#pragma once
// The socket between the wrapper and `davit db`: of the abstract namespace, with a name that all processes of a
// container can tell and no other container has, so that it needs no place to write to and leaves nothing behind
// (docs/decisions/0009). Messages are packets: one request and one answer, and then the connection ends.

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "supervise/state.hpp"
#include "util/unique_fd.hpp"

namespace davit::supervise {

// No request or answer is longer.
inline constexpr std::size_t kLongestMessage = 16384;

// Of this process's container: the abstract name, without the zero byte in front. From the mount namespace, which
// belongs to one container and which `docker exec` enters.
[[nodiscard]] Result<std::string> control_name();

// Whoever restores into a data directory from within its container holds a name of it meanwhile
// (sources/pgbackrest/data_swap.hpp): two at once would each take what the other does for what a dead one has left. It
// goes with the process. Errc::locked.
[[nodiscard]] Result<UniqueFd> hold_restore_name(const std::string& data_directory);

// The wrapper's end. Never blocks.
class ControlSocket {
 public:
  // Errc::exists if there is one of that name already.
  [[nodiscard]] static Result<ControlSocket> listen(const std::string& name);

  // What poll(2) has to wait for, to read.
  [[nodiscard]] std::vector<int> descriptors() const;
  // Takes what has come in. For each request `answer` is asked, with the user at the other end.
  template <class Answer>
  void serve(const Answer& answer) {
    take_connections();
    for (Peer& peer : peers_) {
      if (const auto text = receive(peer)) send(peer, answer(*text, peer.uid));
    }
    std::erase_if(peers_, [](const Peer& peer) { return !peer.connection; });
  }

 private:
  struct Peer {
    UniqueFd connection;
    uid_t uid;
  };
  explicit ControlSocket(UniqueFd listener) : listener_(std::move(listener)) {}
  void take_connections();
  static std::optional<std::string> receive(Peer& peer);
  static void send(Peer& peer, const std::string& text);

  UniqueFd listener_;
  std::vector<Peer> peers_;
};

// The other end: sends a request to the wrapper of this container and waits for its answer. Errc::not_found if there
// is no wrapper; Errc::unavailable if it doesn't answer within `patience`.
[[nodiscard]] Result<Status> ask(const std::string& name, const Request& request,
                                 std::chrono::milliseconds patience = std::chrono::seconds{10});

}  // namespace davit::supervise
