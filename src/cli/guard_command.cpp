#include <chrono>
#include <cstdio>
#include <optional>

#include "app/rescue.hpp"
#include "app/sweep.hpp"
#include "cli/commands.hpp"
#include "engine/http_engine.hpp"
#include "helper/guard/guard_spec.hpp"
#include "helper/guard/keep.hpp"
#include "helper/inside/own_streams.hpp"
#include "util/log.hpp"
#include "util/signal_stop.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::cli {
namespace {

struct Arguments {
  std::string run;    // whose guard this is
  std::string stack;  // for people who list processes
};

Result<Arguments> parse_arguments(const std::vector<std::string>& arguments) {
  Arguments parsed;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    std::string* value = arguments[i] == "--run" ? &parsed.run : arguments[i] == "--stack" ? &parsed.stack : nullptr;
    if (value == nullptr || i + 1 == arguments.size())
      return fail(Errc::usage, "guard: unknown or unfinished argument: " + escape_for_display(arguments[i]),
                  "this command is for davit itself, which starts it in a container");
    *value = arguments[i + 1];
  }
  if (parsed.run.empty())
    return fail(Errc::usage, "guard: no run was named",
                "this command is for davit itself, which starts it in a container");
  return parsed;
}

// The log of the container is all that anybody sees of a guard.
void say(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

// A guard's own run: it may have to make helpers.
class Rescuer {
 public:
  Rescuer(std::string self, std::stop_token stop)
      : self_(std::move(self)),
        progress_(make_progress(ProgressStyle::none, clock_)),
        run_{random_hex(6), clock_, *progress_, std::move(stop), "container/" + self_} {}

  // Connects anew each time: the Engine may have gone, and another one come.
  Result<> reach() {
    host_.reset();
    engine_.reset();
    engine::EngineAddress address;
    address.unix_socket = helper::kEngineSocket;
    address.base_url = "http://localhost";
    TRY_ASSIGN(engine, engine::HttpEngine::connect(std::move(address)));
    TRY_ASSIGN(own, in_context(engine->inspect_container({self_}), "look for the guard's own container"));
    helper::Host::Options options;
    options.image = own.image;
    options.self_container = self_;
    engine_ = std::move(engine);
    host_ = std::make_unique<helper::Host>(*engine_, options);
    return {};
  }
  helper::RescueReport rescue(const helper::JournalEntries& entries) {
    const auto now = clock_.steady();
    if (!began_) began_ = now;
    return app::rescue(*host_, entries, std::chrono::duration_cast<std::chrono::milliseconds>(now - *began_), run_);
  }
  Result<> clear(const std::string& run) {
    TRY(reach());
    return app::clear_run(*engine_, run);
  }
  Result<> remove_self() {
    TRY(reach());
    return engine_->remove_container({self_}, true);
  }

 private:
  std::string self_;
  Clock clock_;
  std::unique_ptr<Progress> progress_;
  RunContext run_;
  std::optional<std::chrono::steady_clock::time_point> began_;  // the first rescue
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<helper::Host> host_;
};

}  // namespace

Result<> guard(const std::vector<std::string>& arguments) {
  TRY_ASSIGN(parsed, parse_arguments(arguments));
  TRY_ASSIGN(signals, SignalStop::install());
  const std::string directory = helper::kToolPath;
  TRY_ASSIGN(self,
             in_context(read_whole_file(directory + "/" + helper::kSelfName, 256), "look which container this is"));
  Rescuer rescuer(self, signals->token());
  const helper::GuardDuty duty{
      .directory = directory,
      .link = [&signals] { return helper::link_over_own_streams(signals->token()); },
      .reach = [&rescuer] { return rescuer.reach(); },
      .rescue = [&rescuer](const helper::JournalEntries& entries) { return rescuer.rescue(entries); },
      .clear = [&rescuer, &parsed] { return rescuer.clear(parsed.run); },
      .remove_self = [&rescuer] { return rescuer.remove_self(); },
      .say = say,
  };
  return helper::keep_guard(duty, signals->token());
}

}  // namespace davit::cli
