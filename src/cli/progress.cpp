#include "cli/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <format>
#include <mutex>

#include "util/escape.hpp"
#include "util/heard.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

void say(std::string_view text) {
  if (is_heard()) std::fwrite(text.data(), 1, text.size(), stderr);
}

void print_line(std::string_view text) { say(std::string(text) + "\n"); }

std::string finding_line(const Finding& finding) {
  if (finding.item.empty()) return "finding: " + escape_lines(finding.what);
  return "finding: " + escape_for_display(finding.item) + (finding.path.empty() ? "" : " " + finding.path) + ": " +
         escape_lines(finding.what);
}

std::string warning_line(std::string_view text) { return "warning: " + escape_lines(text); }

// What the bar and the lines have in common: counting, and the line that remains of a step.
class Steps : public Progress {
 public:
  explicit Steps(const Clock& clock) : clock_(clock) {}

  void step(std::string_view what, std::optional<std::uint64_t> total_bytes) override {
    const std::lock_guard lock(mutex_);
    end_step();
    what_ = what;
    bytes_ = 0;
    total_ = total_bytes.value_or(0);
    began_ = clock_.steady();
    shown_ = {};
    show();
  }
  void progress(std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
    const auto now = clock_.steady();
    if (now - shown_ < interval()) return;
    shown_ = now;
    show();
  }
  void finding(const Finding& finding) override { print_between(finding_line(finding)); }
  void note(std::string_view text) override { print_between(escape_lines(text)); }
  void warning(std::string_view text) override { print_between(warning_line(text)); }
  void close() override {
    const std::lock_guard lock(mutex_);
    end_step();
    what_.clear();
  }

 protected:
  virtual void show() = 0;
  virtual void clear() = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::duration interval() const = 0;
  [[nodiscard]] milliseconds elapsed() const { return duration_cast<milliseconds>(clock_.steady() - began_); }

  std::string what_;
  std::uint64_t bytes_ = 0;
  std::uint64_t total_ = 0;

 private:
  // A step that moved bytes leaves a line; the others were too short to be told.
  void end_step() {
    clear();
    if (!what_.empty() && bytes_ > 0) print_line(render_step(what_, bytes_, elapsed()));
  }
  void print_between(const std::string& line) {
    const std::lock_guard lock(mutex_);
    clear();
    print_line(line);
    show();
  }

  const Clock& clock_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point shown_;
};

class Bar final : public Steps {
 public:
  using Steps::Steps;

 private:
  void show() override {
    if (what_.empty()) return;
    winsize size{};
    const std::size_t width = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    const std::string line = "\r\033[K" + render_bar(what_, bytes_, total_, elapsed(), width - 1);
    say(line);
  }
  void clear() override { say("\r\033[K"); }
  [[nodiscard]] std::chrono::steady_clock::duration interval() const override { return milliseconds(100); }
};

// In a log a long step says now and then that it is alive.
class Lines final : public Steps {
 public:
  using Steps::Steps;

 private:
  void show() override {
    if (!what_.empty() && bytes_ > 0 && elapsed() >= interval())
      print_line(render_step(what_, bytes_, elapsed()) + " so far");
  }
  void clear() override {}
  [[nodiscard]] std::chrono::steady_clock::duration interval() const override { return std::chrono::seconds(30); }
};

class Quiet final : public Progress {
 public:
  void step(std::string_view, std::optional<std::uint64_t>) override {}
  void progress(std::uint64_t) override {}
  void finding(const Finding& finding) override { print_line(finding_line(finding)); }
  void note(std::string_view) override {}
  void warning(std::string_view text) override { print_line(warning_line(text)); }
  void close() override {}
};

std::string rate(std::uint64_t bytes, milliseconds elapsed) {
  const auto ms = static_cast<std::uint64_t>(std::max<milliseconds::rep>(elapsed.count(), 1));
  return render_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) * 1000.0 / static_cast<double>(ms))) + "/s";
}

}  // namespace

std::string render_bar(std::string_view what, std::uint64_t bytes, std::uint64_t total, milliseconds elapsed,
                       std::size_t width) {
  std::string line = escape_for_display(what);
  if (total > 0) {
    constexpr std::size_t kCells = 20;
    const double part = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(kCells));
    line += " [" + std::string(filled, '#') + std::string(kCells - filled, ' ') + "]";
  }
  if (bytes > 0) line += " " + render_bytes(bytes) + ", " + rate(bytes, elapsed);
  if (line.size() > width) line.resize(width);
  return line;
}

std::string render_step(std::string_view what, std::uint64_t bytes, milliseconds elapsed) {
  return std::format("{}: {} in {:.1f} s, {}", escape_for_display(what), render_bytes(bytes),
                     static_cast<double>(elapsed.count()) / 1000.0, rate(bytes, elapsed));
}

std::unique_ptr<Progress> make_progress(ProgressStyle style, const Clock& clock) {
  switch (style) {
    case ProgressStyle::bar:
      return std::make_unique<Bar>(clock);
    case ProgressStyle::lines:
      return std::make_unique<Lines>(clock);
    case ProgressStyle::none:
      break;
  }
  return std::make_unique<Quiet>();
}

ProgressStyle style_for_terminal(bool quiet, std::string_view term) {
  if (quiet) return ProgressStyle::none;
  const bool rewritable = ::isatty(STDERR_FILENO) == 1 && !term.empty() && term != "dumb";
  return rewritable ? ProgressStyle::bar : ProgressStyle::lines;
}

}  // namespace davit::cli
