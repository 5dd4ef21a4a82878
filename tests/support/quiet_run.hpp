#pragma once
// A RunContext for tests: nobody is told anything, and the clock does not sleep unless asked to.

#include <stop_token>
#include <string>
#include <vector>

#include "util/run_context.hpp"

namespace davit::test {

struct QuietReporter : Reporter {
  std::vector<std::string> steps;
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  std::vector<Finding> findings;
  void step(std::string_view what, std::optional<std::uint64_t>) override { steps.emplace_back(what); }
  void progress(std::uint64_t) override {}
  void finding(const Finding& finding) override { findings.push_back(finding); }
  void note(std::string_view text) override { notes.emplace_back(text); }
  void warning(std::string_view text) override { warnings.emplace_back(text); }
};

struct QuietRun {
  Clock clock;
  QuietReporter reporter;
  std::stop_source stop;
  RunContext context{.run_id = "0123456789abcdef", .clock = clock, .reporter = reporter, .stop = stop.get_token()};
};

}  // namespace davit::test
