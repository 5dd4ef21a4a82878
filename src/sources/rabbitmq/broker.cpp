#include "sources/rabbitmq/broker.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "sources/container_tool.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/rabbitmq/definitions.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 2> kServerImages{"rabbitmq", "rabbitmq-server"};
// Limits of time that rabbitmqctl is given, in seconds: without them it waits for ever for a node that hangs.
constexpr const char* kGlance = "60";
constexpr const char* kWhole = "600";  // all definitions
constexpr const char* kAsk =
    "[node(), rabbit_misc:version(), try rabbit:data_dir() catch _:_ -> rabbit_mnesia:dir() end].";
constexpr const char* kSetup =
    "PATH=$PATH:/usr/sbin:/usr/lib/rabbitmq/bin:/opt/rabbitmq/sbin:/opt/bitnami/rabbitmq/sbin\nexport PATH\n";
// From its standard input, rabbitmqctl 4.0 on Erlang 27 reads for ever. So the definitions, which hold hashes of
// passwords, are a file for a moment: in memory, where there is room (an Engine gives containers 64 MB), and not on a
// disk. What one that was killed has left goes first. $1: their length; $2: seconds.
constexpr const char* kImport = R"sh(
umask 077
place=/dev/shm
[ -d "$place" ] && [ -w "$place" ] && [ "$1" -lt 33554432 ] || place=${TMPDIR:-/tmp}
rm -f /dev/shm/davit-definitions-* "${TMPDIR:-/tmp}"/davit-definitions-*
file=$(mktemp "$place/davit-definitions-XXXXXX") || exit 81
trap 'rm -f "$file"' EXIT
trap 'exit 143' HUP INT TERM
cat > "$file" || exit 81
rabbitmqctl -q import_definitions "$file" --format json -t "$2" </dev/null
)sh";
// rabbitmqctl's exit codes are those of sysexits.h, by its own RabbitMQ.CLI.Core.ExitCodes: EX_UNAVAILABLE, there is no
// such node, or it doesn't answer; EX_USAGE, its application doesn't run; EX_TEMPFAIL, its limit of time has passed.
constexpr int kUnavailable = 69;
constexpr int kNotYet = 64;
constexpr int kTimedOut = 75;

Error failure(std::string_view what, const engine::CommandOutcome& outcome) {
  Error error = tool_error(what, "rabbitmqctl", outcome,
                           "use an image with RabbitMQ's tools, or set the label davit.rabbitmq=off on the service");
  const bool later =
      outcome.exit_code == kUnavailable || outcome.exit_code == kNotYet || outcome.exit_code == kTimedOut;
  return later ? std::move(error).as(Errc::unavailable) : std::move(error);
}

}  // namespace

bool looks_like_rabbitmq(const Service& service) {
  switch (service.settings.rabbitmq) {
    case Settings::Rabbitmq::off:
      return false;
    case Settings::Rabbitmq::definitions:
      return true;
    case Settings::Rabbitmq::automatic:
      break;
  }
  return std::ranges::any_of(service.containers, [](const engine::ContainerInfo& container) {
    return std::ranges::contains(kServerImages, image_name(container.image));
  });
}

