#include "sources/postgres/archive.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sources/postgres/sql_text.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// $1: the form; then options of pg_restore. It wants to read the archive twice: for the list, and with the list of the
// entries wanted. A table of contents that isn't whole yet makes the first reading fail (kCut). Where the name of the
// database has two lines, pg_restore ends at the \connect that it would write next (since 17.6, 15.14 …). The database
// and its settings are always printed, what is listed behind what isn't: so each can come before that \connect. What
// can't is named on stderr (kIncomplete).
constexpr std::string_view kPrintDatabase = R"sh(
umask 077
dir=$(mktemp -d 2>/dev/null || mktemp -d -p /dev/shm) || exit 81
trap 'rm -rf "$dir"' EXIT
case $1 in
  directory) mkdir "$dir/head" || exit 81; tar -C "$dir/head" -xf - toc.dat ./toc.dat 2>/dev/null; cat > /dev/null ;;
  *) cat > "$dir/head" || exit 81 ;;
esac
shift
pg_restore -C -l "$dir/head" > "$dir/list" || { rc=$?; [ "$rc" -ge 126 ] && exit "$rc"; exit 80; }
itself='^[0-9]+; [0-9]+ [0-9]+ DATABASE - '
settings='^[0-9]+; [0-9]+ [0-9]+ DATABASE PROPERTIES - '
others='^[0-9]+; [0-9]+ [0-9]+ ((ACL|COMMENT|SECURITY LABEL) - DATABASE |EXTENSION - timescaledb( |$))'
print_entries() { # PATTERN OPTIONS…
  pattern=$1
  shift
  grep -E "$pattern" "$dir/list" | LC_ALL=C pg_restore -C -f - -L /dev/stdin "$@" "$dir/head" 2> "$dir/errors"
}
two_lines() { grep -q 'contains a newline or carriage return' "$dir/errors"; }
rc=0
print_entries "$itself|$settings|$others" "$@" > "$dir/out" || rc=$?
if [ "$rc" -eq 0 ] || ! two_lines; then
  cat "$dir/out"
  cat "$dir/errors" >&2
  exit "$rc"
fi
for pattern in "$settings" "$itself"; do
  grep -qE "$pattern" "$dir/list" || continue
  print_entries "$pattern" "$@" || two_lines || { cat "$dir/errors" >&2; exit 1; }
done
grep -E "$others" "$dir/list" >&2 && exit 82
exit 0
)sh";
constexpr std::string_view kReadDirectory = R"sh(
umask 077
dir=$(mktemp -d) || exit 81
trap 'rm -rf "$dir"' EXIT
tar -C "$dir" -xf - || exit 1
pg_restore -f /dev/null "$dir"
)sh";
constexpr int kCut = 80;
constexpr int kIncomplete = 82;
constexpr std::size_t kFirstTry = 256U << 10U;
constexpr std::size_t kLastTry = 64U << 20U;

// pg_restore doesn't take it for a dump.
Error unreadable(std::string_view what, const engine::CommandOutcome& outcome) {
  Error error = command_error(what, "pg_restore", outcome);
  if (outcome.errors.contains("unsupported version"))
    return std::move(error).hint_if_none("the dump was made by newer tools than these: see --tools-image");
  return std::move(error).as(Errc::corrupt);
}

// Fills `bytes` up to `size`, or to the end of `plain`. Returns whether that was the end.
Result<bool> read_up_to(std::vector<std::byte>& bytes, std::size_t size, stream::ByteSource& plain) {
  std::size_t have = bytes.size();
  bytes.resize(size);
  while (have < size) {
    TRY_ASSIGN(count, plain.read(std::span(bytes).subspan(have)));
    if (count == 0) {
      bytes.resize(have);
      return true;
    }
    have += count;
  }
  return false;
}

constexpr std::array<std::string_view, 10> kPassing{"CREATE DATABASE",
                                                    "ALTER DATABASE",
                                                    "ALTER ROLE",
                                                    "GRANT",
                                                    "REVOKE",
                                                    "COMMENT ON DATABASE",
                                                    "SECURITY LABEL",
                                                    "SET client_encoding",
                                                    "SET standard_conforming_strings",
                                                    "SET SESSION AUTHORIZATION"};

}  // namespace

