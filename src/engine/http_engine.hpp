#pragma once
// The Engine over HTTP: each call of engine.hpp as one request of the Engine API. Thread-safe; nothing is sent twice.

#include "engine/address.hpp"
#include "engine/api_client.hpp"
#include "engine/engine.hpp"

namespace davit::engine {

class HttpEngine : public Engine {
 public:
  // Connects once and agrees on the version of the API.
  [[nodiscard]] static Result<std::unique_ptr<HttpEngine>> connect(EngineAddress address);

  [[nodiscard]] Result<EngineVersion> version() override;
  [[nodiscard]] bool is_local() const override;
  [[nodiscard]] std::string address() const override;

  [[nodiscard]] Result<std::vector<ContainerSummary>> list_containers(const ListFilter& filter) override;
  [[nodiscard]] Result<ContainerInfo> inspect_container(const ContainerId& id) override;
  [[nodiscard]] Result<ContainerId> create_container(const std::string& name, const nlohmann::json& body) override;
  [[nodiscard]] Result<> start_container(const ContainerId& id) override;
  [[nodiscard]] Result<> stop_container(const ContainerId& id, std::optional<std::chrono::seconds> grace) override;
  [[nodiscard]] Result<> pause_container(const ContainerId& id) override;
  [[nodiscard]] Result<> unpause_container(const ContainerId& id) override;
  [[nodiscard]] Result<> kill_container(const ContainerId& id, const std::string& signal) override;
  [[nodiscard]] Result<> remove_container(const ContainerId& id, bool volumes) override;
  [[nodiscard]] Result<std::vector<std::string>> changed_paths(const ContainerId& id) override;
  [[nodiscard]] Result<PathStat> stat_path(const ContainerId& id, const std::string& path) override;
  [[nodiscard]] Result<std::string> get_archive(const ContainerId& id, const std::string& path,
                                                std::size_t limit) override;
  [[nodiscard]] Result<> put_archive(const ContainerId& id, const std::string& path, std::string_view tar) override;
  [[nodiscard]] Result<std::unique_ptr<AttachedStream>> attach(const ContainerId& id, bool attach_stdin) override;
  [[nodiscard]] Result<std::string> container_logs(const ContainerId& id, int tail_lines) override;

  [[nodiscard]] Result<std::string> create_exec(const ContainerId& id, const ExecSpec& spec) override;
  [[nodiscard]] Result<std::unique_ptr<AttachedStream>> start_exec(const std::string& exec_id) override;
  [[nodiscard]] Result<ExecState> inspect_exec(const std::string& exec_id) override;

  [[nodiscard]] Result<std::vector<VolumeInfo>> list_volumes(const std::vector<std::string>& labels) override;
  [[nodiscard]] Result<VolumeInfo> inspect_volume(const std::string& name) override;
  [[nodiscard]] Result<> create_volume(const std::string& name, const std::string& driver, const Labels& options,
                                       const Labels& labels) override;
  [[nodiscard]] Result<> remove_volume(const std::string& name) override;

  [[nodiscard]] Result<std::vector<NetworkInfo>> list_networks(const std::vector<std::string>& labels) override;
  [[nodiscard]] Result<NetworkInfo> inspect_network(const std::string& name) override;
  [[nodiscard]] Result<std::string> create_network(const nlohmann::json& body) override;
  [[nodiscard]] Result<> remove_network(const std::string& network) override;
  [[nodiscard]] Result<> connect_network(const std::string& network, const ContainerId& container,
                                         const nlohmann::json& endpoint) override;

  [[nodiscard]] Result<ImageInfo> inspect_image(const std::string& reference) override;
  [[nodiscard]] Result<> pull_image(const std::string& reference, const PullProgress& progress,
                                    std::stop_token stop = {}) override;
  [[nodiscard]] Result<std::string> import_image(stream::ByteSource& tar, const std::string& reference,
                                                 const std::vector<std::string>& changes) override;
  [[nodiscard]] Result<> remove_image(const std::string& reference) override;
  [[nodiscard]] Result<> tag_image(const std::string& image, const std::string& reference) override;

 private:
  explicit HttpEngine(ApiClient api) : api_(std::move(api)) {}
  [[nodiscard]] Result<> post(const ContainerId& id, std::string_view verb, Query query = {},
                              std::vector<int> fine = {});

  ApiClient api_;
  EngineVersion version_;
};

// "registry:5000/name:tag" or "name@sha256:…" as the Engine's calls want it. A name without either has the tag
// "latest": a pull without a tag would fetch all of them.
struct ImageReference {
  std::string name;
  std::string tag;  // or the digest
};
[[nodiscard]] ImageReference split_reference(std::string_view reference);

}  // namespace davit::engine
