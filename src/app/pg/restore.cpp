#include "app/pg/restore.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include "app/pg/content.hpp"
#include "sources/postgres/archive.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"
#include "stream/tar_reader.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using Into = PgRestoreOptions::Into;
using sources::Server;

constexpr std::size_t kGlobalsLimit = 64U << 20U;

// What is to become of one dump.
struct Step {
  StoredDump dump;
  std::string name;  // of the database
  bool create = false;
  DumpContent content = DumpContent::custom;
  stream::Extent extent;
  std::optional<std::string> timescale;
};

Result<std::vector<StoredDump>> choose_dumps(const storage::StorageReader& storage, const PgRestoreOptions& options) {
  if (!options.dump.empty()) {
    auto found = storage.stat(options.dump);
    if (!found)
      return std::unexpected(std::move(found).error().hint_if_none(
          "name the whole file of a dump, or, for the newest dump of a database, --db DATABASE"));
    const storage::ObjectInfo object = *std::move(found);
    auto name = parse_dump_name(object.key);
    if (!name) name = DumpName{object.key.substr(object.key.rfind('/') + 1), "", false};
    return std::vector<StoredDump>{{object.key, *name, object.bytes, object.modified}};
  }
  TRY_ASSIGN(dumps, list_dumps(storage, options.databases));
  std::vector<StoredDump> newest;
  for (StoredDump& dump : dumps) {
    if (!newest.empty() && newest.back().name.database == dump.name.database) newest.pop_back();
    newest.push_back(std::move(dump));
  }
  for (const std::string& pattern : options.databases)
    if (std::ranges::none_of(newest, [&](const auto& dump) { return matches_glob(pattern, dump.name.database); }))
      return fail(Errc::not_found, "no dump in " + storage.describe() + " is of " + escape_for_display(pattern));
  if (newest.empty()) return fail(Errc::not_found, "there are no dumps in " + storage.describe());
  return newest;
}

// What stands where the dump is to go.
Result<Step> plan_step(const Server& server, const std::vector<sources::Database>& present, StoredDump dump,
                       const PgRestoreOptions& options, RunContext& run) {
  Step step;
  step.name = options.as.empty() ? dump.name.database : options.as;
  step.dump = std::move(dump);
  const std::string what = "database " + escape_for_display(step.name);
  constexpr std::size_t kLongestName = 63;  // the server would cut it
  if (step.name.empty() || step.name.size() > kLongestName)
    return fail(Errc::usage, what + ": a name has 1 to 63 bytes", "give it another one with --as");
  const auto same = std::ranges::find(present, step.name, &sources::Database::name);
  if (same != present.end() && same->is_template)
    return fail(Errc::usage, what + " is a template: every new database would hold what it holds",
                "give it another name with --as");
  const bool there = same != present.end();
  if (!there) {
    if (options.into == Into::existing)
      return fail(Errc::not_found, what + " is not there to be restored into", "leave out --into-existing to make it");
    step.create = true;
    return step;
  }
  if (options.into == Into::create)
    return fail(Errc::exists, what + " is there already", "give it another name with --as");
  if (options.into == Into::existing && options.filling.jobs == 1) return step;
  TRY_ASSIGN(objects, sources::count_user_objects(server, step.name, run));
  if (objects == 0) return step;
  const std::string holds = std::to_string(objects) + (objects == 1 ? " object" : " objects");
  if (options.into == Into::existing)
    return fail(Errc::usage, what + " holds " + holds + ", and several jobs can't be taken back as one",
                "leave out --jobs");
  return fail(Errc::exists, what + " is there already, and holds " + holds,
              "restore it as another one with --as NAME, or into this one with --into-existing");
}

// Notes the first bytes of what goes by.
class HeadSource : public stream::ByteSource {
 public:
  explicit HeadSource(stream::ByteSource& next) : next_(next) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    TRY_ASSIGN(count, next_.read(into));
    const std::size_t wanted = std::min(count, kHeadBytes - std::min(kHeadBytes, head_.size()));
    head_.append(reinterpret_cast<const char*>(into.data()), wanted);
    return count;
  }
  [[nodiscard]] const std::string& head() const { return head_; }

 private:
  stream::ByteSource& next_;
  std::string head_;
};

