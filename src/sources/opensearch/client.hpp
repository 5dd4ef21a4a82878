#pragma once
// Requests to a search server: by curl in its container, or, where that has none, by davit itself if the label
// davit.search.url says where.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/engine.hpp"
#include "net/http.hpp"
#include "sources/opensearch/access.hpp"
#include "util/run_context.hpp"
#include "util/temporary_file.hpp"

namespace davit::sources {

// What a server says of itself.
struct SearchProduct {
  std::string distribution;  // "opensearch", "elasticsearch"
  std::string version;       // "2.19.4"
  std::string cluster;       // its name
  std::string cluster_uuid;
  [[nodiscard]] std::string text() const;  // "OpenSearch 2.19.4"
};

class SearchClient {
 public:
  // Finds out how the server is reached, and who it is. Errc::unavailable if it doesn't answer (yet), credentials if it
  // wants other ones or its certificate is not accepted, usage if its container has no curl and no label says where to
  // reach it.
  [[nodiscard]] static Result<SearchClient> connect(engine::Engine& engine, const engine::ContainerInfo& container,
                                                    RunContext& run);
  // The same, for a server that may just have been started.
  [[nodiscard]] static Result<SearchClient> connect_patiently(engine::Engine& engine,
                                                              const engine::ContainerInfo& container,
                                                              std::chrono::seconds patience, RunContext& run);

  // The answer, a JSON object. Errc::unavailable if none comes, or something else; a status beyond 2xx is an error as
  // status_failure() says.
  [[nodiscard]] Result<nlohmann::json> get(const std::string& path, RunContext& run) const;
  [[nodiscard]] Result<nlohmann::json> send(const std::string& method, const std::string& path,
                                            const nlohmann::json& body, RunContext& run) const;
  // The same of a table (`_cat`), which is an array of rows.
  [[nodiscard]] Result<nlohmann::json> rows(const std::string& path, RunContext& run) const;
  // DELETE; what isn't there is fine.
  [[nodiscard]] Result<> remove(const std::string& path, RunContext& run) const;

  [[nodiscard]] const SearchProduct& product() const { return product_; }
  [[nodiscard]] const engine::ContainerInfo& container() const { return *container_; }
  [[nodiscard]] engine::Engine& engine() const { return *engine_; }
  // Whether its container has what it takes. A guard, which has no network, can reach it only so.
  [[nodiscard]] bool through_container() const { return http_ == nullptr; }

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };
  SearchClient(engine::Engine& engine, const engine::ContainerInfo& container)
      : engine_(&engine), container_(std::make_shared<engine::ContainerInfo>(container)) {}
  [[nodiscard]] Result<nlohmann::json> ask(const SearchRequest& request, RunContext& run) const;
  [[nodiscard]] Result<nlohmann::json> ask_object(const SearchRequest& request, RunContext& run) const;
  [[nodiscard]] Result<> settle_access(RunContext& run);
  [[nodiscard]] Result<Answer> transfer(const SearchRequest& request, RunContext& run) const;
  [[nodiscard]] Result<Answer> transfer_by_curl(const SearchRequest& request, RunContext& run) const;
  [[nodiscard]] Result<Answer> transfer_by_http(const SearchRequest& request, RunContext& run) const;
  [[nodiscard]] Result<> introduce(const std::string& body);
  [[nodiscard]] Result<> find_way(RunContext& run);
  [[nodiscard]] Result<> go_by_http(RunContext& run);

  engine::Engine* engine_;
  std::shared_ptr<const engine::ContainerInfo> container_;
  SearchAccess access_;
  std::string password_;
  CurlFile file_;                                 // of the way that works
  std::shared_ptr<net::HttpClient> http_;         // null: by curl
  std::shared_ptr<const TemporaryFile> ca_file_;  // for it
  SearchProduct product_;
};

}  // namespace davit::sources
