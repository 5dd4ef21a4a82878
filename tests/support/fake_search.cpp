#include "support/fake_search.hpp"

#include <algorithm>
#include <format>
#include <fstream>
#include <regex>

#include "support/tree.hpp"
#include "util/text.hpp"

namespace davit::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What stands between the quotes of a line of curl's settings.
std::string setting(const std::string& config, const std::string& name) {
  const std::string begin = "\n" + name + " = \"";
  const std::size_t at = config.find(begin);
  std::string value;
  if (at == std::string::npos) return value;
  for (std::size_t i = at + begin.size(); i < config.size() && config[i] != '"'; ++i) {
    if (config[i] == '\\') ++i;
    value += config[i];
  }
  return value;
}

std::int64_t newest(const fs::path& directory) {
  std::int64_t found = -1;
  if (!fs::exists(directory)) return found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("index-")) found = std::max<std::int64_t>(found, std::stoll(name.substr(6)));
  }
  return found;
}

json error(const std::string& reason, const std::string& type = "x") {
  return {{"error", {{"type", type}, {"reason", reason}}}};
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts = split(path.substr(0, path.find('?')), '/');
  parts.erase(parts.begin());
  return parts;
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file(path, text);
}

}  // namespace

FakeSearch::FakeSearch(fs::path shared) : shared_(std::move(shared)) { reset(); }

void FakeSearch::reset() {
  cluster_uuid_ = "cluster-" + fresh_uuid();
  indices_.clear();
  repositories_.clear();
  generations_.clear();
}

std::string FakeSearch::fresh_uuid() { return "uuid" + std::to_string(++uuids_); }

void FakeSearch::fill(const std::string& index, const std::string& text, std::uint64_t documents) {
  Index& filled = indices_[index];
  if (filled.uuid.empty()) filled.uuid = fresh_uuid();
  filled.text = text;
  filled.documents = documents;
}

std::map<std::string, std::string> FakeSearch::contents() const {
  std::map<std::string, std::string> texts;
  for (const auto& [name, index] : indices_)
    if (index.open) texts[name] = index.text;
  return texts;
}

std::vector<std::string> FakeSearch::blocked() const {
  std::vector<std::string> names;
  for (const auto& [name, index] : indices_)
    if (!index.blocks.empty()) names.push_back(name);
  return names;
}

std::vector<std::string> FakeSearch::repositories() const {
  std::vector<std::string> names;
  for (const auto& [name, settings] : repositories_) names.push_back(name);
  return names;
}

std::vector<std::string> FakeSearch::snapshots(const std::string& repository) const {
  std::vector<std::string> names;
  const json list = read_list(shared_ / repository);
  for (const json& each : list["snapshots"]) names.push_back(each["name"]);
  return names;
}

void FakeSearch::write_as_another(const std::string& snapshot) {
  json list = read_list(shared_ / "davit");
  list["snapshots"].push_back(
      {{"name", snapshot}, {"uuid", fresh_uuid()}, {"info", {{"snapshot", snapshot}, {"state", "SUCCESS"}}}});
  write_list(shared_ / "davit", list);
}

std::optional<FakeOutcome> FakeSearch::answer(const FakeCommand& command) {
  const std::vector<std::string>& argv = command.argv;
  const std::string script = argv[0] == "sh" && argv.size() > 2 ? argv[2] : "";
  const auto on_host = [&](const std::string& path) { return shared_ / fs::path(path).lexically_relative(kMount); };
  if (script.contains("did not arrive whole")) {
    if (!has_curl) return FakeOutcome{.exit_code = 127, .err = "curl: not found\n"};
    if (!trim(command.input).ends_with(argv.at(4))) return FakeOutcome{.exit_code = 90, .err = "not whole\n"};
    return curl(command.input);
  }
  if (script.contains("[ -r \"$f\" ]")) return FakeOutcome{};
  if (script.contains("effective")) return FakeOutcome{.out = "1000:1000"};
  if (script.contains("[ -w \"$1\" ]")) return FakeOutcome{.exit_code = writable ? 0 : 1};
  if (argv[0] == "chown") return FakeOutcome{.exit_code = 1, .err = "operation not permitted\n"};
  if (script.contains("for f in index-*")) {
    const std::int64_t generation = newest(on_host(argv.at(4)));
    return FakeOutcome{.out =
                           generation < 0 ? "index-*\n" : "index-" + std::to_string(generation) + "\nindex.latest\n"};
  }
  if (script.contains("$1/indices")) {
    std::string out;
    if (!fs::exists(on_host(argv.at(4)) / "indices")) return FakeOutcome{};
    for (const auto& entry : fs::recursive_directory_iterator(on_host(argv.at(4)) / "indices")) {
      const std::string name = entry.path().filename();
      if (script.contains("cat --") && name == "snap-" + argv.at(5) + ".dat") out += read_file(entry.path());
      if (script.contains("__*") && name.starts_with("__"))
        out += entry.path().lexically_relative(on_host(argv.at(4)) / "indices").string() + "\n";
    }
    return FakeOutcome{.out = out};
  }
  if (argv[0] == "cat" && argv.at(1).starts_with(kMount)) {
    if (!fs::exists(on_host(argv.at(1)))) return FakeOutcome{.exit_code = 1, .err = "no such file\n"};
    return FakeOutcome{.out = read_file(on_host(argv.at(1)))};
  }
  return std::nullopt;
}