Result<> recognise(Step& step, const std::string& head) {
  step.content = content_of(head);
  if (step.content == DumpContent::custom || step.content == DumpContent::tar || step.content == DumpContent::directory)
    return {};
  if (head.empty()) return fail(Errc::corrupt, "it is empty");
  return fail(Errc::corrupt, "it is no dump that pg_restore can read",
              "a script of SQL is restored with psql: psql -v ON_ERROR_STOP=1 -f FILE");
}

// Of "17.5"; 0 for anything else.
int major_of(std::string_view version) {
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

// pg_restore takes the end of its input for the end of a tar, wherever that is, and the rows behind it for none.
Result<> check_tar(stream::ByteSource& source, RunContext& run) {
  stream::TarReader reader(source);
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return {};
  }
}

// Reads all of it. A dump without a digest is read by pg_restore, too.
Result<> verify(const Server& server, const storage::StorageReader& storage, Step& step, RunContext& run) {
  const std::string& key = step.dump.key;
  TRY_ASSIGN(expected, find_digest(storage, key));
  TRY_ASSIGN(source, storage.open(key));
  stream::ReportingSource reporting(*source, run);
  stream::DigestSource digest(reporting);
  HeadSource head(digest);
  if (expected) {
    TRY(sources::drain(head));
    if (digest.extent().sha256 != *expected)
      return fail(Errc::corrupt,
                  "it is not what its digest says: SHA-256 " + digest.extent().sha256 + ", not " + *expected);
    TRY(recognise(step, head.head()));
  } else {
    // Its form must be known before it is read by anybody.
    TRY_ASSIGN(again, storage.open(key));
    HeadSource first(*again);
    std::vector<std::byte> block(kHeadBytes);
    for (std::size_t count = 1; count > 0 && first.head().size() < block.size();) {
      TRY_ASSIGN(got, first.read(block));
      count = got;
    }
    TRY(recognise(step, first.head()));
    if (step.content != DumpContent::custom) {
      TRY_ASSIGN(tar, storage.open(key));
      TRY(check_tar(*tar, run));
    }
    TRY(sources::check_archive(server.programs(), head, step.content == DumpContent::directory, run));
  }
  step.extent = digest.extent();
  return {};
}

// The roles of the times at which the dumps were made: the scripts that make them.
Result<std::vector<std::string>> read_globals(const storage::StorageReader& storage, const std::vector<Step>& steps,
                                              RunContext& run) {
  std::vector<std::string> scripts;
  std::vector<std::string> done;
  for (const Step& step : steps) {
    if (step.dump.name.time.empty()) continue;
    const std::string directory = step.dump.key.substr(0, step.dump.key.rfind('/') + 1);
    const std::string key = directory + globals_name(step.dump.name.time);
    if (std::ranges::contains(done, key)) continue;
    done.push_back(key);
    auto source = storage.open(key);
    if (!source && source.error().code() == Errc::not_found) {
      run.reporter.note(escape_for_display(key) + " is not there: roles that are missing can't be made");
      continue;
    }
    if (!source) return std::unexpected(std::move(source).error());
    TRY_ASSIGN(script, stream::read_all(**source, kGlobalsLimit));
    TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(script))));
    TRY_ASSIGN(expected, find_digest(storage, key));
    if (expected && *expected != extent.sha256)
      return fail(Errc::corrupt, escape_for_display(key) + " is not what its digest says");
    scripts.push_back(std::move(script));
  }
  return scripts;
}

// Returns the names of those that were made: all that are missing, or, behind an error, none.
Result<std::vector<std::string>> make_roles(const Server& server, const std::vector<std::string>& scripts,
                                            RunContext& run) {
  std::vector<std::string> made;
  for (const std::string& script : scripts) {
    auto names = sources::make_missing_roles(server, script, run);
    if (!names) {
      sources::drop_roles(server, made, run);
      return std::unexpected(std::move(names).error());
    }
    std::ranges::move(*names, std::back_inserter(made));
  }
  return made;
}

