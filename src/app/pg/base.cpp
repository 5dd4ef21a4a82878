#include "app/pg/base.hpp"

#include <charconv>

#include "app/pg/content.hpp"
#include "app/pg/open_sink.hpp"
#include "sources/basebackup/check.hpp"
#include "sources/basebackup/restoration.hpp"
#include "sources/basebackup/take.hpp"
#include "sources/compose_labels.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/archive.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"
#include "stream/zstd_source.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using Kind = ServerSetName::Kind;
using sources::Tablespace;

int major_of(std::string_view version) {
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

std::vector<Tablespace> tablespaces_of(const sources::BasePlan& plan) {
  std::vector<Tablespace> found;
  for (const auto& [name, location] : plan.tablespaces) {
    Tablespace each{name, 0, location};
    if (const auto oid = plan.oids.find(name); oid != plan.oids.end())
      std::from_chars(oid->second.data(), oid->second.data() + oid->second.size(), each.oid);
    found.push_back(std::move(each));
  }
  return found;
}

Result<> apply_locations(std::vector<Tablespace>& tablespaces, const Locations& locations) {
  for (const auto& [which, directory] : locations) {
    if (!directory.starts_with('/'))
      return fail(Errc::usage, "tablespace " + escape_for_display(which) + ": \"" + escape_for_display(directory) +
                                   "\" is no absolute path in the container");
    bool known = false;
    for (Tablespace& each : tablespaces)
      if (each.name == which || std::to_string(each.oid) == which) {
        each.location = directory;
        known = true;
      }
    if (!known) return fail(Errc::usage, "the base backup has no tablespace " + escape_for_display(which));
  }
  return {};
}

}  // namespace

Result<PgBaseReport> take_base_set(const sources::Server& server, storage::Storage& storage,
                                   const PgBaseOptions& options, RunContext& run) {
  // 1. Read-only: whether it can be had, and in which form.
  TRY_ASSIGN(plan, sources::plan_base_backup(server, run));
  const auto name = [codec = options.encoding.codec](std::string_view time) {
    std::string key = render_server_set_name({Kind::base, std::string(time)});
    if (codec == stream::Codec::none) key.resize(key.size() - 4);
    return key;
  };
  TRY_ASSIGN(time, choose_time(storage, name, run));

  // 2. It is there, with its digest, whole; or nothing is.
  PgBaseReport report;
  report.key = name(time);
  run.reporter.step("take a base backup", plan.bytes);
  const DumpRecord record{"", server.version_text(), {}, tablespaces_of(plan)};
  const auto produce = [&](stream::ByteSink& out) -> Result<> {
    OpenSink open(out);
    stream::Encoder encoder(options.encoding, open);
    TRY_ASSIGN(taken, sources::take_base_backup(server, {plan.form, plan.bytes, options.staging}, encoder, run));
    TRY(encoder.finish());
    report.plain_bytes = encoder.plain().bytes;
    for (std::string& warning : taken.warnings) report.findings.push_back({"", "", std::move(warning)});
    return {};
  };
  TRY_ASSIGN(extent, store_dump(storage, report.key, record, produce));
  report.bytes = extent.bytes;
  for (const std::string& file : plan.outside)
    report.findings.push_back({"", "", "configuration outside of the data directory is not in it: " + file});
  return report;
}