FakeOutcome FakeSearch::curl(const std::string& config) {
  const std::string lines = "\n" + config;
  const std::string url = setting(lines, "url");
  if (url.starts_with("https:")) return {.exit_code = 35, .err = "curl: (35) wrong version number\n"};
  const std::string path = url.substr(std::string("http://localhost:9200").size());
  const std::string method = setting(lines, "request");
  const std::string body = setting(lines, "data-binary");
  requests.push_back(method + " " + path.substr(0, path.find('?')));
  if (on_request) on_request(requests.back());
  const Answer answer = serve(method, path, body.empty() ? json() : json::parse(body));
  return {.out = answer.body.dump() + "\n" + std::to_string(answer.status)};
}

FakeSearch::Answer FakeSearch::serve(const std::string& method, const std::string& path, const json& body) {
  const std::vector<std::string> parts = parts_of(path);
  if (path == "/")
    return {.body = {{"cluster_name", "fake"},
                     {"cluster_uuid", cluster_uuid_},
                     {"version", {{"number", version}, {"distribution", "opensearch"}}}}};
  if (parts[0] == "_nodes") {
    json settings{{"path.home", "/usr/share/opensearch"}};
    if (!repository_paths.empty()) settings["path.repo"] = repository_paths;
    return {.body = {{"nodes", {{"a", {{"name", "one"}, {"process", {{"id", 1}}}, {"settings", settings}}}}}}};
  }
  if (parts[0] == "_data_stream") return {.body = {{"data_streams", json::array()}}};
  if (parts[0] == "_alias") {
    json holders = json::object();
    for (const auto& [name, index] : indices_) {
      holders[name] = {{"aliases", json::object()}};
      for (const auto& [alias, writes] : index.aliases)
        holders[name]["aliases"][alias] = writes ? json{{"is_write_index", true}} : json::object();
    }
    return {.body = holders};
  }
  if (parts[0] == "_cluster") {
    json repositories = json::object();
    for (const auto& [name, settings] : repositories_)
      repositories[name] = {{"generation", generations_.contains(name) ? generations_.at(name) : -2}};
    return {.body = {{"metadata", {{"repositories", repositories}}}}};
  }
  if (path.starts_with("/_cat/indices")) {
    json list = json::array();
    for (const auto& [name, index] : indices_)
      list.push_back({{"index", name},
                      {"uuid", index.uuid},
                      {"status", index.open ? "open" : "close"},
                      {"health", index.red ? "red" : "yellow"},
                      {"docs.count", std::to_string(index.documents)},
                      {"store.size", std::to_string(index.documents * 100)}});
    return {.body = list};
  }
  if (path.starts_with("/_cat/shards")) {
    json list = json::array();
    for (const auto& [name, index] : indices_)
      list.push_back({{"index", name},
                      {"shard", "0"},
                      {"prirep", "p"},
                      {"state", name == broken_index ? "UNASSIGNED" : "STARTED"},
                      {"unassigned.reason", name == broken_index ? "ALLOCATION_FAILED" : ""},
                      {"unassigned.details", "its file is damaged"}});
    return {.body = list};
  }
  if (parts[0] == "_cat") return {.body = json::array()};
  if (parts[0] == "_snapshot") return serve_snapshots(method, {parts.begin() + 1, parts.end()}, body);
  return serve_indices(method, parts, body);
}

