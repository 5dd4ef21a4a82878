#pragma once
// How progress is shown: a bar that is rewritten on a terminal, plain lines otherwise, none with `--quiet`.

#include <cstdint>
#include <memory>
#include <string>

#include "util/clock.hpp"
#include "util/reporter.hpp"

namespace davit::cli {

class Progress : public Reporter {
 public:
  // The last step is over: the line of the bar is free again. Called before anything else is printed.
  virtual void close() = 0;
};

enum class ProgressStyle { bar, lines, none };
// All write to standard error. `none` shows findings and warnings, the others notes as well.
[[nodiscard]] std::unique_ptr<Progress> make_progress(ProgressStyle style, const Clock& clock);
// A bar if standard error is a terminal that can rewrite a line.
[[nodiscard]] ProgressStyle style_for_terminal(bool quiet, std::string_view term);

// One line of a bar, at most `width` columns: "back up volume:uploads [####    ] 1.2 GB, 350 MB/s". Pure.
[[nodiscard]] std::string render_bar(std::string_view what, std::uint64_t bytes, std::uint64_t total,
                                     std::chrono::milliseconds elapsed, std::size_t width);
// What is left of a step in a log: "back up volume:uploads: 1.2 GB in 3.4 s, 350 MB/s". Pure.
[[nodiscard]] std::string render_step(std::string_view what, std::uint64_t bytes, std::chrono::milliseconds elapsed);

}  // namespace davit::cli
