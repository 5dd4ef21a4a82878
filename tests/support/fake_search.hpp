#pragma once
// A search server of one node as davit sees it through commands in its container: indices that hold one text each, and
// repositories of snapshots as files in a directory that the container has mounted. What it is asked beyond that, it
// answers as a server would that knows nothing of it.

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/fake_engine.hpp"

namespace davit::test {

class FakeSearch {
 public:
  static constexpr const char* kMount = "/mnt/opensearch";  // path.repo, and where `shared` is mounted

  explicit FakeSearch(std::filesystem::path shared);
  // For FakeEngine::on_command; nothing for a command that isn't for a search server.
  [[nodiscard]] std::optional<FakeOutcome> answer(const FakeCommand& command);

  struct Index {
    std::string text;
    std::uint64_t documents = 1;
    std::string uuid = {};
    std::set<std::string> blocks = {};         // X of index.blocks.X
    std::map<std::string, bool> aliases = {};  // name → whether it writes to this index
    bool open = true;
    bool red = false;
  };
  // As a new cluster, with another uuid. What lies in the directory stays.
  void reset();
  void lose_shards(const std::string& index) { indices_.at(index).red = true; }
  void fill(const std::string& index, const std::string& text, std::uint64_t documents = 1);
  void give_alias(const std::string& index, const std::string& alias, bool writes = false) {
    indices_.at(index).aliases[alias] = writes;
  }
  void block(const std::string& index, const std::string& name) { indices_.at(index).blocks.insert(name); }
  void close(const std::string& index) { indices_.at(index).open = false; }
  void remove(const std::string& index) { indices_.erase(index); }
  void unregister(const std::string& repository) { repositories_.erase(repository); }
  // Texts of what is open.
  [[nodiscard]] std::map<std::string, std::string> contents() const;
  [[nodiscard]] std::vector<std::string> blocked() const;
  [[nodiscard]] const std::set<std::string>& blocks(const std::string& index) const {
    return indices_.at(index).blocks;
  }
  // Names of what is registered, and of the snapshots of a repository in the directory.
  [[nodiscard]] std::vector<std::string> repositories() const;
  [[nodiscard]] std::vector<std::string> snapshots(const std::string& repository = "davit") const;

  // As another cluster that has the directory mounted would.
  void write_as_another(const std::string& snapshot);

  // What its answers are made of; tests change it.
  std::string version = "2.19.4";
  std::vector<std::string> repository_paths{kMount};
  std::string state = "SUCCESS";  // of the snapshots that it makes
  bool writable = true;
  bool has_curl = true;
  std::uint64_t lost_documents = 0;                                 // at a restore
  std::string broken_index = {};                                    // whose shard can't be restored
  std::vector<std::string> requests;                                // "PUT /_snapshot/davit", in order
  std::function<void(const std::string& request)> on_request = {};  // before it is answered
  bool hashed_paths = false;  // shards are kept elsewhere in a repository than below indices/

 private:
  struct Answer {
    int status = 200;
    nlohmann::json body = nlohmann::json::object();
  };
  [[nodiscard]] FakeOutcome curl(const std::string& config);
  [[nodiscard]] Answer serve(const std::string& method, const std::string& path, const nlohmann::json& body);
  [[nodiscard]] Answer serve_snapshots(const std::string& method, const std::vector<std::string>& parts,
                                       const nlohmann::json& body);
  [[nodiscard]] Answer serve_snapshot(const std::string& method, const std::string& repository,
                                      const std::vector<std::string>& parts, const nlohmann::json& body);
  [[nodiscard]] Answer serve_indices(const std::string& method, const std::vector<std::string>& parts,
                                     const nlohmann::json& body);
  [[nodiscard]] Answer make(const std::string& repository, const std::string& name, const nlohmann::json& body);
  // Why the server would not restore it under this name; empty: it would.
  [[nodiscard]] std::string refusal(const std::string& name, const std::map<std::string, bool>& aliases) const;
  [[nodiscard]] bool is_alias(const std::string& name) const;
  [[nodiscard]] Answer restore(const std::string& repository, const std::string& name, const nlohmann::json& body);
  [[nodiscard]] std::filesystem::path directory_of(const std::string& repository) const;
  [[nodiscard]] static nlohmann::json read_list(const std::filesystem::path& directory);
  void write_list(const std::filesystem::path& directory, const nlohmann::json& list);
  [[nodiscard]] std::string fresh_uuid();

  std::filesystem::path shared_;
  int uuids_ = 0;
  std::string cluster_uuid_;
  std::map<std::string, Index> indices_;
  std::map<std::string, nlohmann::json> repositories_;
  std::map<std::string, std::int64_t> generations_;  // as the cluster has left them
};

}  // namespace davit::test