Result<BrokerNode> parse_node(std::string_view answer) {
  std::string_view rest = trim(answer);
  const auto wrong = [&] {
    return fail(Errc::failed, "rabbitmqctl says of its node: " + escape_for_display(trim(answer)));
  };
  // An atom, quoted where its letters ask for it; then strings.
  const auto take = [&](char quote) -> std::optional<std::string> {
    if (!rest.starts_with(quote)) return std::nullopt;
    const auto end = rest.find(quote, 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string taken(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
    return taken;
  };
  if (!rest.starts_with('[') || !rest.ends_with(']')) return wrong();
  rest = rest.substr(1, rest.size() - 2);
  BrokerNode node;
  if (rest.starts_with('\'')) {
    auto quoted = take('\'');
    if (!quoted) return wrong();
    node.name = *std::move(quoted);
  } else {
    const auto end = rest.find(',');
    if (end == std::string_view::npos) return wrong();
    node.name = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  for (std::string* field : {&node.version, &node.data}) {
    if (!rest.starts_with(',')) return wrong();
    rest.remove_prefix(1);
    // Erlang may break the line of a long list.
    rest = trim(rest);
    auto text = take('"');
    if (!text) return wrong();
    *field = *std::move(text);
    rest = trim(rest);
  }
  if (!node.name.contains('@') || !rest.empty()) return wrong();
  return node;
}

engine::Command Broker::rabbitmqctl(std::vector<std::string> arguments) const {
  engine::Command command;
  command.argv = {"rabbitmqctl", "-q"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.setup = kSetup;
  command.user = user_;
  return command;
}

Result<Broker> Broker::look(engine::Engine& engine, const engine::ContainerId& container, RunContext& run) {
  TRY_ASSIGN(process, find_process(engine, container, "beam.smp", run));
  if (!process) return fail(Errc::unavailable, "no RabbitMQ runs in the container");
  Broker broker(engine, container, process->user);
  // The node answers before what it runs does.
  TRY_ASSIGN(vhosts,
             engine::run_command_for_text(engine, container, broker.rabbitmqctl({"list_vhosts", "-t", kGlance}), run));
  if (vhosts.outcome.exit_code != 0) return std::unexpected(failure("ask RabbitMQ for its vhosts", vhosts.outcome));
  // eval takes no notice of a limit of time, so it is put only to a node that has just answered.
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, broker.rabbitmqctl({"eval", kAsk}), run));
  if (answer.outcome.exit_code != 0) return std::unexpected(failure("ask RabbitMQ for its node", answer.outcome));
  TRY_ASSIGN(node, parse_node(answer.out));
  broker.node_ = std::move(node);
  return broker;
}

Result<Broker> Broker::find(engine::Engine& engine, const engine::ContainerId& container, std::chrono::seconds patience,
                            RunContext& run) {
  const auto deadline = run.clock.steady() + patience;
  while (true) {
    auto broker = look(engine, container, run);
    // What a node says while it starts is anything.
    const bool later = !broker && (broker.error().code() == Errc::unavailable || broker.error().code() == Errc::failed);
    if (!later || run.clock.steady() >= deadline) return broker;
    TRY(run.check());
    run.clock.sleep_for(500ms);
  }
}

Result<std::string> Broker::export_definitions(RunContext& run) const {
  TRY_ASSIGN(answer,
             engine::run_command_for_text(*engine_, container_,
                                          rabbitmqctl({"export_definitions", "-", "--format", "json", "-t", kWhole}),
                                          run, kDefinitionsLimit));
  if (answer.outcome.exit_code != 0) return std::unexpected(failure("export the definitions", answer.outcome));
  return std::move(answer.out);
}

Result<> Broker::import_definitions(const std::string& definitions, RunContext& run) const {
  engine::Command command;
  command.argv = {"sh", "-c", kImport, "davit", std::to_string(definitions.size()), kWhole};
  command.setup = kSetup;
  command.user = user_;
  stream::MemorySource in(std::as_bytes(std::span(definitions)));
  TRY_ASSIGN(answer, engine::feed_command(*engine_, container_, command, in, run));
  if (answer.outcome.exit_code != 0) return std::unexpected(failure("import the definitions", answer.outcome));
  return {};
}

bool is_older_series(std::string_view version, std::string_view than) {
  const auto series = [](std::string_view text) {
    std::array<int, 2> numbers{-1, -1};
    const auto parts = split(text, '.');
    for (std::size_t i = 0; i < numbers.size() && i < parts.size(); ++i)
      std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), numbers[i]);
    return numbers;
  };
  const auto one = series(version);
  const auto other = series(than);
  return one[1] >= 0 && other[1] >= 0 && one < other;
}

}  // namespace davit::sources
