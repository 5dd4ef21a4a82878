#include "helper/channel/handshake.hpp"

#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <format>

#include "helper/channel/message.hpp"
#include "util/text.hpp"

namespace davit::helper {

namespace {

constexpr std::size_t kSecretBytes = 32;
// Before a connection has proved itself it gets little memory, and few get any.
constexpr std::size_t kMaxHello = 4U << 10U;
constexpr std::size_t kMaxPending = 16;

struct Address {
  sockaddr_un raw{};
  socklen_t length = 0;
};

Result<Address> abstract_address(const std::string& name) {
  Address address;
  address.raw.sun_family = AF_UNIX;
  // A leading zero byte makes it abstract; the name is as long as the length says, without a terminator.
  if (name.empty() || name.size() + 1 > sizeof address.raw.sun_path) {
    return fail(Errc::usage, std::format("socket name '{}': too long, or empty", escape_for_display(name)));
  }
  std::memcpy(address.raw.sun_path + 1, name.data(), name.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

Result<UniqueFd> unix_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "make a socket");
  return fd;
}

Hello own_hello(std::string proof) { return {kProtocol, DAVIT_VERSION, ::geteuid(), std::move(proof), {}}; }

}  // namespace

Secrets make_secrets() { return {random_hex(kSecretBytes), random_hex(kSecretBytes)}; }

std::string render_secrets(const Secrets& secrets) { return secrets.of_helper + "\n" + secrets.of_davit + "\n"; }

Result<Secrets> parse_secrets(std::string_view text) {
  const auto lines = split(trim(text), '\n');
  if (lines.size() != 2 || lines[0].size() != 2 * kSecretBytes || lines[1].size() != 2 * kSecretBytes) {
    return fail(Errc::corrupt, "the file of secrets is not one of davit's");
  }
  return Secrets{lines[0], lines[1]};
}

bool same_secret(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

Result<Hello> read_hello(const Frame& frame) {
  TRY_ASSIGN(json, parse_payload(frame));
  TRY_ASSIGN(hello, hello_from(json));
  if (hello.protocol != kProtocol) {
    return fail(Errc::usage, std::format("the other side is davit {} and speaks version {} of the channel, not {}",
                                         escape_for_display(hello.version), hello.protocol, kProtocol));
  }
  return hello;
}

Result<> greet_davit(Link& link, const Secrets& secrets, const std::string& problem, Deadline deadline) {
  Hello own = own_hello(secrets.of_helper);
  own.problem = problem;
  TRY(link.send_json(FrameType::hello, to_json(own)));
  TRY_ASSIGN(frame, link.expect(FrameType::hello, deadline));
  TRY_ASSIGN(hello, read_hello(frame));
  if (!same_secret(hello.proof, secrets.of_davit))
    return fail(Errc::credentials, "this is not the davit that started us");
  return {};
}

Result<> answer_helper(Link& link, const Secrets& secrets) {
  return link.send_json(FrameType::hello, to_json(own_hello(secrets.of_davit)));
}

Result<std::unique_ptr<Channel>> connect_abstract(const std::string& name) {
  TRY_ASSIGN(address, abstract_address(name));
  TRY_ASSIGN(fd, unix_socket());
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.raw), address.length) != 0) {
    if (errno != EINTR) return fail_errno(errno, "connect to davit's socket");
  }
  return FdChannel::over_socket(std::move(fd));
}

Result<Listener> Listener::open() {
  std::string name = "davit-" + random_hex(16);
  TRY_ASSIGN(address, abstract_address(name));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "make a socket");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.raw), address.length) != 0) {
    return fail_errno(errno, "bind a socket for the helper");
  }
  if (::listen(fd.get(), static_cast<int>(kMaxPending)) != 0) return fail_errno(errno, "listen for the helper");
  return Listener(std::move(fd), std::move(name));
}

Result<std::unique_ptr<Channel>> Listener::poll(std::chrono::milliseconds wait, const Secrets& secrets) {
  std::vector<pollfd> fds{{.fd = socket_.get(), .events = POLLIN, .revents = 0}};
  for (const Pending& pending : pending_) fds.push_back({.fd = pending.fd, .events = POLLIN, .revents = 0});
  if (::poll(fds.data(), fds.size(), static_cast<int>(wait.count())) < 0 && errno != EINTR) {
    return fail_errno(errno, "wait for the helper");
  }
  TRY(accept_all());
  for (std::size_t i = 0; i < pending_.size();) {
    const Verdict verdict = judge(pending_[i], secrets);
    if (verdict == Verdict::accepted) return std::move(pending_[i].channel);
    if (verdict == Verdict::refused)
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  return nullptr;
}

Result<> Listener::accept_all() {
  for (;;) {
    UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return {};
      return fail_errno(errno, "accept the helper");
    }
    if (pending_.size() == kMaxPending) pending_.erase(pending_.begin());
    const int raw = fd.get();
    TRY_ASSIGN(channel, FdChannel::over_socket(std::move(fd)));
    pending_.push_back({std::move(channel), FrameDecoder(kMaxHello), raw});
  }
}

Listener::Verdict Listener::judge(Pending& pending, const Secrets& secrets) {
  for (;;) {
    const auto frame = pending.decoder.next();
    if (!frame) return Verdict::refused;
    if (*frame) {
      if ((*frame)->type != FrameType::hello) return Verdict::refused;
      const auto hello = read_hello(**frame);
      if (!hello || !same_secret(hello->proof, secrets.of_helper)) return Verdict::refused;
      // The helper waits for our answer, so nothing can stand behind its hello.
      return pending.decoder.in_frame() ? Verdict::refused : Verdict::accepted;
    }
    const auto got = pending.channel->read(pending.decoder.room(), std::chrono::steady_clock::time_point{});
    if (!got || (*got && **got == 0)) return Verdict::refused;
    if (!*got) return Verdict::undecided;
    pending.decoder.add(**got);
  }
}

}  // namespace davit::helper
