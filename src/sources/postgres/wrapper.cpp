#include "sources/postgres/wrapper.hpp"

#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// Its program, whatever has become of the file that it was started from.
constexpr const char* kFirstProcess = "/proc/1/exe";
constexpr int kCannotRun = 126;
constexpr int kNoProgram = 127;

std::unexpected<Error> no_wrapper(const std::string& container) {
  return fail(Errc::not_found, "container " + escape_for_display(container) + " is not run by davit's wrapper",
              "make `davit entrypoint -- …` its entrypoint: docs/database-container.md");
}

}  // namespace

std::optional<std::string> wrapper_program(const engine::ContainerInfo& container) {
  const json record = json::parse(container.raw, nullptr, false);
  if (!record.is_object()) return std::nullopt;
  const json path = record.value("Path", json());
  const json arguments = record.value("Args", json::array());
  // What the Engine found by this name when it started the container, it finds again.
  if (path.is_string() && arguments.is_array() && !arguments.empty() && arguments.front() == "entrypoint")
    return path.get<std::string>();
  // With the Engine's own init, process 1 is that.
  const json host = record.value("HostConfig", json::object());
  if (host.is_object() && host.value("Init", json()) == json(true)) return std::nullopt;
  return kFirstProcess;
}

Wrapper::Wrapper(engine::Engine& engine, const engine::ContainerInfo& container, std::string program)
    : engine_(&engine), container_(container.id), name_(container.name), program_(std::move(program)) {}

Result<Wrapper> Wrapper::find(engine::Engine& engine, const engine::ContainerInfo& container, RunContext& run) {
  auto program = wrapper_program(container);
  if (!program) return no_wrapper(container.name);
  Wrapper wrapper(engine, container, *std::move(program));
  TRY(wrapper.status(run));
  return wrapper;
}

Result<supervise::Status> Wrapper::ask(std::vector<std::string> arguments, RunContext& run) const {
  engine::Command command;
  command.argv = {program_, "db"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.argv.emplace_back("--json");
  const std::string what = "in container " + escape_for_display(name_);
  TRY_ASSIGN(text, in_context(engine::run_command_for_text(*engine_, container_, command, run), what));
  // What another program makes of these arguments is anybody's guess, but no answer of ours.
  const bool is_ours = json::accept(text.out);
  if (text.outcome.exit_code == kCannotRun || text.outcome.exit_code == kNoProgram || !is_ours)
    return no_wrapper(name_);
  return in_context(supervise::parse_answer(text.out), what);
}

Result<supervise::Status> Wrapper::status(RunContext& run) const { return ask({"status"}, run); }

Result<supervise::Status> Wrapper::start(std::chrono::seconds timeout, RunContext& run) const {
  return ask({"start", "--timeout", std::to_string(timeout.count())}, run);
}

Result<supervise::Status> Wrapper::stop(supervise::StopMode mode, std::chrono::seconds timeout, RunContext& run) const {
  return ask({"stop", "--mode", std::string(name_of(mode)), "--timeout", std::to_string(timeout.count())}, run);
}

Result<supervise::Status> Wrapper::restart(supervise::StopMode mode, std::chrono::seconds timeout,
                                           RunContext& run) const {
  return ask({"restart", "--mode", std::string(name_of(mode)), "--timeout", std::to_string(timeout.count())}, run);
}

}  // namespace davit::sources
