#include "sources/pgbackrest/data_swap.hpp"

#include <charconv>

#include "sources/postgres/server.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr const char* kFolder = ".davit-restore";
constexpr int kBusy = 4;  // an exit code of the script

// One script, so that what runs in the container goes on to its end, or to a step that undo() knows, when davit dies.
// Every function can be run again over what it has half done. `lost+found` belongs to the file system.
constexpr const char* kScript = R"sh(
set -eu
task=$1
directory=$2
[ -d "$2" ] || mkdir -m 700 -- "$2"  # somebody may have removed it by hand
cd -- "$2"
folder=.davit-restore
# Where the file system is full, a little was kept for this.
say_step() {
  printf '%s\n' "$1" 2>/dev/null >$folder/step.new || { rm -f $folder/reserve; printf '%s\n' "$1" >$folder/step.new; }
  mv -f $folder/step.new $folder/step
  sync $folder/step $folder 2>/dev/null || sync
}
step() { cat $folder/step 2>/dev/null || :; }

# move_all FROM TO: everything in FROM but the folder and what keeps a cluster from starting, or being made anew.
move_all() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    case ${entry##*/} in .davit-restore | lost+found | PG_VERSION | global) continue ;; esac
    mv -f -- "$entry" "$2"/
  done
}
# Whose the files are: a server writes it before it looks into them.
lock() { [ ! -f postmaster.pid ] || head -n 3 postmaster.pid | tr '\n' '|'; }
# The directory that the server can't start without goes first when files leave, and comes last.
take_global() { # TO STEP: the latter is where it stays if somebody has started a server since davit looked, and died
  [ -d global ] || return 0
  mv -- global "$1"/
  [ "$(lock)" != "$known" ] || return 0
  mv -- "$1"/global .
  say_step "$2"
  echo 'a server was started on these files meanwhile' >&2
  exit 1
}
take_out() { # TO
  move_all . "$1"
  # Half a copy must never come back as the whole.
  [ ! -f PG_VERSION ] || { cp -p PG_VERSION $folder/version && mv -f $folder/version "$1"/PG_VERSION; }
}
put_in() { # FROM
  move_all "$1" .
  [ ! -f "$1"/PG_VERSION ] || mv -f "$1"/PG_VERSION PG_VERSION
  [ ! -d "$1"/global ] || mv -- "$1"/global .
}
# for_tablespaces FUNCTION ARGUMENT: in the location of each, of which the file has a line "OID LOCATION".
for_tablespaces() {
  [ -f $folder/tablespaces ] || return 0
  while IFS= read -r line; do
    (cd -- "${line#* }" && "$1" "$2")
  done <$folder/tablespaces
}
links_to_locations() {
  [ -f $folder/tablespaces ] || return 0
  while IFS= read -r line; do
    rm -f "$folder/new/pg_tblspc/${line%% *}"
    ln -s -- "${line#* }" "$folder/new/pg_tblspc/${line%% *}"
  done <$folder/tablespaces
}
make_reserve() { head -c 65536 /dev/urandom >$folder/reserve; }
make_folder() { mkdir -p -m 700 $folder $folder/new $folder/old; }
# A cluster that was refused after it had started is put behind the old one, and goes with the folder.
drop_folder() {
  rm -rf $folder/new $folder/failed $folder/old
  rm -rf $folder
}
# What a dead run has left at work here goes on in the container: long work is ended, short work is waited for.
others() { # what to do with long work
  for process in /proc/[0-9]*; do
    words=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline") || continue
    case $words in
      *"$directory/$folder/new"* | *" davit copy $directory "* | *"cp -a"*" $folder/new/ "*)
        $1 "${process#/proc/}" 2>/dev/null || :
        echo "$process"
        ;;
      *" davit begin $directory "* | *" davit exchange $directory "* | *" davit finish $directory "*) echo "$process" ;;
      # Who undoes has looked at the state first, and would take himself for one of these.
      *" davit undo $directory "* | *" davit clear $directory "*) [ "$task" != state ] || echo "$process" ;;
    esac
  done
}
end_others() {
  tries=0
  while [ -n "$(others kill)" ]; do
    tries=$((tries + 1))
    [ $tries -lt 150 ] || { echo 'what an earlier restore has left at work there does not end' >&2; exit 1; }
    sleep 0.2
  done
}
# What was never in its place is of no use to whoever goes back, and the room that it takes may be missing.
drop_new() { rm -rf $folder/new; }
# apart DIRECTORY OTHER: neither lies within the other, or is the other.
apart() {
  case $1/ in "$2"/*) return 1 ;; esac
  case $2/ in "$1"/*) return 1 ;; esac
}
# keep_apart LOCATION: from those in `places`, since whose entries are moved away must not hold what is moved next.
keep_apart() {
  place=$(cd -- "$1" && pwd -P)
  printf '%s\n' "$places" | while IFS= read -r other; do
    apart "$place" "$other" && continue
    printf '%s, the location of a tablespace, can not be exchanged apart from %s\n' "$1" "$other" >&2
    exit 1
  done
  places="$places
$place"
}
back_out() { mkdir -p -m 700 $folder/failed; take_out "$1"; }

case $task in
  lock) lock ;;
  inside)
    ! grep -q "@davit-restore-$(stat -L -c %i /proc/self/ns/mnt)-$(stat -c %i .)\$" /proc/net/unix 2>/dev/null || exit 4
    ;;
  idle) [ -z "$(others :)" ] || exit 4 ;;
  state)
    [ -d $folder ] || exit 0
    end_others
    step
    [ -s $folder/step ] || echo begun
    ;;
  check)
    # Numbers of devices tell nothing: two volumes of a host often lie in one file system.
    real=$(pwd -P)
    while read -r _ _ _ _ mount _; do
      mount=$(printf '%b.' "$(printf '%s' "$mount" | sed 's/\\\([0-7]\{3\}\)/\\0\1/g')")
      mount=${mount%.}
      case $mount in "${real%/}"/*) printf '%s is a mount of its own\n' "${mount#"${real%/}/"}" >&2; exit 1 ;; esac
    done </proc/self/mountinfo
    [ -w . ] || { echo 'it is not writable' >&2; exit 1; }
    ;;
  space)
    df -P -k . | { read -r _; read -r _ _ _ free _; echo "$free"; }
    du -s -k . 2>/dev/null | { read -r used _; echo "$used"; }
    ;;
  announce)
    make_folder
    make_reserve
    say_step restoring
    ;;
  begin)
    shift 2
    make_folder
    [ -e $folder/reserve ] || make_reserve
    : >$folder/tablespaces
    say_step restoring
    lines=
    places=$(pwd -P)
    while [ $# -gt 1 ]; do
      [ -d "$2" ] || { printf '%s, the location of a tablespace, is missing\n' "$2" >&2; exit 1; }
      keep_apart "$2"
      lines="$lines$1 $2
"
      shift 2
    done
    printf '%s' "$lines" >$folder/tablespaces
    for_tablespaces make_folder ''
    ;;
  copy)
    for entry in * .[!.]* ..?*; do
      [ -e "$entry" ] || [ -L "$entry" ] || continue
      case $entry in .davit-restore | lost+found | postmaster.pid | pg_tblspc) continue ;; esac
      cp -a --reflink=auto -- "$entry" $folder/new/ 2>/dev/null || cp -a -- "$entry" $folder/new/
    done
    mkdir -p -m 700 $folder/new/pg_tblspc
    ;;
  exchange)
    known=$3
    links_to_locations
    say_step leaving
    take_global $folder/old restoring
    take_out $folder/old
    for_tablespaces take_out $folder/old
    say_step entering
    for_tablespaces put_in $folder/new
    put_in $folder/new
    say_step swapped
    ;;
  undo)
    known=$3
    end_others
    rm -f $folder/reserve
    case $(step) in
      restoring | back) drop_new ;;
      leaving)
        drop_new
        for_tablespaces drop_new ''
        ;;
      entering | swapped | returning)
        say_step returning
        mkdir -p -m 700 $folder/failed
        take_global $folder/failed swapped
        back_out $folder/failed
        for_tablespaces back_out $folder/failed
        say_step leaving
        ;;
    esac
    case $(step) in
      leaving)
        for_tablespaces put_in $folder/old
        put_in $folder/old
        ;;
    esac
    say_step back
    ;;
  clear)
    for_tablespaces drop_folder ''
    drop_folder
    ;;
  finish)
    say_step done
    for_tablespaces drop_folder ''
    drop_folder
    ;;
esac
)sh";

}  // namespace

std::string DataSwap::fresh_directory() const { return cluster_.data_directory() + "/" + kFolder + "/new"; }

std::string DataSwap::fresh_directory(const Tablespace& tablespace) {
  return tablespace.location + "/" + kFolder + "/new";
}

Result<engine::CommandText> DataSwap::perform(const std::vector<std::string>& arguments, RunContext& run) const {
  std::vector<std::string> argv{"sh", "-c", kScript, "davit", arguments.front(), cluster_.data_directory()};
  argv.insert(argv.end(), arguments.begin() + 1, arguments.end());
  return cluster_.ask(std::move(argv), run);
}

Result<bool> DataSwap::is_free(const char* task, RunContext& run) const {
  TRY_ASSIGN(answer, perform({task}, run));
  if (answer.outcome.exit_code == kBusy) return false;
  if (answer.outcome.exit_code != 0)
    return std::unexpected(command_error("see who works in " + cluster_.data_directory(), "sh", answer.outcome));
  return true;
}

Result<std::string> DataSwap::call(const std::vector<std::string>& arguments, std::string_view doing,
                                   RunContext& run) const {
  TRY_ASSIGN(answer, perform(arguments, run));
  if (answer.outcome.exit_code != 0) return std::unexpected(command_error(doing, "sh", answer.outcome));
  return answer.out;
}

Result<DataSwap::State> DataSwap::state(RunContext& run) const {
  TRY_ASSIGN(out, call({"state"}, "look into " + cluster_.data_directory(), run));
  const std::string_view step = trim(out);
  if (step.empty()) return State::none;
  if (step == "begun") return State::begun;
  if (step == "restoring" || step == "back") return State::restoring;
  if (step == "done") return State::done;
  return step == "swapped" ? State::swapped : State::between;
}

Result<> DataSwap::check_nobody_inside(RunContext& run) const {
  TRY_ASSIGN(free, is_free("inside", run));
  if (free) return {};
  return fail(Errc::locked, "a davit inside the container restores in " + cluster_.data_directory(),
              "wait until it has ended");
}

Result<> DataSwap::check_idle(RunContext& run) const {
  TRY_ASSIGN(free, is_free("idle", run));
  if (free) return {};
  return fail(Errc::locked, "a restore is at work in " + cluster_.data_directory(),
              "wait until it has ended; if whoever began it is dead, `davit pgbackrest restore --settle` ends it");
}

Result<> DataSwap::check(RunContext& run) const {
  TRY(call({"check"}, "put aside the files in " + cluster_.data_directory(), run));
  return {};
}

Result<DataSwap::Space> DataSwap::space(RunContext& run) const {
  TRY_ASSIGN(out, call({"space"}, "see how much room there is in " + cluster_.data_directory(), run));
  const auto lines = split(trim(out), '\n');
  Space space;
  if (lines.size() != 2) return fail(Errc::failed, "see how much room there is in " + cluster_.data_directory());
  const auto number = [](const std::string& line, std::uint64_t& into) {
    const std::string_view digits = trim(line);
    std::from_chars(digits.data(), digits.data() + digits.size(), into);
    into *= 1024;
  };
  number(lines[0], space.free);
  number(lines[1], space.used);
  return space;
}

Result<> DataSwap::announce(RunContext& run) const {
  TRY(call({"announce"}, "announce a restore in " + cluster_.data_directory(), run));
  return {};
}

Result<> DataSwap::begin(const std::vector<Tablespace>& tablespaces, bool copy, RunContext& run) const {
  std::vector<std::string> arguments{"begin"};
  for (const Tablespace& each : tablespaces) {
    if (each.location.contains('\n'))
      return fail(Errc::failed, "tablespace " + escape_for_display(each.name) + " has a line end in its location");
    arguments.insert(arguments.end(), {std::to_string(each.oid), each.location});
  }
  TRY(call(arguments, "make room for the restored cluster", run));
  if (copy) TRY(call({"copy"}, "copy the cluster's files", run));
  return {};
}

Result<std::string> DataSwap::lock(RunContext& run) const {
  TRY_ASSIGN(out, call({"lock"}, "look for a server's lock in " + cluster_.data_directory(), run));
  return std::string(trim(out));
}

Result<> DataSwap::exchange(RunContext& run) const {
  TRY_ASSIGN(known, lock(run));
  TRY(call({"exchange", known}, "put the restored cluster into place", run));
  return {};
}

Result<> DataSwap::undo(RunContext& run) const {
  TRY_ASSIGN(known, lock(run));
  TRY(call({"undo", known}, "put the old cluster back into place", run));
  return {};
}

Result<> DataSwap::clear(RunContext& run) const {
  TRY(call({"clear"}, "remove what a restore has left", run));
  return {};
}

Result<> DataSwap::finish(RunContext& run) const {
  TRY(call({"finish"}, "remove the old cluster's files", run));
  return {};
}

}  // namespace davit::sources