Result<> restore_step(const Server& server, const storage::StorageReader& storage, const Step& step, std::size_t number,
                      const PgRestoreOptions& options, RunContext& run) {
  sources::Filling filling = options.filling;
  filling.directory = step.content == DumpContent::directory;
  if (step.content == DumpContent::tar && filling.jobs > 1) {
    run.reporter.note(escape_for_display(step.dump.key) + " is in the tar format, which only one job can restore");
    filling.jobs = 1;
  }
  filling.timescale = step.timescale;
  TRY_ASSIGN(source, storage.open(step.dump.key));
  // Held against what was read before: it may have been changed since.
  stream::Decoder verified(stream::Codec::none, *source, step.extent, step.extent);
  return step.create ? sources::restore_as_new(server, step.name, number, filling, verified, run)
                     : sources::restore_into(server, step.name, filling, verified, run);
}

}  // namespace

Result<PgRestoreReport> restore_dumps(const Server& server, const storage::StorageReader& storage,
                                      const PgRestoreOptions& options, RunContext& run) {
  // 1. Plan, read-only.
  TRY_ASSIGN(dumps, choose_dumps(storage, options));
  if (!options.as.empty() && dumps.size() != 1)
    return fail(Errc::usage, "--as names one database, and there are dumps of " + std::to_string(dumps.size()),
                "choose one with --db");
  TRY_ASSIGN(present, sources::list_databases(server, run));
  std::vector<Step> steps;
  for (StoredDump& dump : dumps) {
    TRY_ASSIGN(step, plan_step(server, present, std::move(dump), options, run));
    steps.push_back(std::move(step));
  }

  // 2. Read every dump to its end. Behind this line all of them are whole.
  for (Step& step : steps) {
    const std::string shown = escape_for_display(step.dump.key);
    run.reporter.step("check " + shown, step.dump.bytes);
    TRY(in_context(verify(server, storage, step, run), shown));
    TRY_ASSIGN(record, find_record(storage, step.dump.key));
    if (!record) continue;
    const int major = major_of(record->server_version);
    if (major > server.major())
      run.reporter.note(shown + " is of PostgreSQL " + std::to_string(major) + ", and the server is " +
                        std::to_string(server.major()) + ": it may not take it");
    if (const auto found = record->extensions.find("timescaledb"); found != record->extensions.end())
      step.timescale = found->second;
  }
  std::vector<std::string> scripts;
  if (options.roles) {
    TRY_ASSIGN(read, read_globals(storage, steps, run));
    scripts = std::move(read);
  }

  // 3. What earlier runs have left.
  TRY(sources::tidy_databases(server, run));
  TRY(sources::settle_half_restored(server, run));

  // 4. Roles first: what is restored belongs to them.
  PgRestoreReport report;
  TRY_ASSIGN(made, make_roles(server, scripts, run));
  report.roles = std::move(made);

  // 5. One database after another, each wholly.
  for (const Step& step : steps) {
    run.reporter.step("restore database " + escape_for_display(step.name), step.dump.bytes);
    auto restored = restore_step(server, storage, step, report.databases.size() + 1, options, run);
    if (restored) {
      report.databases.push_back({step.name, step.dump.key, step.create});
      continue;
    }
    if (report.databases.empty()) sources::drop_roles(server, report.roles, run);
    std::string hint = step.create                 ? "there is no such database now"
                       : options.filling.jobs == 1 ? "it is as it was"
                                                   : "it was empty, and may hold a part of the dump now";
    if (!step.create && !options.filling.clean && restored.error().message().contains("already exists"))
      hint += "; --clean drops first what the dump holds";
    for (const auto& done : report.databases) hint += "; " + escape_for_display(done.name) + " is restored";
    for (const Step& other : std::span(steps).subspan(report.databases.size() + 1))
      hint += "; " + escape_for_display(other.name) + " was not tried (--db chooses)";
    return std::unexpected(
        std::move(restored).error().context("restore database " + escape_for_display(step.name)).hint_if_none(hint));
  }
  return report;
}

}  // namespace davit::app
