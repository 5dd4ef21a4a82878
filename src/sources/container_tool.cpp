#include "sources/container_tool.hpp"

#include "util/text.hpp"

namespace davit::sources {
namespace {

// $1: the name. Prints user and group, and what it was started with. Its status tells whom it runs as: /proc/PID itself
// belongs to root where a server has changed its user.
constexpr const char* kFind = R"sh(
for process in /proc/[0-9]*; do
  comm=
  { read -r comm < "$process/comm"; } 2>/dev/null || continue
  [ "$comm" = "$1" ] || continue
  uid= gid=
  while read -r key value rest; do
    case $key in Uid:) uid=$value ;; Gid:) gid=$value ;; esac
  done < "$process/status"
  [ -n "$uid" ] && [ -n "$gid" ] || continue
  printf '%s:%s\n' "$uid" "$gid"
  exec cat "$process/cmdline"
done
exit 81
)sh";
constexpr int kNone = 81;

}  // namespace

Result<std::optional<FoundProcess>> find_process(engine::Engine& engine, const engine::ContainerId& container,
                                                 std::string_view name, RunContext& run) {
  engine::Command command;
  command.argv = {"sh", "-c", kFind, "davit", std::string(name)};
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, command, run));
  if (answer.outcome.exit_code == kNone) return std::nullopt;
  const auto end = answer.out.find('\n');
  if (answer.outcome.exit_code != 0 || end == std::string::npos)
    return std::unexpected(tool_error("look for the process " + std::string(name), "sh", answer.outcome, {}));
  FoundProcess found{.user = answer.out.substr(0, end), .argv = {}};
  std::string_view arguments = std::string_view(answer.out).substr(end + 1);
  while (arguments.ends_with('\0')) arguments.remove_suffix(1);
  found.argv = split(arguments, '\0');
  return found;
}

Error tool_error(std::string_view what, std::string_view program, const engine::CommandOutcome& outcome,
                 std::string_view without) {
  const std::string doing = std::string(what) + ": ";
  if (outcome.exit_code == 127 || (outcome.exit_code == 126 && outcome.errors.contains("not found")))
    return {Errc::not_found, doing + "the container has no " + std::string(program), std::string(without)};
  if (!outcome.errors.empty()) return {Errc::failed, doing + outcome.errors};
  return {Errc::failed, doing + std::string(program) + " ended with exit code " + std::to_string(outcome.exit_code)};
}

}  // namespace davit::sources
