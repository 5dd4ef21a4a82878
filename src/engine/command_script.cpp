#include "engine/command_script.hpp"

#include <format>

namespace davit::engine {
namespace {

constexpr std::string_view kAcknowledged = "read -r davit_line\n";
// `read` takes a byte at a time, which is slow where much was on its way, but not every container has cat.
constexpr std::string_view kDrained = "cat >/dev/null 2>&1 || while read -r davit_line; do :; done\n";

// Only what every sh has built in: echo of hex digits and digits means the same in all of them. The line before the
// mark is ended within the same echo, and so in one write, because a process that the command left behind may still
// print.
std::string script_of(const Command& command, ScriptKind kind) {
  const bool waits = kind == ScriptKind::waits;
  return std::format(
      "davit_mark=$1\nshift\necho \"$davit_mark\"\n{}\n\"$@\"{}\ndavit_rc=$?\necho \"\n$davit_mark $davit_rc\"\n{}exit "
      "\"$davit_rc\"\n",
      command.setup, waits ? " </dev/null" : "", waits ? kAcknowledged : kDrained);
}

}  // namespace

std::vector<std::string> wrap_command(const Command& command, ScriptKind kind, const std::string& mark) {
  std::vector<std::string> argv{"sh", "-c", script_of(command, kind), "davit", mark};
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  return argv;
}

Result<WrappedCommand> unwrap_command(std::span<const std::string> argv) {
  if (argv.size() < 6 || argv[0] != "sh" || argv[1] != "-c" || argv[3] != "davit")
    return fail(Errc::usage, "not a wrapped command");
  const bool waits = argv[2].contains(kAcknowledged);
  if (!waits && !argv[2].contains(kDrained)) return fail(Errc::usage, "not a wrapped command");
  return WrappedCommand{
      .kind = waits ? ScriptKind::waits : ScriptKind::feeds, .mark = argv[4], .argv = {argv.begin() + 5, argv.end()}};
}

}  // namespace davit::engine
