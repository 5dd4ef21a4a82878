#include "supervise/state.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::supervise {
namespace {

using nlohmann::json;
using enum Request::Kind;

constexpr int kVersion = 1;

template <class T>
struct Word {
  T value;
  std::string_view name;
};
constexpr std::array kStates{Word{State::starting, "starting"}, Word{State::running, "running"},
                             Word{State::stopping, "stopping"}, Word{State::maintenance, "maintenance"}};
constexpr std::array kModes{Word{StopMode::smart, "smart"}, Word{StopMode::fast, "fast"},
                            Word{StopMode::immediate, "immediate"}};
constexpr std::array kPolicies{Word{OnExit::exit, "exit"}, Word{OnExit::stay, "stay"}};
constexpr std::array kRequests{Word{status, "status"}, Word{start, "start"}, Word{stop, "stop"},
                               Word{restart, "restart"}};
constexpr std::array kErrors{Errc::failed,      Errc::usage,   Errc::not_found,   Errc::exists, Errc::locked,
                             Errc::credentials, Errc::corrupt, Errc::unavailable, Errc::bug,    Errc::cancelled};

template <class Words, class T>
std::string_view name_in(const Words& words, T value) {
  return std::ranges::find(words, value, [](const auto& word) { return word.value; })->name;
}

template <class Words>
auto value_in(const Words& words, std::string_view name) -> std::optional<decltype(words.front().value)> {
  const auto found = std::ranges::find(words, name, [](const auto& word) { return word.name; });
  if (found == words.end()) return std::nullopt;
  return found->value;
}

std::unexpected<Error> unreadable(std::string_view what, std::string_view text) {
  return fail(Errc::corrupt, std::string(what) + " can't be read: " + escape_for_display(text.substr(0, 200)));
}

// Only a known object goes on to be looked into.
std::optional<json> object_of(std::string_view text) {
  json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<int> number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int>();
}

Errc error_named(std::string_view name) {
  const auto found = std::ranges::find(kErrors, name, [](Errc code) { return davit::name_of(code); });
  return found == kErrors.end() ? Errc::failed : *found;
}

std::optional<Ending> ending_of(const json& object) {
  const auto found = object.find("last_exit");
  if (found == object.end() || !found->is_object()) return std::nullopt;
  const auto at = parse_rfc3339(text_of(*found, "at"));
  const auto code = number_of(*found, "code");
  if (!at || !code) return std::nullopt;
  return Ending{.code = *code, .at = *at};
}

}  // namespace

std::string_view name_of(State state) { return name_in(kStates, state); }
std::string_view name_of(StopMode mode) { return name_in(kModes, mode); }
std::string_view name_of(OnExit policy) { return name_in(kPolicies, policy); }

Result<StopMode> parse_stop_mode(std::string_view word) {
  if (const auto mode = value_in(kModes, word)) return *mode;
  return fail(Errc::usage, "mode \"" + escape_for_display(word) + "\" is unknown", "write smart, fast or immediate");
}

Result<OnExit> parse_on_exit(std::string_view word) {
  if (const auto policy = value_in(kPolicies, word)) return *policy;
  return fail(Errc::usage, "\"" + escape_for_display(word) + "\" is nothing to do when the server ends",
              "write stay or exit");
}

std::string render_request(const Request& request) {
  return json{{"version", kVersion}, {"request", name_in(kRequests, request.kind)}, {"mode", name_of(request.mode)}}
      .dump();
}

Result<Request> parse_request(std::string_view text) {
  const auto object = object_of(text);
  if (!object) return unreadable("the request", text);
  const auto kind = value_in(kRequests, text_of(*object, "request"));
  if (!kind) return unreadable("the request", text);
  Request request{.kind = *kind};
  if (object->contains("mode")) {
    const auto mode = value_in(kModes, text_of(*object, "mode"));
    if (!mode) return unreadable("the request", text);
    request.mode = *mode;
  }
  return request;
}

std::string render_answer(const Result<Status>& answer) {
  json object{{"version", kVersion}};
  if (!answer) {
    object["error"] = {{"code", davit::name_of(answer.error().code())},
                       {"message", escape_for_display(answer.error().message())},
                       {"hint", escape_for_display(answer.error().hint())}};
    return object.dump();
  }
  object["state"] = name_of(answer->state);
  object["since"] = render_rfc3339(answer->since);
  object["pid"] = answer->pid ? json(*answer->pid) : json();
  object["accepting"] = answer->accepting ? json(*answer->accepting) : json();
  object["last_exit"] = json();
  if (answer->last_exit)
    object["last_exit"] = {{"code", answer->last_exit->code}, {"at", render_rfc3339(answer->last_exit->at)}};
  object["starts"] = answer->starts;
  object["problem"] = answer->problem ? json(escape_for_display(*answer->problem)) : json();
  object["restore_left"] = answer->restore_left;
  object["on_exit"] = name_of(answer->on_exit);
  return object.dump();
}

Result<Status> parse_answer(std::string_view text) {
  const auto object = object_of(text);
  if (!object) return unreadable("the wrapper's answer", text);
  if (const auto error = object->find("error"); error != object->end() && error->is_object())
    return fail(error_named(text_of(*error, "code")), text_of(*error, "message"), text_of(*error, "hint"));
  const auto state = value_in(kStates, text_of(*object, "state"));
  const auto since = parse_rfc3339(text_of(*object, "since"));
  if (!state || !since) return unreadable("the wrapper's answer", text);
  Status status{.state = *state, .since = *since};
  status.pid = number_of(*object, "pid");
  if (const auto found = object->find("accepting"); found != object->end() && found->is_boolean())
    status.accepting = found->get<bool>();
  status.last_exit = ending_of(*object);
  status.starts = number_of(*object, "starts").value_or(0);
  if (const std::string problem = text_of(*object, "problem"); !problem.empty()) status.problem = problem;
  if (const auto left = object->find("restore_left"); left != object->end() && left->is_boolean())
    status.restore_left = left->get<bool>();
  status.on_exit = value_in(kPolicies, text_of(*object, "on_exit")).value_or(OnExit::exit);
  return status;
}

}  // namespace davit::supervise
