#include "app/pg/script.hpp"

#include <algorithm>
#include <memory>

#include "app/pg/content.hpp"
#include "app/pg/open_sink.hpp"
#include "sources/postgres/archive.hpp"
#include "sources/postgres/dump.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/postgres/sql_text.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"
#include "stream/zstd_source.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using sources::Server;
using Kind = ServerSetName::Kind;
using Names = std::vector<std::string>;

constexpr std::string_view kEnd = "-- PostgreSQL database cluster dump complete";
constexpr std::size_t kTail = 256;

// $1: conninfo. psql goes on behind an error, as roles that every server has are made by the script, too (42710), and
// so may be a database that the image has made (42P04). Any other error counts.
constexpr std::string_view kRun = R"sh(
umask 077
errors=$(mktemp) || exit 81
trap 'rm -f "$errors"' EXIT
trap 'exit 143' HUP INT TERM
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=error"
psql -X -q -w -v VERBOSITY=verbose -d "$1" -f - >/dev/null 2>"$errors" || { rc=$?; tail -c 4096 "$errors" >&2; exit $rc; }
others=$(grep -E '^psql:.*: +[0-9A-Z]{5}: ' "$errors" | grep -vE ': +(42710|42P04|00000|01[0-9A-Z]{3}): ' | head -n 5)
[ -z "$others" ] || { printf '%s\n' "$others" >&2; exit 90; }
)sh";

// Keeps the last bytes of what goes by.
class TailSink : public stream::ByteSink {
 public:
  explicit TailSink(stream::ByteSink& next) : next_(next) {}
  Result<> write(std::span<const std::byte> bytes) override {
    tail_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (tail_.size() > 2 * kTail) tail_.erase(0, tail_.size() - kTail);
    return next_.write(bytes);
  }
  Result<> finish() override { return next_.finish(); }
  [[nodiscard]] const std::string& tail() const { return tail_; }

 private:
  stream::ByteSink& next_;
  std::string tail_;
};

// An object as SQL, whose stored bytes are counted.
class Script {
 public:
  static Result<std::unique_ptr<Script>> open(const storage::StorageReader& storage, const std::string& key,
                                              stream::Codec codec, RunContext& run) {
    TRY_ASSIGN(source, storage.open(key));
    return std::unique_ptr<Script>(new Script(std::move(source), codec, run));
  }
  [[nodiscard]] stream::ByteSource& plain() {
    return codec_ == stream::Codec::zstd ? static_cast<stream::ByteSource&>(decoded_) : stored_;
  }
  [[nodiscard]] const stream::Extent& stored() const { return stored_.extent(); }

 private:
  Script(std::unique_ptr<stream::ByteSource> source, stream::Codec codec, RunContext& run)
      : source_(std::move(source)), reporting_(*source_, run), stored_(reporting_), decoded_(stored_), codec_(codec) {}
  std::unique_ptr<stream::ByteSource> source_;
  stream::ReportingSource reporting_;
  stream::DigestSource stored_;
  stream::ZstdSource decoded_;
  stream::Codec codec_;
};

// Reads all of it. Returns the extent of what is stored.
Result<stream::Extent> check_script(const storage::StorageReader& storage, const std::string& key, stream::Codec codec,
                                    RunContext& run) {
  TRY_ASSIGN(script, Script::open(storage, key, codec, run));
  std::string tail;
  std::vector<std::byte> buffer(256U << 10U);
  while (true) {
    TRY_ASSIGN(count, script->plain().read(buffer));
    if (count == 0) break;
    tail.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (tail.size() > 2 * kTail) tail.erase(0, tail.size() - kTail);
  }
  TRY(sources::drain(script->plain()));
  if (!tail.contains(kEnd)) return fail(Errc::corrupt, "it has no end: it was cut off");
  TRY_ASSIGN(expected, find_digest(storage, key));
  if (expected && *expected != script->stored().sha256)
    return fail(Errc::corrupt,
                "it is not what its digest says: SHA-256 " + script->stored().sha256 + ", not " + *expected);
  return script->stored();
}

Result<Names> names_in(const Server& server, const std::string& column, const std::string& from, RunContext& run) {
  TRY_ASSIGN(rows, server.query(server.database(), {column}, "from " + from, run));
  Names names;
  for (const sources::Row& row : rows) names.push_back(row[0].value_or(""));
  std::ranges::sort(names);
  return names;
}

Result<> check_empty(const Server& server, RunContext& run) {
  TRY_ASSIGN(databases, sources::list_databases(server, run));
  for (const sources::Database& each : databases) {
    if (each.name == "template0" || each.name == "template1") continue;
    std::uint64_t objects = 1;
    if (each.allows_connections) {
      TRY_ASSIGN(counted, sources::count_user_objects(server, each.name, run));
      objects = counted;
    }
    if (objects > 0)
      return fail(Errc::exists,
                  "the server holds data already (database " + escape_for_display(each.name) +
                      "), and a script of pg_dumpall would be mixed with it",
                  "restore it into a new server; or dump databases one by one (davit pg dump), and restore those");
  }
  return {};
}

