#include "sources/last_lines.hpp"

#include "util/text.hpp"

namespace davit::sources {

std::string last_lines(engine::Engine& engine, const engine::ContainerId& container) {
  constexpr int kLogLines = 20;
  const auto logs = engine.container_logs(container, kLogLines);
  if (!logs) return "its log can't be read: " + logs.error().message();
  std::string text;
  for (const std::string& line : split(*logs, '\n'))
    if (!trim(line).empty()) text += "\n  " + escape_for_display(trim(line));
  return text.empty() ? "it has logged nothing" : "its last lines:" + text;
}

}  // namespace davit::sources
