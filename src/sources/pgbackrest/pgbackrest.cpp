#include "sources/pgbackrest/pgbackrest.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr int kLockHeld = 50;
constexpr std::chrono::seconds kGlance{5};  // for each, pgBackRest reads its repository

constexpr std::array<std::string_view, 3> kTypes{"full", "diff", "incr"};

// Codes of error.yaml that mean something to whoever runs davit. Where a code is two things, its text decides.
struct Code {
  int number;
  Errc means;
  std::string_view hint;
};
constexpr std::string_view kConfiguration =
    "see pgBackRest's own configuration: /etc/pgbackrest*, PGBACKREST_*; `davit init` writes what is missing";
constexpr std::string_view kOtherCluster =
    "the stanza is of another cluster: to bring that one back in place of this one, `davit db stop` and then `davit "
    "pgbackrest restore`; to back up this one, name another --stanza";
constexpr std::string_view kDamaged = "`davit pgbackrest verify` reads the whole repository";
constexpr std::array kCodes{
    Code{26, Errc::corrupt, kDamaged},                // checksum
    Code{27, Errc::usage, kConfiguration},            // config
    Code{28, Errc::usage, kOtherCluster},             // file-invalid
    Code{29, Errc::corrupt, kDamaged},                // format
    Code{31, Errc::usage, kConfiguration},            // option-invalid
    Code{32, Errc::usage, kConfiguration},            // option-invalid-value
    Code{37, Errc::usage, kConfiguration},            // option-required
    Code{38, Errc::failed, "stop the server first"},  // postmaster-running
    Code{40, Errc::exists, ""},                       // path-not-empty
    Code{44, Errc::usage, ""},                        // archive-mismatch
    Code{49, Errc::unavailable, ""},                  // host-connect
    Code{50, Errc::locked, "another pgBackRest is at work on the stanza: wait for its end"},
    Code{51, Errc::usage, kOtherCluster},  // backup-mismatch
    Code{55, Errc::not_found, ""},         // file-missing
    Code{56, Errc::unavailable, "see whether the server runs, and as whom it lets pgBackRest in (pg1-user)"},
    Code{59, Errc::unavailable, ""},  // db-timeout
    Code{62, Errc::locked, "somebody has told pgBackRest to stop: `pgbackrest start` ends that"},
    Code{66, Errc::unavailable, ""},  // protocol-timeout
    Code{68, Errc::usage, "set archive_command = 'pgbackrest --stanza=NAME archive-push %p'"},
    Code{73, Errc::not_found, ""},  // path-missing
    Code{75, Errc::not_found, "`davit pgbackrest info` lists the sets"},
    Code{82, Errc::unavailable,
         "segments don't reach the archive: the server's log says why (docs/pgbackrest.md, \"When archiving stands "
         "still\")"},
    Code{87, Errc::usage, "archiving is off: set archive_mode = on, and restart the server"},
    Code{95, Errc::credentials, ""},    // crypto
    Code{99, Errc::corrupt, kDamaged},  // json-format
};
// As backup.c says it. Where nothing was kept yet, that is how every setup begins; and that is how every first
// differential backup behind a restore begins.
constexpr std::string_view kBecameFull = "no prior backup exists";
constexpr std::string_view kTimelineSwitched = "a timeline switch has occurred since";

