#include "sources/rabbitmq/broker.hpp"

#include <algorithm>
#include <array>
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
constexpr const char* kAsk =
    "[node(), rabbit_misc:version(), try rabbit:data_dir() catch _:_ -> rabbit_mnesia:dir() end].";
constexpr const char* kSetup =
    "PATH=$PATH:/usr/sbin:/usr/lib/rabbitmq/bin:/opt/rabbitmq/sbin:/opt/bitnami/rabbitmq/sbin\nexport PATH\n";
// From its standard input, rabbitmqctl 4.0 on Erlang 27 reads for ever.
constexpr const char* kImport = R"sh(
umask 077
file=$(mktemp) || exit 81
trap 'rm -f "$file"' EXIT
trap 'exit 143' HUP INT TERM
cat > "$file" || exit 81
rabbitmqctl -q import_definitions "$file" --format json </dev/null
)sh";
// Of rabbitmqctl (sysexits.h): there is no such node, or it doesn't answer; its application doesn't run.
constexpr int kUnavailable = 69;
constexpr int kNotYet = 64;

Error failure(std::string_view what, const engine::CommandOutcome& outcome) {
  Error error = tool_error(what, "rabbitmqctl", outcome,
                           "use an image with RabbitMQ's tools, or set the label davit.rabbitmq=off on the service");
  if (outcome.exit_code == kUnavailable || outcome.exit_code == kNotYet) return std::move(error).as(Errc::unavailable);
  return error;
}

bool is_true(const engine::ContainerInfo& container, std::string_view variable) {
  return container.env_value(variable).value_or("") == "true";
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
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, broker.rabbitmqctl({"eval", kAsk}), run));
  if (answer.outcome.exit_code != 0) return std::unexpected(failure("ask RabbitMQ for its node", answer.outcome));
  TRY_ASSIGN(node, parse_node(answer.out));
  broker.node_ = std::move(node);
  // The node answers before what it runs does.
  TRY_ASSIGN(vhosts, engine::run_command_for_text(engine, container, broker.rabbitmqctl({"list_vhosts"}), run));
  if (vhosts.outcome.exit_code != 0) return std::unexpected(failure("ask RabbitMQ for its vhosts", vhosts.outcome));
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
  TRY_ASSIGN(answer, engine::run_command_for_text(*engine_, container_,
                                                  rabbitmqctl({"export_definitions", "-", "--format", "json"}), run,
                                                  kDefinitionsLimit));
  if (answer.outcome.exit_code != 0) return std::unexpected(failure("export the definitions", answer.outcome));
  return std::move(answer.out);
}

Result<> Broker::import_definitions(const std::string& definitions, RunContext& run) const {
  engine::Command command;
  command.argv = {"sh", "-c", kImport};
  command.setup = kSetup;
  command.user = user_;
  stream::MemorySource in(std::as_bytes(std::span(definitions)));
  TRY_ASSIGN(answer, engine::feed_command(*engine_, container_, command, in, run));
  if (answer.outcome.exit_code != 0) return std::unexpected(failure("import the definitions", answer.outcome));
  return {};
}

bool has_chance_hostname(const engine::ContainerInfo& container) {
  return container.hostname.size() == 12 && container.id.value.starts_with(container.hostname);
}

std::string node_name_of(const engine::ContainerInfo& container, bool exists) {
  std::string named = container.env_value("RABBITMQ_NODENAME").value_or("");
  if (named.contains('@')) return named;
  if (container.hostname.empty() || (has_chance_hostname(container) && !exists)) return {};
  // Without long names a node goes by the first part of its host's.
  const std::string host = is_true(container, "RABBITMQ_USE_LONGNAME")
                               ? container.hostname
                               : container.hostname.substr(0, container.hostname.find('.'));
  return (named.empty() ? "rabbit" : named) + "@" + host;
}

}  // namespace davit::sources