Result<std::size_t> PrefixedSource::read(std::span<std::byte> into) {
  TRY(run_.check());
  if (head_.empty()) {
    TRY_ASSIGN(count, rest_.read(into));
    run_.reporter.progress(count);
    return count;
  }
  const std::size_t count = std::min(head_.size(), into.size());
  std::memcpy(into.data(), head_.data(), count);
  head_ = head_.subspan(count);
  run_.reporter.progress(count);
  return count;
}

Result<> drain(stream::ByteSource& source) {
  std::vector<std::byte> buffer(64U << 10U);
  while (true) {
    TRY_ASSIGN(count, source.read(buffer));
    if (count == 0) return {};
  }
}

Result<ArchiveHead> read_head(const Server& server, stream::ByteSource& plain, const ArchiveForm& form,
                              RunContext& run) {
  ArchiveHead head;
  std::vector<std::string> argv{"sh", "-c", std::string(kPrintDatabase), "davit",
                                form.directory ? "directory" : "custom"};
  argv.insert(argv.end(), form.ownership.begin(), form.ownership.end());
  for (std::size_t size = kFirstTry;; size *= 4) {
    TRY_ASSIGN(ended, read_up_to(head.bytes, size, plain));
    stream::MemorySource in{std::span<const std::byte>(head.bytes)};
    TRY_ASSIGN(answer, server.programs().feed(argv, in, run));
    if (answer.outcome.exit_code == 0 || answer.outcome.exit_code == kIncomplete) {
      if (answer.outcome.exit_code == kIncomplete)
        run.reporter.note(
            "pg_restore does not print this of a database with two lines in its name, so it is missing: " +
            answer.outcome.errors);
      TRY_ASSIGN(statements, split_statements(answer.out));
      head.statements = std::move(statements);
      head.timescale = std::ranges::any_of(
          head.statements, [](const std::string& statement) { return begins_with(statement, "CREATE EXTENSION"); });
      return head;
    }
    if (answer.outcome.exit_code != kCut)
      return std::unexpected(command_error("read the dump's table of contents", "pg_restore", answer.outcome));
    if (!ended && size >= kLastTry && form.directory)
      return fail(Errc::corrupt, "the tar of the dump's directory has no toc.dat in its first " + render_bytes(size),
                  "make it anew with that file first: tar -C DIRECTORY -cf FILE toc.dat .");
    if (ended || size >= kLastTry)
      return std::unexpected(unreadable("read the dump's table of contents", answer.outcome));
  }
}

Result<> check_archive(const Programs& programs, stream::ByteSource& plain, bool directory, RunContext& run) {
  std::vector<std::string> argv{"pg_restore", "-f", "/dev/null"};
  if (directory) argv = {"sh", "-c", std::string(kReadDirectory)};
  TRY_ASSIGN(answer, programs.feed(std::move(argv), plain, run));
  if (answer.outcome.exit_code != 0) return std::unexpected(unreadable("read the dump", answer.outcome));
  return drain(plain);
}

Result<std::vector<std::string>> statements_for(const std::vector<std::string>& statements, std::string_view name) {
  std::vector<std::string> out;
  bool creates = false;
  for (const std::string& statement : statements) {
    const bool resets = begins_with(statement, "RESET SESSION AUTHORIZATION");
    if (!resets && std::ranges::none_of(kPassing, [&](auto words) { return begins_with(statement, words); })) continue;
    if (resets || begins_with(statement, "SET")) {
      out.push_back(statement);
      continue;
    }
    // A server that died between TimescaleDB's pre_restore and post_restore left this; it would disable the extension.
    if (statement.contains("timescaledb.restoring")) continue;
    auto retargeted = retarget_database(statement, name);
    if (!retargeted) continue;
    creates = creates || begins_with(statement, "CREATE DATABASE");
    out.push_back(std::move(*retargeted));
  }
  if (!creates) return fail(Errc::corrupt, "the dump does not say how to create its database");
  return out;
}

}  // namespace davit::sources