// Exit code 0: how a backup starts is said in the environment or in any file that pgBackRest reads, in whatever
// section.
constexpr std::string_view kSaysHowToStart = R"sh(
[ -z "${PGBACKREST_START_FAST:-}" ] || exit 0
directory=${PGBACKREST_CONFIG_PATH:-/etc/pgbackrest}
for file in "${PGBACKREST_CONFIG:-$directory/pgbackrest.conf}" /etc/pgbackrest.conf \
  "${PGBACKREST_CONFIG_INCLUDE_PATH:-$directory/conf.d}"/*.conf; do
  [ ! -r "$file" ] || ! grep -q '^[[:space:]]*start-fast[[:space:]]*=' "$file" || exit 0
done
exit 1
)sh";

constexpr std::string_view kForeignFiles =
    "files of another user are in the way: give the repository, /tmp/pgbackrest and pgBackRest's logs to the server's "
    "user, and run pgBackRest as nobody else";

PgBackRest::Made made_of(const BackupSet& set, std::string_view errors) {
  PgBackRest::Made made{.set = set, .warnings = pgbackrest_warnings(errors)};
  const auto take_out = [&](std::string_view begins) {
    return std::erase_if(made.warnings, [&](const std::string& each) { return each.starts_with(begins); }) != 0;
  };
  made.became_full = take_out(kBecameFull);
  made.timeline_switched = take_out(kTimelineSwitched);
  return made;
}

}  // namespace

std::string_view name_of(BackupType type) { return kTypes.at(static_cast<std::size_t>(type)); }

Result<BackupType> parse_backup_type(std::string_view text) {
  const auto found = std::ranges::find(kTypes, text);
  if (found == kTypes.end())
    return fail(Errc::usage, "type \"" + escape_for_display(text) + "\" is unknown", "write full, diff or incr");
  return static_cast<BackupType>(found - kTypes.begin());
}

Error pgbackrest_error(std::string_view doing, const engine::CommandOutcome& outcome) {
  if (outcome.exit_code == 127 || outcome.exit_code == 126)
    return {Errc::not_found, std::string(doing) + ": the container has no pgbackrest",
            "use an image that has it beside the server"};
  std::string why =
      outcome.errors.empty() ? "pgbackrest ended with exit code " + std::to_string(outcome.exit_code) : outcome.errors;
  if (outcome.errors.contains("Permission denied") || outcome.errors.contains("Operation not permitted"))
    return {Errc::failed, std::string(doing) + ": " + why, std::string(kForeignFiles)};
  const auto code = std::ranges::find(kCodes, outcome.exit_code, &Code::number);
  if (code == kCodes.end()) return {Errc::failed, std::string(doing) + ": " + why};
  return {code->means, std::string(doing) + ": " + why, std::string(code->hint)};
}

std::vector<std::string> pgbackrest_warnings(std::string_view errors) {
  std::vector<std::string> warnings;
  for (const std::string& each : split(errors, '\n')) {
    const std::string_view line = trim(each);
    if (const auto mark = line.find("WARN: "); mark != std::string_view::npos)
      warnings.emplace_back(trim(line.substr(mark + 6)));
    else if (!warnings.empty() && !line.contains("INFO: "))
      warnings.back() += " " + std::string(line);  // they go over several lines
  }
  return warnings;
}

std::vector<std::string> PgBackRest::argv(std::vector<std::string> arguments) const {
  std::vector<std::string> made{"pgbackrest", "--stanza=" + stanza_, "--log-level-console=off",
                                "--log-level-stderr=warn", "--no-log-timestamp"};
  std::ranges::move(arguments, std::back_inserter(made));
  return made;
}

Result<std::vector<std::string>> PgBackRest::command(std::vector<std::string> arguments, std::string_view doing,
                                                     RunContext& run) const {
  TRY_ASSIGN(answer, cluster_.ask(argv(std::move(arguments)), run));
  if (answer.outcome.exit_code != 0) return std::unexpected(pgbackrest_error(doing, answer.outcome));
  return pgbackrest_warnings(answer.outcome.errors);
}

Result<Stanza> PgBackRest::info(RunContext& run, const std::string& set) const {
  std::vector<std::string> arguments{"info", "--output=json"};
  if (!set.empty()) arguments.push_back("--set=" + set);
  TRY_ASSIGN(answer, cluster_.ask(argv(std::move(arguments)), run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(
        pgbackrest_error("ask for stanza " + stanza_, answer.outcome).hint_if_none("`davit init` sets pgBackRest up"));
  return parse_stanza(answer.out, stanza_);
}

Result<bool> PgBackRest::says_how_to_start(RunContext& run) const {
  TRY_ASSIGN(answer, cluster_.ask({"sh", "-c", std::string(kSaysHowToStart)}, run));
  // What a shell can't tell is left to pgBackRest.
  return answer.outcome.exit_code != 1;
}

Result<PgBackRest::Made> PgBackRest::backup(BackupType type, RunContext& run, std::chrono::seconds lock_wait) const {
  const std::string doing = "back up stanza " + stanza_;
  std::vector<std::string> arguments{"--type=" + std::string(name_of(type))};
  // PostgreSQL spreads a checkpoint over minutes: so long the backup would only wait.
  TRY_ASSIGN(says_how_to_start, this->says_how_to_start(run));
  if (!says_how_to_start) arguments.emplace_back("--start-fast");
  arguments.emplace_back("backup");
  const auto deadline = run.clock.steady() + lock_wait;
  for (bool noted = false;; run.clock.sleep_for(kGlance)) {
    TRY(run.check());
    const bool last = run.clock.steady() >= deadline;
    TRY_ASSIGN(before, info(run));
    // Each attempt in vain would leave lines in pgBackRest's log.
    if (last || !before.backup_runs) {
      TRY_ASSIGN(answer, cluster_.ask(argv(arguments), run));
      if (answer.outcome.exit_code == 0) {
        TRY_ASSIGN(after, info(run));
        for (auto set = after.backups.rbegin(); set != after.backups.rend(); ++set)
          if (before.find(set->label) == nullptr) return made_of(*set, answer.outcome.errors);
        return fail(Errc::failed, doing + ": pgbackrest says that it went well, and lists no new set");
      }
      Error error = pgbackrest_error(doing, answer.outcome);
      if (last || answer.outcome.exit_code != kLockHeld || error.code() != Errc::locked)
        return std::unexpected(std::move(error));
    }
    if (!std::exchange(noted, true)) run.reporter.note("waiting: another pgBackRest is at work on stanza " + stanza_);
  }
}

Result<VerifyReport> PgBackRest::verify(RunContext& run) const {
  // Of a stanza that is missing, it only says that there are neither archives nor backups.
  TRY(info(run));
  TRY_ASSIGN(answer, cluster_.ask(argv({"verify", "--output=text", "--verbose"}), run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(pgbackrest_error("verify stanza " + stanza_, answer.outcome));
  return parse_verify(answer.out);
}

Result<> PgBackRest::check(RunContext& run) const {
  TRY(command({"check"}, "check that stanza " + stanza_ + " is archived", run));
  return {};
}

}  // namespace davit::sources
