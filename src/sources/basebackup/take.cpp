#include "sources/basebackup/take.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "sources/postgres/inventory.hpp"
#include "sources/postgres/sql_text.hpp"
#include "stream/reporting_stream.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr int kFirstWithManifests = 13;
constexpr int kNoRoom = 83;
constexpr std::array<std::string_view, 3> kGone{"server closed the connection", "connection to server",
                                                "terminating connection"};

// $1: conninfo; $2: name of the slot; then pg_basebackup and its arguments. The slot is of the session of psql, which
// lasts as long as the program that it runs, and goes with it whatever dies. psql doesn't tell that program's exit code
// before PostgreSQL 16.
constexpr std::string_view kStream = R"sh(
exec 4>&1
DAVIT_CONNINFO=$1 davit_slot=$2
shift 2
DAVIT_RUN=
for davit_word in "$@"; do DAVIT_RUN="$DAVIT_RUN '$davit_word'"; done
export DAVIT_RUN
code=$(psql -X -q -A -t -w -v ON_ERROR_STOP=1 -v slot="$davit_slot" -d "$DAVIT_CONNINFO" -f - 3>&1 >/dev/null <<'END'
select pg_create_physical_replication_slot(:'slot', true, true);
\! eval "$DAVIT_RUN" </dev/null >&4 3>&- ; echo $? >&3
END
) || exit
exit "${code:-1}"
)sh";

// $1: where to put it aside; $2: KiB that must be free there; then pg_basebackup and its arguments.
constexpr std::string_view kStage = R"sh(
umask 077
where=$1 need=$2
shift 2
[ -n "$where" ] && [ -d "$where" ] && [ -w "$where" ] || where=${TMPDIR:-/tmp}
free=$(df -P -k "$where" | { read -r _; read -r _ _ _ free _; echo "$free"; })
if [ "${free:-0}" -lt "$need" ]; then
  printf '%s KiB are needed in %s, and %s are free\n' "$need" "$where" "$free" >&2
  exit 83
fi
dir=$(mktemp -d "$where/davit-XXXXXXXX") || exit 81
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM PIPE
echo $$ >"$dir/pid"
# Held by whatever is at work here, for those in other containers, who can't see it.
exec 9>>"$dir/pid"
flock -n 9 2>/dev/null || :
"$@" -D "$dir/set" >&2 || exit
cd "$dir/set" || exit 81
[ -f backup_manifest ] || { echo 'pg_basebackup has written no backup_manifest' >&2; exit 1; }
set -- base.tar
for file in *.tar; do [ "$file" = base.tar ] || set -- "$@" "$file"; done
tar -cf - backup_manifest "$@"
)sh";

std::uint64_t number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::vector<std::string> pg_basebackup() {
  return {"pg_basebackup", "--no-password", "--format=tar", "--checkpoint=fast", "--manifest-checksums=SHA256",
          "--label=davit"};
}

std::vector<std::string> warnings_in(std::string_view errors) {
  std::vector<std::string> warnings;
  for (const std::string& line : split(errors, '\n')) {
    const auto mark = line.find("warning: ");
    if (mark != std::string::npos && line.starts_with("pg_basebackup")) warnings.emplace_back(line.substr(mark + 9));
  }
  return warnings;
}

Error why_not(const Server& server, const engine::CommandOutcome& outcome, RunContext& run) {
  constexpr const char* kDoing = "take a base backup";
  if (outcome.exit_code == kNoRoom)
    return {Errc::failed, std::string(kDoing) + ": there is no room to put it aside: " + outcome.errors,
            "mount a directory with room, such as .db of the repository, at /.db in the container"};
  Error error = command_error(kDoing, "pg_basebackup", outcome);
  const bool gone = std::ranges::any_of(kGone, [&](auto words) { return outcome.errors.contains(words); });
  if (outcome.errors.contains("no pg_hba.conf entry for replication"))
    return std::move(error).hint_if_none("let it in: a line of pg_hba.conf with the database `replication`");
  if (outcome.errors.contains("checksum error"))
    return std::move(error).hint_if_none(
        "pages of the cluster are damaged: restore an older backup, or see pg_amcheck");
  if (error.code() == Errc::failed && gone && !server.answers(run)) return std::move(error).as(Errc::unavailable);
  return error;
}

}  // namespace

Result<BasePlan> plan_base_backup(const Server& server, RunContext& run) {
  if (server.major() < kFirstWithManifests)
    return fail(
        Errc::failed,
        "PostgreSQL " + server.version_text() + " makes no manifests, by which a base backup is seen to be whole",
        "dump its databases instead: davit.postgres=dump");
  TRY_ASSIGN(rows, server.query(server.database(),
                                {"current_setting('wal_level')",
                                 "(select rolsuper or rolreplication from pg_roles where "
                                 "rolname = current_user)",
                                 "(select sum(pg_database_size(oid)) from pg_database)"},
                                "", run));
  if (rows.size() != 1) return fail(Errc::corrupt, "PostgreSQL did not say how its log is written");
  if (rows[0][0] == "minimal")
    return fail(Errc::failed, "the server writes too little into its log for a base backup (wal_level = minimal)",
                "set wal_level = replica, and restart the server");
  if (rows[0][1] != "true")
    return fail(Errc::credentials, "role " + server.user() + " may not take a base backup",
                "ALTER ROLE … REPLICATION, or connect as a superuser");
  BasePlan plan;
  plan.bytes = number(rows[0][2]);
  TRY_ASSIGN(tablespaces, server.query(server.database(), {"spcname", "oid", "pg_tablespace_location(oid)"},
                                       "from pg_tablespace where pg_tablespace_location(oid) <> '' order by 1", run));
  for (const Row& row : tablespaces) {
    plan.tablespaces[row[0].value_or("")] = row[2].value_or("");
    plan.oids[row[0].value_or("")] = row[1].value_or("");
  }
  if (!plan.tablespaces.empty()) plan.form = BaseForm::directory;
  TRY_ASSIGN(files, server.query(server.database(), {"name", "setting"},
                                 "from pg_settings where name in ('config_file', 'hba_file', 'ident_file') and "
                                 "setting not like current_setting('data_directory') || '/%' order by 1",
                                 run));
  for (const Row& row : files) plan.outside.push_back(row[0].value_or("") + " " + row[1].value_or(""));
  return plan;
}

Result<BaseTaken> take_base_backup(const Server& server, const BaseOptions& options, stream::ByteSink& out,
                                   RunContext& run) {
  std::vector<std::string> argv = pg_basebackup();
  if (options.form == BaseForm::plain) {
    argv.insert(argv.end(), {"--wal-method=fetch", "-D", "-"});
    argv.insert(argv.begin(),
                {"sh", "-c", std::string(kStream), "davit", conninfo_of(server.database()), "davit_" + random_hex(6)});
  } else {
    argv.emplace_back("--wal-method=stream");
    argv.insert(argv.begin(),
                {"sh", "-c", std::string(kStage), "davit", options.staging, std::to_string(options.bytes / 1024)});
  }
  MemberScan scan(options.form, out);
  stream::ReportingSink reporting(scan, run);
  TRY_ASSIGN(outcome, in_context(server.programs().run(std::move(argv), reporting, run), "take a base backup"));
  if (outcome.exit_code != 0) return std::unexpected(why_not(server, outcome, run));
  if (!outcome.errors.empty()) log_info("pg_basebackup: " + outcome.errors);
  TRY(scan.check());
  return BaseTaken{scan.members(), warnings_in(outcome.errors)};
}

}  // namespace davit::sources
