#include "support/scripted_engine.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>

namespace davit::test {

ScriptedEngine::ScriptedEngine(std::string max_api, std::string min_api)
    : max_api_(std::move(max_api)),
      min_api_(std::move(min_api)),
      server_([this](const SeenRequest& request, std::size_t index) { return answer(request, index); }) {}

void ScriptedEngine::on(const std::string& call, std::vector<Answer> answers) {
  const std::scoped_lock lock(mutex_);
  answers_[call] = std::move(answers);
}

void ScriptedEngine::fail_request(std::size_t index, Answer answer) {
  const std::scoped_lock lock(mutex_);
  failures_[index] = std::move(answer);
}

engine::EngineAddress ScriptedEngine::address() const {
  return {.unix_socket = server_.socket_path(), .base_url = "http://localhost", .tls = {}, .api_version = {}};
}

std::unique_ptr<engine::HttpEngine> ScriptedEngine::connect() const {
  auto engine = engine::HttpEngine::connect(address());
  if (!engine) FAIL(engine.error().message());
  return *std::move(engine);
}

std::vector<std::string> ScriptedEngine::calls() const {
  std::vector<std::string> calls;
  for (const SeenRequest& request : server_.seen()) calls.push_back(request.method + " " + request.target);
  return calls;
}

Answer ScriptedEngine::answer(const SeenRequest& request, std::size_t index) {
  const std::scoped_lock lock(mutex_);
  if (const auto failure = failures_.find(index); failure != failures_.end()) return failure->second;
  std::string path = request.target.substr(0, request.target.find('?'));
  if (path.starts_with("/v1.")) path.erase(0, path.find('/', 1));
  if (path == "/version")
    return {.body = std::format(
                R"({{"Version":"20.10.24","ApiVersion":"{}","MinAPIVersion":"{}","Os":"linux","Arch":"amd64"}})",
                max_api_, min_api_)};
  const auto known = answers_.find(request.method + " " + path);
  if (known == answers_.end() || known->second.empty())
    return {.status = 404, .body = R"({"message":"page not found"})"};
  Answer answer = known->second.front();
  if (known->second.size() > 1) known->second.erase(known->second.begin());
  return answer;
}

}  // namespace davit::test