Result<CheckedBase> check_base_set(const storage::StorageReader& storage, const std::string& key,
                                   const Locations& locations, RunContext& run) {
  CheckedBase base;
  base.key = key;
  const std::string shown = escape_for_display(key);
  TRY_ASSIGN(look, in_context(look_into(storage, key), shown));
  base.form = look.content == DumpContent::base_directory ? sources::BaseForm::directory : sources::BaseForm::plain;
  base.codec = look.codec;
  TRY_ASSIGN(record, find_record(storage, key));
  if (record) {
    base.major = major_of(record->server_version);
    base.tablespaces = record->tablespaces;
  } else if (base.form == sources::BaseForm::directory) {
    for (const auto& [oid, directory] : locations) {
      Tablespace each{oid, 0, directory};
      std::from_chars(oid.data(), oid.data() + oid.size(), each.oid);
      base.tablespaces.push_back(std::move(each));
    }
  }
  TRY(apply_locations(base.tablespaces, locations));

  run.reporter.step("check " + shown);
  TRY_ASSIGN(source, storage.open(key));
  stream::ReportingSource reporting(*source, run);
  stream::DigestSource stored(reporting);
  stream::ZstdSource decoded(stored);
  stream::DigestSource plain(base.codec == stream::Codec::zstd ? static_cast<stream::ByteSource&>(decoded) : stored);
  TRY(in_context(sources::check_base_backup(plain, base.form, run), shown));
  TRY(in_context(sources::drain(plain), shown));
  base.stored = stored.extent();
  base.plain = plain.extent();
  TRY_ASSIGN(expected, find_digest(storage, key));
  if (expected && *expected != base.stored.sha256)
    return fail(Errc::corrupt,
                shown + " is not what its digest says: SHA-256 " + base.stored.sha256 + ", not " + *expected);
  return base;
}

Result<PgBaseRestoreReport> restore_base_set(engine::Engine& engine, const engine::ContainerInfo& container,
                                             const sources::ControlOf& control_of,
                                             const storage::StorageReader& storage, const CheckedBase& base,
                                             bool replace, Journal& journal, RunContext& run) {
  sources::PhysicalEntry entry;
  entry.run = run.run_id;
  entry.project = sources::compose::label(container.labels, sources::compose::kProject);
  entry.service = sources::compose::label(container.labels, sources::compose::kService);
  if (entry.service.empty()) entry.service = container.name;
  entry.container = container.id.value;
  entry.ran = container.state.running && !container.state.paused;

  // 1. Read-only: nothing is in the way.
  if (entry.ran) {
    TRY_ASSIGN(conflicts,
               sources::check_files_of_cluster(engine, container, {entry.service, base.major, base.plain.bytes}, run));
    TRY(sources::refuse_conflicts(conflicts, replace));
  } else if (!replace) {
    return fail(Errc::exists, "the server of " + entry.service + " doesn't run, so what its cluster holds is unknown",
                "start it, or let --replace put the backup's cluster in its place");
  }

  // 2. The item of a whole stack's backup, but for the backup.
  model::Item item;
  item.id = {model::ItemKind::postgres, entry.service};
  item.attributes["form"] = sources::name_of(base.form);
  for (const Tablespace& each : base.tablespaces) {
    item.attributes["tablespace." + each.name] = each.location;
    item.attributes["oid." + each.name] = std::to_string(each.oid);
  }
  model::Artefact artefact;
  artefact.path = base.key;
  artefact.codec = base.codec;
  artefact.plain = base.plain;
  artefact.stored = base.stored;
  item.artefacts.push_back(artefact);
  TRY_ASSIGN(fill, sources::fill_from_base(item));

  // 3. The new cluster, or the old one.
  TRY_ASSIGN(control, control_of(engine, container, journal, run));
  const std::string service = entry.service;
  TRY_ASSIGN(restoration, sources::ClusterRestoration::begin({.control = std::move(control)}, std::move(fill),
                                                             std::move(entry), journal, run));
  const auto carry_out = [&]() -> Result<> {
    run.reporter.step("restore " + escape_for_display(base.key), base.stored.bytes);
    TRY_ASSIGN(stored, storage.open(base.key));
    stream::ReportingSource reporting(*stored, run);
    TRY(restoration->stage(artefact, reporting, run));
    TRY(run.check());
    return restoration->commit(run);
  };
  RunContext to_the_end = run.unstoppable();
  if (auto done = carry_out(); !done) {
    auto undone = restoration->rollback(to_the_end);
    const Error& error = done.error();
    if (undone)
      return std::unexpected(Error(error.code(), error.message() + "; the old cluster is back", error.hint()));
    return fail(Errc::failed,
                error.message() + "; and the old cluster could not be put back: " + undone.error().message(),
                undone.error().hint());
  }
  if (auto finished = restoration->finish(to_the_end); !finished)
    run.reporter.warning("the cluster is restored, and old files are left: " + finished.error().message());
  return PgBaseRestoreReport{base.key, service};
}

}  // namespace davit::app
