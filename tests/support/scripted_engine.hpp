#pragma once
// A ScriptedServer that answers as a Docker Engine: /version by itself, and what a test says for everything else.

#include <map>

#include "engine/http_engine.hpp"
#include "support/scripted_server.hpp"

namespace davit::test {

class ScriptedEngine {
 public:
  explicit ScriptedEngine(std::string max_api = "1.41", std::string min_api = "1.12");

  // Answers the next calls of "GET /containers/x/json" (without version and query) one after the other, the last one
  // again and again. Any other call is answered 404, as the Engine does.
  void on(const std::string& call, std::vector<Answer> answers);
  // The request of that index, from 0 and /version included, is answered with this instead.
  void fail_request(std::size_t index, Answer answer);
  // An HttpEngine that is connected to it; the test fails if that does not work.
  [[nodiscard]] std::unique_ptr<engine::HttpEngine> connect() const;
  [[nodiscard]] engine::EngineAddress address() const;
  // "GET /v1.41/containers/json?all=1", in order.
  [[nodiscard]] std::vector<std::string> calls() const;
  [[nodiscard]] ScriptedServer& server() { return server_; }

 private:
  Answer answer(const SeenRequest& request, std::size_t index);

  std::string max_api_;
  std::string min_api_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Answer>> answers_;
  std::map<std::size_t, Answer> failures_;
  ScriptedServer server_;  // last: its threads use the rest
};

}  // namespace davit::test
