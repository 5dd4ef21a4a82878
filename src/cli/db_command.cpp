#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/pg/server_flags.hpp"
#include "sources/postgres/wrapper.hpp"
#include "stream/memory_stream.hpp"
#include "stream/process.hpp"
#include "supervise/client.hpp"
#include "supervise/control_socket.hpp"
#include "util/text.hpp"

namespace davit::cli {
namespace {

using supervise::Request;
using supervise::Status;

struct Flags {
  std::string service;
  std::string container;
  std::string mode = "fast";
  std::string timeout = "120s";
};

struct Order {
  Request request;
  std::chrono::seconds timeout;
};

Result<Order> parse_order(Request::Kind kind, const Flags& flags) {
  TRY_ASSIGN(mode, in_context(supervise::parse_stop_mode(flags.mode), "--mode"));
  TRY_ASSIGN(seconds, in_context(parse_duration_seconds(flags.timeout), "--timeout"));
  constexpr std::uint64_t kLongest = std::uint64_t{365} * 24 * 60 * 60;  // what is longer would overflow
  return Order{.request = {.kind = kind, .mode = mode}, .timeout = std::chrono::seconds(std::min(seconds, kLongest))};
}

// Whether the server of this container accepts connections, asked by its own program.
std::optional<bool> ask_pg_isready(const Globals& globals) {
  const auto path = stream::find_program("pg_isready", globals.environment.get("PATH").value_or(""));
  if (!path) return std::nullopt;
  stream::Program program{.path = *path, .argv = {"pg_isready", "-q", "-t", "2"}, .env = {}};
  for (const auto& [name, value] : globals.environment.all()) program.env.push_back(name + "=" + value);
  stream::MemorySink out;
  const auto outcome = stream::run_program(program, nullptr, out, globals.stop);
  constexpr int kNotTried = 3;
  if (!outcome || outcome->exit_code == kNotTried) return std::nullopt;
  return outcome->exit_code == 0;
}

Result<Status> order_here(const Globals& globals, const std::string& socket, const Order& order) {
  const supervise::Ask ask = [&socket](const Request& request) { return supervise::ask(socket, request); };
  const Clock clock;
  const supervise::Patience patience{
      .timeout = order.timeout, .stop = globals.stop, .clock = clock, .accepting = [&globals] {
        return ask_pg_isready(globals);
      }};
  switch (order.request.kind) {
    case Request::Kind::start:
      return supervise::start_server(ask, patience);
    case Request::Kind::stop:
      return supervise::stop_server(ask, order.request.mode, patience);
    case Request::Kind::restart:
      return supervise::restart_server(ask, order.request.mode, patience);
    case Request::Kind::status:
      break;
  }
  return ask(order.request);
}

Result<Status> order_in_container(Workbench& bench, const Flags& flags, const Order& order) {
  TRY_ASSIGN(engine, bench.engine());
  engine::ContainerId id{flags.container};
  if (id.value.empty()) {
    TRY_ASSIGN(found, find_server_container(bench, *engine, flags.service));
    id = std::move(found);
  }
  TRY_ASSIGN(container, engine->inspect_container(id));
  if (!container.state.running || container.state.paused)
    return fail(Errc::unavailable, "container " + escape_for_display(container.name) + " is " + container.state.status,
                "start it first");
  TRY_ASSIGN(wrapper, sources::Wrapper::find(*engine, container, bench.run()));
  switch (order.request.kind) {
    case Request::Kind::start:
      return wrapper.start(order.timeout, bench.run());
    case Request::Kind::stop:
      return wrapper.stop(order.request.mode, order.timeout, bench.run());
    case Request::Kind::restart:
      return wrapper.restart(order.request.mode, order.timeout, bench.run());
    case Request::Kind::status:
      break;
  }
  return wrapper.status(bench.run());
}

// Without a word about a container it is that in which davit runs, if there is a wrapper in it.
Result<Status> carry_out(const Globals& globals, const Flags& flags, const Order& order) {
  Workbench bench(globals);
  if (flags.service.empty() && flags.container.empty() && globals.stack.empty()) {
    TRY_ASSIGN(socket, supervise::control_name());
    auto here = order_here(globals, socket, order);
    // Without an Engine to be asked, either, it was this container that was meant.
    if (here || here.error().code() != Errc::not_found || !bench.engine()) return here;
  }
  return order_in_container(bench, flags, order);
}

std::string render(const Status& status) {
  std::string text = std::string(name_of(status.state)) + " since " + render_rfc3339(status.since);
  if (status.pid) text += ", pid " + std::to_string(*status.pid);
  text += "\n";
  if (status.last_exit)
    text += "last exit: code " + std::to_string(status.last_exit->code) + " at " +
            render_rfc3339(status.last_exit->at) + "\n";
  if (status.problem) text += "problem: " + *status.problem + "\n";
  if (status.restore_left)
    text +=
        "a restore is under way, or was broken off: `davit pgbackrest restore --settle` puts right what one has left\n";
  return text;
}

Result<int> db(const Globals& globals, Request::Kind kind, const Flags& flags) {
  TRY_ASSIGN(order, parse_order(kind, flags));
  TRY_ASSIGN(status, carry_out(globals, flags, order));
  if (globals.json)
    TRY(print_outcome(nlohmann::json::parse(supervise::render_answer(status)).dump(2) + "\n",
                      "the order was carried out"));
  else if (!globals.quiet || kind == Request::Kind::status)
    TRY(print_outcome(render(status), "the order was carried out"));
  return kExitDone;
}

}  // namespace

void add_db(CLI::App& app, const Globals& globals, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("db", "Start and stop the server of a database container that `davit entrypoint` runs");
  command->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  command->add_option("--service", flags->service, "The server in this service of the stack (--stack)")
      ->type_name("NAME");
  command->add_option("--container", flags->container, "The server in this container")->type_name("NAME");
  command->footer(
      "Without --stack, --service and --container: the server of the container in which davit runs; outside of one,\n"
      "that of the only stack that runs.");
  const auto add = [&](Request::Kind kind, const char* name, const char* meaning) {
    CLI::App* verb = command->add_subcommand(name, meaning);
    if (kind == Request::Kind::stop || kind == Request::Kind::restart)
      verb->add_option("--mode", flags->mode,
                       "smart: when all clients have left; fast; immediate: without a checkpoint")
          ->capture_default_str()
          ->type_name("MODE");
    if (kind != Request::Kind::status)
      verb->add_option("--timeout", flags->timeout, "How long to wait for it")
          ->capture_default_str()
          ->type_name("TIME");
    verb->callback(
        [&globals, &chosen, kind, flags] { chosen = [&globals, kind, flags] { return db(globals, kind, *flags); }; });
  };
  add(Request::Kind::start, "start", "Start the server, and wait until it accepts connections");
  add(Request::Kind::stop, "stop", "Stop the server; the container stays, in maintenance");
  add(Request::Kind::restart, "restart", "Stop the server and start it again");
  add(Request::Kind::status, "status", "Say whether the server runs, since when, and how it ended before");
}

}  // namespace davit::cli
