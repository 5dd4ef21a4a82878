#include "helper/inside/own_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace davit::helper {

Result<std::unique_ptr<Link>> link_over_own_streams(std::stop_token stop) {
  UniqueFd in(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  UniqueFd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!in || !out) return fail_errno(errno, "take stdin and stdout for the channel");
  if (::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return fail_errno(errno, "take stdout for the channel");
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing) ::dup2(nothing.get(), STDIN_FILENO);
  TRY_ASSIGN(channel, FdChannel::over_pipes(std::move(in), std::move(out)));
  auto link = std::make_unique<Link>(std::move(channel));
  link->channel().set_stop(std::move(stop));
  return link;
}

}  // namespace davit::helper
