#include "engine/http_engine.hpp"

#include <nlohmann/json.hpp>

#include "engine/answers.hpp"
#include "engine/api_version.hpp"

namespace davit::engine {
namespace {

// Asking for the version is the one call that every Engine answers at once.
constexpr std::chrono::seconds kVersionTimeout{30};

}  // namespace

Result<std::unique_ptr<HttpEngine>> HttpEngine::connect(EngineAddress address) {
  ApiClient api(std::move(address));
  // GET /version without a version in its path: the only answer that tells both ends of the range, whatever we speak.
  TRY_ASSIGN(response,
             api.send({.what = "ask the Engine for its version", .path = "/version", .timeout = kVersionTimeout}));
  TRY_ASSIGN(theirs, in_context(parse_version(response.body), "ask the Engine for its version"));
  TRY_ASSIGN(their_max, in_context(parse_api_version(theirs.max_api_version), "ask the Engine for its version"));
  ApiVersion their_min{};  // an Engine that names none refuses none
  if (!theirs.min_api_version.empty()) {
    TRY_ASSIGN(parsed, in_context(parse_api_version(theirs.min_api_version), "ask the Engine for its version"));
    their_min = parsed;
  }

  std::string spoken;
  if (api.address().api_version) {
    spoken = *api.address().api_version;
  } else {
    TRY_ASSIGN(agreed, in_context(negotiate(their_min, their_max), "connect " + api.address().display()));
    spoken = render(agreed);
  }
  api.speak(spoken);
  std::unique_ptr<HttpEngine> engine(new HttpEngine(std::move(api)));
  engine->version_ = {.version = theirs.version,
                      .api_version = spoken,
                      .max_api_version = theirs.max_api_version,
                      .min_api_version = theirs.min_api_version,
                      .os = theirs.os,
                      .arch = theirs.arch};
  return engine;
}

Result<EngineVersion> HttpEngine::version() { return version_; }

bool HttpEngine::is_local() const { return !api_.address().unix_socket.empty(); }

std::string HttpEngine::address() const { return api_.address().display(); }

Result<std::string> HttpEngine::create_exec(const ContainerId& id, const ExecSpec& spec) {
  const std::string what = "run a command in container " + short_id(id.value);
  nlohmann::json body{
      {"AttachStdin", spec.attach_stdin}, {"AttachStdout", true}, {"AttachStderr", true}, {"Tty", false}};
  body["Cmd"] = spec.command;
  if (!spec.env.empty()) body["Env"] = spec.env;
  if (!spec.user.empty()) body["User"] = spec.user;
  if (!spec.working_dir.empty()) body["WorkingDir"] = spec.working_dir;
  TRY_ASSIGN(text, in_context(render_json(body), what));
  TRY_ASSIGN(
      response,
      api_.send({.what = what, .method = "POST", .path = "/containers/" + segment(id.value) + "/exec", .body = text}));
  return in_context(parse_created_id(response.body), what);
}

Result<std::unique_ptr<AttachedStream>> HttpEngine::start_exec(const std::string& exec_id) {
  return api_.hijack({.what = "start a command",
                      .method = "POST",
                      .path = "/exec/" + segment(exec_id) + "/start",
                      .body = std::string(R"({"Detach":false,"Tty":false})")});
}

Result<ExecState> HttpEngine::inspect_exec(const std::string& exec_id) {
  const std::string what = "ask for the exit code of a command";
  TRY_ASSIGN(response, api_.send({.what = what, .path = "/exec/" + segment(exec_id) + "/json"}));
  return in_context(parse_exec(response.body), what);
}

}  // namespace davit::engine
