#pragma once
// One call of the Engine API: path and query, JSON body, status into Error. HttpEngine is written with it.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "engine/address.hpp"
#include "engine/engine.hpp"
#include "net/http.hpp"

namespace davit::engine {

using Query = std::vector<std::pair<std::string, std::string>>;

// Text that came from outside as one segment of a path.
[[nodiscard]] std::string segment(std::string_view text);

class ApiClient {
 public:
  explicit ApiClient(EngineAddress address);

  [[nodiscard]] const EngineAddress& address() const { return address_; }
  // All later calls speak this version ("1.41"); before, the Engine's newest is spoken.
  void speak(std::string_view api_version) { prefix_ = "/v" + std::string(api_version); }

  struct Call {
    std::string what;  // "inspect container db": context of every error
    std::string method = "GET";
    std::string path;
    Query query = {};
    net::Body body = {};
    std::string content_type = "application/json";
    std::vector<int> fine = {};  // statuses beside 2xx that are no error
    bool creates = false;        // 409 says that the name is taken
    std::optional<std::chrono::seconds> timeout = {};
  };
  [[nodiscard]] Result<net::HttpResponse> send(const Call& call) const;
  [[nodiscard]] Result<net::HttpResponse> send(const Call& call, stream::ByteSink& body, std::stop_token stop) const;
  [[nodiscard]] Result<std::unique_ptr<AttachedStream>> hijack(const Call& call) const;

 private:
  [[nodiscard]] net::HttpRequest request(const Call& call) const;
  [[nodiscard]] Result<net::HttpResponse> checked(const Call& call, Result<net::HttpResponse> response) const;

  EngineAddress address_;
  net::HttpOptions options_;
  net::HttpClient client_;
  std::string prefix_;
};

}  // namespace davit::engine
