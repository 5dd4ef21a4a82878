#include <nlohmann/json.hpp>

#include "app/sweep.hpp"
#include "app/verify.hpp"
#include "cli/backup_file.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace davit::cli {
namespace {

struct VerifyFlags {
  std::vector<std::string> backups;
  bool deep = false;
};

// Opening a file reads and verifies every byte of it; what is left is the deep check.
Result<> verify_file(Workbench& bench, const std::string& path, const app::SourceSet& sources, bool deep,
                     app::VerifyReport& report) {
  TRY_ASSIGN(file, open_backup_file(path, bench.run()));
  if (deep) {
    TRY_ASSIGN(deeply, app::run_verify(*file, sources, {{}, {file->entry().id}, deep}, bench.run()));
    report.add(std::move(deeply));
    return {};
  }
  TRY_ASSIGN(manifest, catalog::load(*file, file->entry()));
  ++report.backups;
  for (const model::Item& item : manifest.items)
    for (const model::Artefact& artefact : item.artefacts)
      report.artefacts.push_back({manifest.id, artefact.path, artefact.stored.bytes, {}, {}});
  return {};
}

Result<int> verify(const Globals& globals, const VerifyFlags& flags) {
  Workbench bench(globals);
  std::vector<std::string> files;
  std::vector<std::string> ids;
  for (const std::string& backup : flags.backups) (is_file(backup) ? files : ids).push_back(backup);
  const bool in_repository = files.empty() || !ids.empty();
  if (in_repository) TRY(bench.storage(Workbench::Use::read));
  // Only the deep check works in containers; the other needs no Engine at all.
  app::SourceSet none;
  const app::SourceSet* sources = &none;
  if (flags.deep) {
    TRY_ASSIGN(engine, bench.engine());
    TRY(app::sweep_dead_runs(*engine, nullptr, bench.run()));
    bench.sweep_repository();
    TRY_ASSIGN(real, bench.sources());
    sources = real;
  } else {
    TRY(bench.sweep());
  }
  app::VerifyReport report;
  for (const std::string& file : files) TRY(verify_file(bench, file, *sources, flags.deep, report));
  if (in_repository) {
    TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
    const app::VerifyOptions options{globals.value(globals.stack, "DAVIT_STACK"), ids, flags.deep};
    TRY_ASSIGN(more, app::run_verify(*storage, *sources, options, bench.run()));
    report.add(std::move(more));
  }
  bench.progress().close();
  if (globals.json)
    TRY(print(verify_report_to_json(report).dump(2) + "\n"));
  else if (!globals.quiet || report.problems() > 0)
    TRY(print(render_verify_report(report, flags.deep)));
  return report.problems() == 0 ? kExitDone : exit_code_of(report.worst());
}

}  // namespace

void add_verify(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command = app.add_subcommand("verify", "Read backups and check every byte");
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("backup", flags->backups,
                      "Ids, beginnings of ids, latest, or a FILE of davit export; all of the repository by default");
  command->add_flag("--deep", flags->deep,
                    "Also decode every archive, and run every dump through pg_restore in the image it came from");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return verify(globals, *flags); }; });
}

}  // namespace davit::cli