Names added(const Names& before, const Names& after) {
  Names made;
  std::ranges::set_difference(after, before, std::back_inserter(made));
  return made;
}

// Everything that came with the script.
void drop_again(const Server& server, const Names& databases, const Names& roles, RunContext& run) {
  RunContext to_the_end = run.unstoppable();
  const auto drop = [&](const std::string& statement) {
    if (auto dropped = server.execute(server.database(), statement + ";\n", to_the_end); !dropped)
      to_the_end.reporter.note(dropped.error().message());
  };
  for (const std::string& name : databases) drop("DROP DATABASE " + sources::quote_identifier(name));
  for (const std::string& name : roles) drop("DROP ROLE " + sources::quote_identifier(name));
}

}  // namespace

Result<PgScriptReport> dump_script(const Server& server, storage::Storage& storage, const stream::Encoding& encoding,
                                   RunContext& run) {
  const auto name = [codec = encoding.codec](std::string_view time) {
    std::string key = render_server_set_name({Kind::script, std::string(time)});
    if (codec == stream::Codec::none) key.resize(key.size() - 4);
    return key;
  };
  TRY_ASSIGN(time, choose_time(storage, name, run));
  PgScriptReport report;
  report.key = name(time);
  run.reporter.step("dump all databases");
  const auto produce = [&](stream::ByteSink& out) -> Result<> {
    OpenSink open(out);
    stream::Encoder encoder(encoding, open);
    TailSink tail(encoder);
    TRY_ASSIGN(warnings, sources::dump_everything(server, tail, run));
    // An exit code of 0 is pg_dumpall's word for the same.
    if (!tail.tail().contains(kEnd)) return fail(Errc::failed, "dump all databases: pg_dumpall wrote no end");
    TRY(encoder.finish());
    report.plain_bytes = encoder.plain().bytes;
    for (std::string& warning : warnings) report.findings.push_back({"", "", std::move(warning)});
    return {};
  };
  const DumpRecord record{"", server.version_text(), {}};
  TRY_ASSIGN(extent, store_dump(storage, report.key, record, produce));
  report.bytes = extent.bytes;
  return report;
}

Result<PgScriptRestoreReport> restore_script(const Server& server, const storage::StorageReader& storage,
                                             const std::string& key, RunContext& run) {
  const std::string shown = escape_for_display(key);
  // 1. Read-only: it is whole, and there is nothing that it would be mixed with.
  if (!server.superuser())
    return fail(Errc::credentials, "role " + server.user() + " is no superuser, and a script of pg_dumpall needs one");
  TRY_ASSIGN(look, in_context(look_into(storage, key), shown));
  run.reporter.step("check " + shown);
  TRY_ASSIGN(stored, in_context(check_script(storage, key, look.codec, run), shown));
  TRY(check_empty(server, run));
  TRY_ASSIGN(databases, names_in(server, "datname", "pg_database", run));
  TRY_ASSIGN(roles, names_in(server, "rolname", "pg_roles", run));

  // 2. All of it, or nothing of it stays.
  run.reporter.step("restore " + shown, stored.bytes);
  const auto carry_out = [&]() -> Result<> {
    TRY_ASSIGN(script, Script::open(storage, key, look.codec, run));
    TRY_ASSIGN(answer,
               server.programs().feed({"sh", "-c", std::string(kRun), "davit", sources::conninfo_of(server.database())},
                                      script->plain(), run));
    TRY(sources::drain(script->plain()));
    if (answer.outcome.exit_code != 0) {
      answer.outcome.errors = sources::without_statement(answer.outcome.errors);
      return std::unexpected(sources::command_error("restore all databases", "psql", answer.outcome));
    }
    if (script->stored() != stored) return fail(Errc::corrupt, shown + " was changed while it was restored");
    return {};
  };
  auto done = carry_out();
  RunContext to_the_end = run.unstoppable();
  TRY_ASSIGN(databases_now, names_in(server, "datname", "pg_database", to_the_end));
  TRY_ASSIGN(roles_now, names_in(server, "rolname", "pg_roles", to_the_end));
  const Names made = added(databases, databases_now);
  if (!done) {
    drop_again(server, made, added(roles, roles_now), run);
    return std::unexpected(std::move(done).error().hint_if_none(
        "the databases and roles that came with it are dropped again; see what is in the others, which were there"));
  }
  return PgScriptRestoreReport{key, made};
}

}  // namespace davit::app