FakeSearch::Answer FakeSearch::serve_indices(const std::string& method, const std::vector<std::string>& parts,
                                             const json& body) {
  if (parts[0] == "_all") {
    json settings = json::object();
    for (const auto& [name, index] : indices_)
      for (const std::string& block : index.blocks) settings[name]["settings"]["index.blocks." + block] = "true";
    return {.body = settings};
  }
  for (const std::string& name : split(parts[0], ',')) {
    const auto found = indices_.find(name);
    if (found == indices_.end() && is_alias(name))
      return {.status = 400, .body = error("The provided expression [" + name + "] matches an alias")};
    if (found == indices_.end()) return {.status = 404, .body = error("no such index [" + name + "]")};
    auto& blocks = found->second.blocks;
    const bool lifts = body.size() == 1 && body.contains("index.blocks.read_only");
    if (method != "POST" && blocks.contains("read_only") && !lifts)
      return {.status = 403, .body = error("index [" + name + "] read-only", "cluster_block_exception")};
    if (method == "DELETE") indices_.erase(found);
    if (method == "PUT")
      for (const auto& [setting, value] : body.items()) {
        const std::string block = setting.substr(std::string("index.blocks.").size());
        if (value == true)
          blocks.insert(block);
        else
          blocks.erase(block);
      }
  }
  return {};
}

bool FakeSearch::is_alias(const std::string& name) const {
  return std::ranges::any_of(indices_, [&](const auto& each) { return each.second.aliases.contains(name); });
}

std::string FakeSearch::refusal(const std::string& name, const std::map<std::string, bool>& aliases) const {
  if (indices_.contains(name)) return "an open index with same name already exists";
  if (is_alias(name)) return "Invalid index name [" + name + "], already exists as alias";
  for (const auto& [alias, writes] : aliases) {
    if (indices_.contains(alias)) return "[" + alias + "] conflicts with index";
    for (const auto& [other, index] : indices_)
      if (const auto found = index.aliases.find(alias); writes && found != index.aliases.end() && found->second)
        return "alias [" + alias + "] has more than one write index";
  }
  return {};
}

fs::path FakeSearch::directory_of(const std::string& repository) const {
  const std::string location = repositories_.at(repository)["settings"]["location"];
  return shared_ / fs::path(location).lexically_relative(kMount);
}

json FakeSearch::read_list(const fs::path& directory) {
  const std::int64_t generation = newest(directory);
  if (generation < 0) return {{"snapshots", json::array()}, {"indices", json::object()}};
  return json::parse(read_file(directory / ("index-" + std::to_string(generation))));
}

void FakeSearch::write_list(const fs::path& directory, const json& list) {
  const std::int64_t generation = newest(directory);
  write(directory / ("index-" + std::to_string(generation + 1)), list.dump());
  fs::remove(directory / ("index-" + std::to_string(generation)));
}

FakeSearch::Answer FakeSearch::serve_snapshots(const std::string& method, const std::vector<std::string>& parts,
                                               const json& body) {
  const std::string& name = parts.at(0);
  if (parts.size() == 1 && method == "PUT") {
    if (!writable) return {.status = 500, .body = error("not accessible")};
    repositories_[name] = body;
    generations_.erase(name);
    return {};
  }
  if (!repositories_.contains(name)) return {.status = 404, .body = error("[" + name + "] missing")};
  if (parts.size() == 1 && method == "DELETE") {
    repositories_.erase(name);
    generations_.erase(name);
    return {};
  }
  if (parts.size() == 1) return {.body = {{name, repositories_[name]}}};
  if (parts[1] == "_verify")
    return {.status = writable ? 200 : 500, .body = writable ? json::object() : error("not accessible")};
  return serve_snapshot(method, name, {parts.begin() + 1, parts.end()}, body);
}

FakeSearch::Answer FakeSearch::serve_snapshot(const std::string& method, const std::string& repository,
                                              const std::vector<std::string>& parts, const json& body) {
  const fs::path directory = directory_of(repository);
  json list = read_list(directory);
  if (parts[0] == "_all") {
    json infos = json::array();
    for (const json& each : list["snapshots"]) infos.push_back(each["info"]);
    return {.body = {{"snapshots", infos}}};
  }
  if (method == "PUT") return make(repository, parts[0], body);
  auto& snapshots = list["snapshots"];
  const auto found = std::ranges::find_if(snapshots, [&](const json& each) { return each["name"] == parts[0]; });
  if (found == snapshots.end()) return {.status = 404, .body = error("[" + parts[0] + "] is missing")};
  if (parts.size() > 1 && parts[1] == "_restore") return restore(repository, parts[0], body);
  if (parts.size() > 1)
    return {.body = {{"snapshots",
                      json::array({{{"stats", {{"total", {{"file_count", (*found)["info"]["indices"].size()}}}}}}})}}};
  if (method == "GET") return {.body = {{"snapshots", json::array({(*found)["info"]})}}};
  snapshots.erase(found);
  write_list(directory, list);
  generations_[repository] = newest(directory);
  return {};
}

