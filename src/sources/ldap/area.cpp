#include "sources/ldap/area.hpp"

#include "engine/command.hpp"
#include "sources/container_tool.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// `has` has a file for each name that the new files have, with the number of its inode: so what lies in the directory
// is known to be new, or not. `step` is there once a rename may have been made. Where the volume is restored along, its
// own helper puts the old contents back when davit dies, and may do so at any moment: what it has put there is left
// alone, and what this exchange has put aside is then of a volume that is no more. That helper's area tells.
constexpr const char* kScript = R"sh(
set -eu
umask 022
task=$1 run=$2 user=$3 kind=$4 directory=$5 place=$6
shift 6
area=$directory/.davit-ldap-$run
case $kind in
  config) names='cn=config cn=config.ldif' ;;
  *) names='data.mdb lock.mdb' ;;
esac
there() { [ -e "$1" ] || [ -L "$1" ]; }
inode() { stat -c %i -- "$1"; }
is_mine() { # NAME
  there "$area/has/$1" && ! there "$area/new/$1" && there "$directory/$1" &&
    [ "$(inode "$directory/$1")" = "$(cat "$area/has/$1")" ]
}
settle() { sync -f "$directory" 2>/dev/null || sync; }
is_empty() {
  for entry in "$directory"/* "$directory"/.[!.]* "$directory"/..?*; do
    there "$entry" || continue
    case ${entry##*/} in lost+found | .davit-*) ;; *) return 1 ;; esac
  done
}
case $task in
  missing)
    while [ ! -d "$directory" ]; do
      printf '%s\n' "$directory"
      directory=$(dirname -- "$directory")
    done
    ;;
  begin)
    for other in "$directory"/.davit-ldap-*; do
      there "$other" || continue
      echo "$other holds what a restore that was cut off has replaced: the next davit puts that right by its guard" >&2
      exit 82
    done
    mkdir -p -- "$directory"
    for made; do chown -- "$user" "$made"; done
    [ $# = 0 ] || chmod 700 -- "$directory"
    mkdir -m 700 -- "$area"
    stat -L -c %u:%g -- "$directory" > "$area/owner"
    mkdir -- "$area/new" "$area/old" "$area/has"
    [ "$kind" != config ] || mkdir -- "$area/stage"
    chown -R -- "$user" "$area"
    [ "$(cat "$area/owner")" = "$user" ] || ! is_empty || chown -- "$user" "$directory"
    ;;
  exchange)
    for name in $names; do
      if there "$area/new/$name"; then inode "$area/new/$name" > "$area/has/$name"; fi
    done
    settle
    : > "$area/step"
    settle
    for name in $names; do
      if there "$directory/$name"; then mv -- "$directory/$name" "$area/old/$name"; fi
      if there "$area/new/$name" && ! there "$directory/$name"; then mv -n -- "$area/new/$name" "$directory/$name"; fi
    done
    settle
    ;;
  undo)
    [ -d "$directory" ] || exit 0
    led_back=false
    [ -z "$place" ] || [ -d "$place/.davit-restore-$run" ] || led_back=true
    if [ -e "$area/step" ]; then
      for name in $names; do
        if is_mine "$name"; then mv -- "$directory/$name" "$area/new/$name"; fi
        if ! $led_back && there "$area/old/$name" && ! there "$directory/$name"; then
          mv -n -- "$area/old/$name" "$directory/$name"
        fi
      done
      settle
    fi
    if ! $led_back && [ -s "$area/owner" ]; then chown -- "$(cat "$area/owner")" "$directory"; fi
    # Without it nothing is taken for new any more: the rest may go in any order, and be cut off.
    rm -f -- "$area/step"
    settle
    rm -rf -- "$area"
    for made; do rmdir -- "$made" 2>/dev/null || :; done
    ;;
  finish)
    rm -rf -- "$area"
    ;;
esac
)sh";

constexpr int kOther = 82;

}  // namespace

const char* ldap_area_script() { return kScript; }

Result<std::string> LdapAreas::perform(const char* task, const LdapArea& area, RunContext& run) const {
  engine::Command command;
  command.user = "0:0";
  command.argv = {"sh",           "-c",      kScript, "davit",
                  task,           area.run,  user_,   area.kind == LdapArea::Kind::config ? "config" : "database",
                  area.directory, area.place};
  command.argv.insert(command.argv.end(), area.made.begin(), area.made.end());
  TRY_ASSIGN(answer, engine::run_command_for_text(engine_, container_, command, run));
  if (answer.outcome.exit_code == 0) return std::move(answer.out);
  Error error = tool_error("directory " + escape_for_display(area.directory), "sh", answer.outcome, {});
  if (answer.outcome.exit_code == kOther)
    return std::unexpected(std::move(error).hint_if_none(
        "run `davit ls`, which has it put right and says so; where it says nothing of it any more, move what is in its "
        "`old` back beside it, and remove it"));
  return std::unexpected(std::move(error));
}

Result<std::vector<std::string>> LdapAreas::missing(const std::string& directory, RunContext& run) const {
  TRY_ASSIGN(out, perform("missing", {LdapArea::Kind::database, {}, directory, {}, {}}, run));
  std::vector<std::string> found = split(out, '\n');
  std::erase(found, std::string());
  return found;
}

Result<> LdapAreas::begin(const LdapArea& area, RunContext& run) const {
  return perform("begin", area, run).transform([](const std::string&) {});
}
Result<> LdapAreas::exchange(const LdapArea& area, RunContext& run) const {
  return in_context(perform("exchange", area, run), "put the new files in place").transform([](const std::string&) {});
}
Result<> LdapAreas::undo(const LdapArea& area, RunContext& run) const {
  return in_context(perform("undo", area, run), "put the old files back").transform([](const std::string&) {});
}
Result<> LdapAreas::finish(const LdapArea& area, RunContext& run) const {
  return in_context(perform("finish", area, run), "remove the old files in " + escape_for_display(area.path()))
      .transform([](const std::string&) {});
}

}  // namespace davit::sources
