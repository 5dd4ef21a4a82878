#include <nlohmann/json.hpp>

#include "app/sweep.hpp"
#include "app/verify.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace davit::cli {
namespace {

struct VerifyFlags {
  std::vector<std::string> backups;
  bool deep = false;
};

Result<int> verify(const Globals& globals, const VerifyFlags& flags) {
  Workbench bench(globals);
  TRY_ASSIGN(storage, bench.storage(Workbench::Use::read));
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
  const app::VerifyOptions options{globals.value(globals.stack, "DAVIT_STACK"), flags.backups, flags.deep};
  TRY_ASSIGN(report, app::run_verify(*storage, *sources, options, bench.run()));
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
  command->add_option("backup", flags->backups, "Ids, beginnings of ids, or latest; all by default");
  command->add_flag("--deep", flags->deep,
                    "Also decode every archive, and run every dump through pg_restore in the image it came from");
  command->callback([&globals, &chosen, flags] { chosen = [&globals, flags] { return verify(globals, *flags); }; });
}

}  // namespace davit::cli