FakeSearch::Answer FakeSearch::make(const std::string& repository, const std::string& name, const json& body) {
  const fs::path directory = directory_of(repository);
  json list = read_list(directory);
  const std::string uuid = fresh_uuid();
  json held = json::array();
  for (const json& each : body["indices"]) {
    const auto index = indices_.find(each.get<std::string>());
    if (index == indices_.end())
      return {.status = 404, .body = error("no such index [" + each.get<std::string>() + "]")};
    json& entry = list["indices"][index->first];
    if (entry.is_null()) entry = {{"id", "id-" + index->first}, {"snapshots", json::array()}};
    entry["snapshots"].push_back(uuid);
    const std::string id = entry["id"];
    // What was written is a file of its own, whose name the list has.
    const std::string data = std::format("__{:022}", std::hash<std::string>{}(index->second.text) % 1000000);
    const fs::path shard = directory / (hashed_paths ? "hash/indices" : "indices") / id / "0";
    entry["shard_path_type"] = hashed_paths ? 2 : 0;
    write(shard / data, index->second.text);
    write(shard / ("snap-" + uuid + ".dat"), json{{"text", data},
                                                  {"documents", index->second.documents},
                                                  {"aliases", index->second.aliases},
                                                  {"blocks", index->second.blocks}}
                                                 .dump());
    held.push_back(index->first);
  }
  const bool whole = state == "SUCCESS";
  json failures = json::array();
  if (!whole) failures.push_back({{"index", held[0]}, {"shard_id", 0}, {"reason", "the shard is gone"}});
  const json info{
      {"snapshot", name},
      {"uuid", uuid},
      {"state", state},
      {"indices", held},
      {"metadata", body["metadata"]},
      {"failures", failures},
      {"start_time_in_millis", uuids_},
      {"shards", {{"total", held.size()}, {"failed", whole ? 0 : 1}, {"successful", held.size() - (whole ? 0 : 1)}}}};
  write(directory / ("snap-" + uuid + ".dat"), "");
  write(directory / ("meta-" + uuid + ".dat"), "");
  list["snapshots"].push_back({{"name", name}, {"uuid", uuid}, {"info", info}});
  write_list(directory, list);
  generations_[repository] = newest(directory);
  return {.body = {{"accepted", true}}};
}

FakeSearch::Answer FakeSearch::restore(const std::string& repository, const std::string& name, const json& body) {
  const fs::path directory = directory_of(repository);
  const json list = read_list(directory);
  std::string uuid;
  for (const json& each : list["snapshots"])
    if (each["name"] == name) uuid = each["uuid"];
  const std::string prefix =
      body.contains("rename_replacement")
          ? std::regex_replace(body["rename_replacement"].get<std::string>(), std::regex("\\$1$"), "")
          : "";
  std::map<std::string, Index> restored;
  for (const json& each : body["indices"]) {
    const auto index = each.get<std::string>();
    const json& known = list["indices"][index];
    const fs::path file = directory / (known.value("shard_path_type", 0) == 0 ? "indices" : "hash/indices") /
                          known["id"].get<std::string>() / "0" / ("snap-" + uuid + ".dat");
    if (!fs::exists(file)) return {.status = 500, .body = error("a file is missing: " + file.string())};
    const json held = json::parse(read_file(file));
    const fs::path data = file.parent_path() / held["text"].get<std::string>();
    if (!fs::exists(data)) return {.status = 500, .body = error("a file is missing: " + data.string())};
    Index made{read_file(data), held["documents"].get<std::uint64_t>() - lost_documents};
    made.uuid = fresh_uuid();
    if (!body.contains("ignore_index_settings")) made.blocks = held["blocks"].get<std::set<std::string>>();
    if (body.contains("index_settings")) made.blocks.insert("write");
    if (body["include_aliases"] == true) made.aliases = held["aliases"].get<std::map<std::string, bool>>();
    if (const std::string why = refusal(prefix + index, made.aliases); !why.empty())
      return {.status = 500, .body = error(why)};
    restored.emplace(prefix + index, std::move(made));
  }
  for (auto& [index, made] : restored) indices_[index] = std::move(made);
  return {.body = {{"accepted", true}}};
}

}  // namespace davit::test
