#pragma once
// Errors of davit, and the rules by which they are made.
//
// - A function that can fail returns Result<T>. Exceptions of libraries are caught in the adapter that calls them.
// - The place that notices a failure states what it was doing and why it failed ("connect /run/x.sock: no such file").
//   Each layer it crosses may add what *it* was doing in front (`context`), and never words the cause anew.
// - Messages are lowercase without a final period. A hint says what to do, in the imperative.
// - Log or return, never both.

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace davit {

// What kind of failure it was: this decides the exit code, and whether a caller may go on.
enum class Errc {
  failed,       // it did not work, and nothing more special can be said
  usage,        // the command line, a variable, a label or a configuration is wrong
  not_found,    // the thing named does not exist
  exists,       // the thing that was to be created exists
  locked,       // another run holds it
  credentials,  // wrong key, password or missing permission of an account
  corrupt,      // bytes are not what they were when they were stored
  unavailable,  // a server or device doesn't answer, or timed out; trying again later may help
  bug,          // a promise inside davit was broken
  cancelled,    // the user or a signal asked to stop
};

// The exit codes of davit. This table feeds the program, `--help` and the documentation.
struct ExitCode {
  int number;
  std::string_view name;
  std::string_view meaning;
};
inline constexpr int kExitDone = 0;
inline constexpr int kExitFindings = 3;
[[nodiscard]] std::span<const ExitCode> exit_codes();
// The exit code of a run that ended with this kind of error.
[[nodiscard]] int exit_code_of(Errc code);
// A short stable word for `--json` and for tests, such as "not-found".
[[nodiscard]] std::string_view name_of(Errc code);

class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message, std::string hint = {});

  [[nodiscard]] Errc code() const { return code_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }
  // "restore volume pgdata: connect /var/run/docker.sock: permission denied"
  [[nodiscard]] const std::string& message() const { return message_; }

  // Puts what the calling layer was doing in front of the message.
  Error&& context(std::string_view doing) &&;
  // Sets the hint where the layer below had none.
  Error&& hint_if_none(std::string_view hint) &&;
  // Gives the error another kind, where a caller knows more about what it means.
  Error&& as(Errc code) &&;

 private:
  Errc code_;
  std::string message_;
  std::string hint_;
};

template <class T = void>
using Result = std::expected<T, Error>;

// return fail(Errc::not_found, "no such volume: pgdata");
[[nodiscard]] std::unexpected<Error> fail(Errc code, std::string message, std::string hint = {});
// An error of a system call: "open /x: permission denied". ENOENT becomes not_found, EEXIST exists, ENOSPC and EDQUOT
// get a hint. `what` names the call and its object; `err` is an errno value.
[[nodiscard]] std::unexpected<Error> fail_errno(int err, std::string_view what);
// The text of an errno value in lowercase English, whatever the locale: "no such file or directory".
[[nodiscard]] std::string errno_text(int err);

// Adds context to the error of a result, if it holds one.
template <class T>
[[nodiscard]] Result<T> in_context(Result<T> result, std::string_view doing) {
  if (!result) return std::unexpected(std::move(result).error().context(doing));
  return result;
}

}  // namespace davit

#define DAVIT_CONCAT_INNER(a, b) a##b
#define DAVIT_CONCAT(a, b) DAVIT_CONCAT_INNER(a, b)

// Returns from the calling function with the error of `expr`, if it holds one.
#define TRY(expr)                                            \
  do {                                                       \
    if (auto davit_try_ = (expr); !davit_try_) [[unlikely]]  \
      return std::unexpected(std::move(davit_try_).error()); \
  } while (false)

// Declares `name` with the value of `expr`, or returns its error.
#define TRY_ASSIGN(name, expr)                                                        \
  auto DAVIT_CONCAT(davit_result_, __LINE__) = (expr);                                \
  if (!DAVIT_CONCAT(davit_result_, __LINE__)) [[unlikely]]                            \
    return std::unexpected(std::move(DAVIT_CONCAT(davit_result_, __LINE__)).error()); \
  auto name = *std::move(DAVIT_CONCAT(davit_result_, __LINE__))
