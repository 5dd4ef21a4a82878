#include "util/error.hpp"

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace davit {

std::span<const ExitCode> exit_codes() {
  static constexpr std::array kTable{
      ExitCode{kExitDone, "done", "everything was done"},
      ExitCode{1, "failed", "the run failed"},
      ExitCode{2, "usage", "wrong usage or configuration"},
      ExitCode{kExitFindings, "findings", "done, with findings (such as a file that changed while it was read)"},
      ExitCode{10, "not-found", "the stack, backup, item or file does not exist"},
      ExitCode{11, "locked", "another run holds the stack or the repository"},
      ExitCode{12, "credentials", "wrong key or credentials"},
      ExitCode{13, "corrupt", "stored bytes are damaged"},
      ExitCode{14, "unavailable", "a server is unavailable or timed out"},
      ExitCode{70, "bug", "an error inside davit; please report it"},
      ExitCode{130, "cancelled", "cancelled by a signal"},
  };
  return kTable;
}

int exit_code_of(Errc code) {
  switch (code) {
    case Errc::failed:
    case Errc::exists:
      return 1;
    case Errc::usage:
      return 2;
    case Errc::not_found:
      return 10;
    case Errc::locked:
      return 11;
    case Errc::credentials:
      return 12;
    case Errc::corrupt:
      return 13;
    case Errc::unavailable:
      return 14;
    case Errc::bug:
      return 70;
    case Errc::cancelled:
      return 130;
  }
  return 70;
}

std::string_view name_of(Errc code) {
  if (code == Errc::exists) return "exists";
  for (const ExitCode& row : exit_codes())
    if (row.number == exit_code_of(code)) return row.name;
  return "bug";
}

Error::Error(Errc code, std::string message, std::string hint)
    : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

Error&& Error::context(std::string_view doing) && {
  message_.insert(0, ": ");
  message_.insert(0, doing);
  return std::move(*this);
}

Error&& Error::hint_if_none(std::string_view hint) && {
  if (hint_.empty()) hint_ = hint;
  return std::move(*this);
}

Error&& Error::as(Errc code) && {
  code_ = code;
  return std::move(*this);
}

std::unexpected<Error> fail(Errc code, std::string message, std::string hint) {
  return std::unexpected(Error(code, std::move(message), std::move(hint)));
}

std::string errno_text(int err) {
  const char* text = strerrordesc_np(err);
  if (text == nullptr) return "error " + std::to_string(err);
  std::string lower = text;
  // "RPC ..." and the like stay as they are: only an ordinary capitalised first word is put into lowercase.
  if (lower.size() > 1 && std::islower(static_cast<unsigned char>(lower[1])) != 0)
    lower[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(lower[0])));
  return lower;
}

std::unexpected<Error> fail_errno(int err, std::string_view what) {
  std::string message = std::string(what) + ": " + errno_text(err);
  switch (err) {
    case ENOENT:
    case ENOTDIR:
      return fail(Errc::not_found, std::move(message));
    case EEXIST:
      return fail(Errc::exists, std::move(message));
    case ENOSPC:
      return fail(Errc::failed, std::move(message), "free space on that file system, then run again");
    case EDQUOT:
      return fail(Errc::failed, std::move(message), "raise the quota or free space, then run again");
    case EROFS:
      return fail(Errc::failed, std::move(message), "mount that file system read-write");
    case EACCES:
    case EPERM:
      return fail(Errc::failed, std::move(message), "check the owner and mode, or run as another user");
    case ETIMEDOUT:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return fail(Errc::unavailable, std::move(message));
    default:
      return fail(Errc::failed, std::move(message));
  }
}

}  // namespace davit
