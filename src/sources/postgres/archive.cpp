#include "sources/postgres/archive.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sources/postgres/sql_text.hpp"
#include "stream/memory_stream.hpp"

namespace davit::sources {
namespace {

// pg_restore wants to read the archive twice: for the list, and with the list of the entries wanted. A table of
// contents that isn't whole yet makes the first reading fail (kCut).
constexpr std::string_view kPrintDatabase = R"sh(
umask 077
head=$(mktemp 2>/dev/null || mktemp -p /dev/shm) || exit 81
trap 'rm -f "$head" "$head.list"' EXIT
cat > "$head" || exit 81
pg_restore -C -l "$head" > "$head.list" || { rc=$?; [ "$rc" -ge 126 ] && exit "$rc"; exit 80; }
grep -E '^[0-9]+; [0-9]+ [0-9]+ ((DATABASE|DATABASE PROPERTIES) - |(ACL|COMMENT|SECURITY LABEL) - DATABASE )' "$head.list" |
  pg_restore -C -f - -L /dev/stdin "$head"
)sh";
constexpr int kCut = 80;
constexpr std::size_t kFirstTry = 256U << 10U;
constexpr std::size_t kLastTry = 64U << 20U;

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

Result<ArchiveHead> read_head(const Server& server, stream::ByteSource& plain, RunContext& run) {
  ArchiveHead head;
  for (std::size_t size = kFirstTry;; size *= 4) {
    TRY_ASSIGN(ended, read_up_to(head.bytes, size, plain));
    stream::MemorySource in{std::span<const std::byte>(head.bytes)};
    TRY_ASSIGN(answer, server.programs().feed({"sh", "-c", std::string(kPrintDatabase)}, in, run));
    if (answer.outcome.exit_code == 0) {
      TRY_ASSIGN(statements, split_statements(answer.out));
      head.statements = std::move(statements);
      return head;
    }
    if (answer.outcome.exit_code != kCut)
      return std::unexpected(command_error("read the dump's table of contents", "pg_restore", answer.outcome));
    if (ended || size >= kLastTry)
      return std::unexpected(
          command_error("read the dump's table of contents", "pg_restore", answer.outcome).as(Errc::corrupt));
  }
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
