#include "sources/basebackup/db_directory.hpp"

#include "engine/command.hpp"
#include "sources/host_path.hpp"
#include "sources/postgres/detect.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kNamed = 5;

// Each thing on a line of its own with a NUL behind it, as names may hold line ends. What is put aside has the pid of
// its script in it, in the container's own numbers, and that file is locked while anything is at work there, also in
// another container that has the same directory mounted.
constexpr std::string_view kTend = R"sh(
cd -- "$1" || exit 1
owner=$(stat -L -c %u:%g "$2" 2>/dev/null || :)
if [ -n "$owner" ] && [ "$(stat -L -c %u:%g .)" != "$owner" ]; then
  if [ "$(id -u)" = 0 ] && chown -- "$owner" . 2>/dev/null; then printf 'owner %s\0' "$owner"; else printf 'stranger %s\0' "$owner"; fi
fi
for entry in * .[!.]* ..?*; do
  [ -e "$entry" ] || [ -L "$entry" ] || continue
  case $entry in
    davit-????????)
      pid=$(cat "$entry/pid" 2>/dev/null || :)
      if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q ' davit '; then continue; fi
      if [ -r "$entry/pid" ] && command -v flock >/dev/null && ! flock -n "$entry/pid" true; then continue; fi
      if rm -rf -- "$entry" 2>/dev/null; then printf 'cleared %s\0' "$entry"; else printf 'stuck %s\0' "$entry"; fi
      ;;
    *) printf 'foreign %s\0' "$entry" ;;
  esac
done
)sh";

}  // namespace

std::string db_directory_of(const engine::ContainerInfo& container) {
  for (const engine::Mount& mount : container.mounts)
    if (mount.type == "bind" && mount.writable &&
        (last_part(mount.source) == ".db" || last_part(mount.destination) == ".db"))
      return mount.destination;
  return {};
}

std::string_view tending_script() { return kTend; }

std::vector<std::string> read_tending(std::string_view out, std::string_view directory) {
  std::vector<std::string> lines;
  std::string foreign;
  std::size_t count = 0;
  for (const std::string& word : split(out, '\0')) {
    const auto space = word.find(' ');
    if (space == std::string::npos) continue;
    const std::string_view what = std::string_view(word).substr(0, space);
    const std::string name = escape_for_display(std::string_view(word).substr(space + 1));
    if (what == "owner") lines.push_back(std::string(directory) + " was given to the server's user, " + name);
    if (what == "stranger")
      lines.push_back(std::string(directory) + " doesn't belong to the server's user: chown " + name +
                      " it on the host");
    if (what == "cleared")
      lines.push_back(name + " in " + std::string(directory) + ", left by a dead run, was removed");
    if (what == "stuck")
      lines.push_back(name + " in " + std::string(directory) + ", left by a dead run, can't be removed");
    if (what == "foreign" && ++count <= kNamed) foreign += (foreign.empty() ? "" : ", ") + name;
  }
  if (count > kNamed) foreign += " and " + std::to_string(count - kNamed) + " others";
  if (count > 0) lines.push_back(std::string(directory) + " holds what is not davit's, and stays: " + foreign);
  return lines;
}

void tend_db_directory(engine::Engine& engine, const engine::ContainerInfo& container, RunContext& run) {
  const std::string directory = db_directory_of(container);
  if (directory.empty()) return;
  engine::Command command;
  command.argv = {"sh", "-c", std::string(kTend), "davit", directory, data_directory(container)};
  const auto answer = engine::run_command_for_text(engine, container.id, command, run);
  if (!answer) {
    run.reporter.note("look into " + directory + ": " + answer.error().message());
    return;
  }
  for (const std::string& line : read_tending(answer->out, directory)) run.reporter.note(line);
}

}  // namespace davit::sources
