#pragma once
// How davit and its helper find each other and prove who they are. davit listens on a unix socket with a random name in
// the abstract namespace, which anybody in the same network namespace may connect to; so each side shows a secret that
// the other one knows from a file, which only davit and the helper's container have.

#include <string>
#include <vector>

#include "helper/channel/link.hpp"

namespace davit::helper {

struct Secrets {
  std::string of_helper;  // shown by the helper in its hello
  std::string of_davit;   // shown by davit in its answer, so that nobody can take davit's place when it has died
};
[[nodiscard]] Secrets make_secrets();
// The contents of the file: two lines.
[[nodiscard]] std::string render_secrets(const Secrets& secrets);
[[nodiscard]] Result<Secrets> parse_secrets(std::string_view text);
// Compares in a time that does not tell where they differ.
[[nodiscard]] bool same_secret(std::string_view left, std::string_view right);

// The helper's part: says hello, and takes davit's answer. `secrets` is empty over attached streams, which are davit's.
// `problem`: see Hello.
[[nodiscard]] Result<> greet_davit(Link& link, const Secrets& secrets, const std::string& problem = {},
                                   Deadline deadline = {});
// davit's answer to a hello that it took.
[[nodiscard]] Result<> answer_helper(Link& link, const Secrets& secrets);

// Connects to a socket in the abstract namespace.
[[nodiscard]] Result<std::unique_ptr<Channel>> connect_abstract(const std::string& name);

// davit's end of that socket.
class Listener {
 public:
  // A new name each time.
  [[nodiscard]] static Result<Listener> open();
  [[nodiscard]] const std::string& name() const { return name_; }
  // Takes connections and their hellos for as long as `wait` says, and returns the first that shows the secret. One
  // that shows another, garbage or nothing is dropped sooner or later and keeps nobody else out.
  [[nodiscard]] Result<std::unique_ptr<Channel>> poll(std::chrono::milliseconds wait, const Secrets& secrets);

 private:
  struct Pending {
    std::unique_ptr<Channel> channel;
    FrameDecoder decoder;
    int fd;
  };
  enum class Verdict { undecided, accepted, refused };
  Listener(UniqueFd socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)) {}
  [[nodiscard]] Result<> accept_all();
  [[nodiscard]] static Verdict judge(Pending& pending, const Secrets& secrets);
  UniqueFd socket_;
  std::string name_;
  std::vector<Pending> pending_;
};

// Reads a hello frame; Errc::usage if it speaks another version of the protocol.
struct Hello;
[[nodiscard]] Result<Hello> read_hello(const Frame& frame);

}  // namespace davit::helper
