#include "sources/postgres/programs.hpp"

#include "stream/memory_stream.hpp"
#include "stream/process.hpp"

namespace davit::sources {
namespace {

constexpr int kNoProgram = 127;

std::string_view value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& variable : env)
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=')
      return std::string_view(variable).substr(name.size() + 1);
  return {};
}

}  // namespace

Programs Programs::in_container(engine::Engine& engine, engine::ContainerId container, engine::Command base) {
  Programs programs;
  programs.engine_ = &engine;
  programs.container_ = std::move(container);
  programs.base_ = std::move(base);
  return programs;
}

Programs Programs::on_this_machine(std::vector<std::string> env) {
  Programs programs;
  programs.base_.env = std::move(env);
  return programs;
}

engine::Command Programs::command(std::vector<std::string> argv) const {
  engine::Command command = base_;
  command.argv = std::move(argv);
  return command;
}

Result<engine::CommandOutcome> Programs::run_here(std::vector<std::string> argv, stream::ByteSource* in,
                                                  stream::ByteSink& out, RunContext& run,
                                                  const std::vector<std::string>& env) const {
  TRY(run.check());
  const auto path = stream::find_program(argv.front(), value_of(base_.env, "PATH"));
  if (!path) return engine::CommandOutcome{.exit_code = kNoProgram, .errors = argv.front() + ": not found"};
  stream::Program program{.path = *path, .argv = std::move(argv), .env = env};
  program.env.insert(program.env.end(), base_.env.begin(), base_.env.end());
  TRY_ASSIGN(outcome, in_context(stream::run_program(program, in, out, run.stop), "run " + program.argv.front()));
  return engine::CommandOutcome{.exit_code = outcome.exit_code, .errors = std::move(outcome.errors)};
}

Result<engine::CommandOutcome> Programs::run(std::vector<std::string> argv, stream::ByteSink& out,
                                             RunContext& run) const {
  if (engine_ == nullptr) return run_here(std::move(argv), nullptr, out, run, {});
  return engine::run_command(*engine_, container_, command(std::move(argv)), out, run);
}

Result<engine::CommandText> Programs::ask(std::vector<std::string> argv, RunContext& run,
                                          std::vector<std::string> env) const {
  if (engine_ == nullptr) {
    stream::MemorySink out;
    TRY_ASSIGN(outcome, run_here(std::move(argv), nullptr, out, run, env));
    return engine::CommandText{.outcome = std::move(outcome), .out = out.take()};
  }
  engine::Command asked = command(std::move(argv));
  asked.env.insert(asked.env.end(), env.begin(), env.end());
  return engine::run_command_for_text(*engine_, container_, asked, run);
}

Result<engine::CommandText> Programs::feed(std::vector<std::string> argv, stream::ByteSource& in,
                                           RunContext& run) const {
  if (engine_ != nullptr) return engine::feed_command(*engine_, container_, command(std::move(argv)), in, run);
  stream::MemorySink out;
  TRY_ASSIGN(outcome, run_here(std::move(argv), &in, out, run, {}));
  return engine::CommandText{.outcome = std::move(outcome), .out = out.take()};
}

std::string Programs::place() const {
  return engine_ == nullptr ? "this machine" : "container " + engine::short_id(container_.value);
}

}  // namespace davit::sources
