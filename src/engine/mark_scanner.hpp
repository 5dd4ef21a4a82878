#pragma once
// Finds the marks of command_script.hpp in the stdout of an exec, whatever the boundaries at which it arrives, and
// passes on exactly what the command printed: neither a byte of a mark nor one byte less.

#include <optional>
#include <string>
#include <string_view>

#include "stream/byte_stream.hpp"

namespace davit::engine {

class MarkScanner {
 public:
  explicit MarkScanner(std::string_view mark);

  // Passes on what is known to be output. What could be the beginning of the last mark is held back. What comes after
  // it is dropped. Errors of `out`; Errc::failed for a last mark without an exit code.
  [[nodiscard]] Result<> feed(std::span<const std::byte> bytes, stream::ByteSink& out);

  [[nodiscard]] bool begun() const { return state_ != State::before; }
  [[nodiscard]] bool done() const { return state_ == State::after; }
  // REQUIRES: done()
  [[nodiscard]] int exit_code() const { return exit_code_; }
  // What came before the first mark (up to 64 KiB): nothing, or what the Engine says of a shell that it could not
  // start.
  [[nodiscard]] const std::string& preamble() const { return preamble_; }

 private:
  enum class State { before, inside, code, after };
  [[nodiscard]] std::string_view find_begin(std::string_view text);
  [[nodiscard]] Result<std::string_view> pass_output(std::string_view text, stream::ByteSink& out);
  [[nodiscard]] Result<> take_code(std::string_view text);

  State state_ = State::before;
  std::string begin_;     // "<mark>\n"
  std::string end_;       // "\n<mark> "; the only newline of it is its first byte, which pass_output relies on
  std::size_t held_ = 0;  // so many bytes of end_ have been seen and are held back
  std::string preamble_;
  std::string code_;
  int exit_code_ = 0;
};

}  // namespace davit::engine
