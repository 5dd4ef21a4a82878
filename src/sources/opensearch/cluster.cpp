#include "sources/opensearch/cluster.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "net/url.hpp"
#include "sources/json_field.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

// A server takes 4 KiB for the first line of a request, unless it was told otherwise.
constexpr std::size_t kBatchBytes = 3000;

std::vector<std::string> texts_of(const json& value) {
  std::vector<std::string> texts;
  if (value.is_string())
    // As somebody may have written it into a variable.
    for (const std::string& part : split(value.get<std::string>(), ',')) texts.emplace_back(trim(part));
  if (value.is_array())
    for (const json& each : value)
      if (each.is_string()) texts.push_back(each.get<std::string>());
  return texts;
}

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) return std::nullopt;
  return number;
}

// Indices that belong to the server: system indices, what the security plugin logs, what Query Insights collects. Most
// are made anew on every fresh cluster, some can't be restored into another. Dashboards are their users' work.
bool is_own(std::string_view name, bool opensearch) {
  if (opensearch && (name == ".kibana" || name.starts_with(".kibana_"))) return false;
  return name.starts_with('.') || name.starts_with("security-auditlog-") || name.starts_with("top_queries-");
}

struct Patterns {
  std::vector<std::string> in;
  std::vector<std::string> out;
  [[nodiscard]] bool takes(std::string_view name, bool own) const {
    const auto matches = [&](const std::string& pattern) { return matches_glob(pattern, name); };
    if (std::ranges::any_of(out, matches)) return false;
    return in.empty() ? !own : std::ranges::any_of(in, matches);
  }
};

}  // namespace

Result<std::vector<SearchNode>> list_nodes(const SearchClient& client, bool local, RunContext& run) {
  TRY_ASSIGN(answer, client.get(std::string("/_nodes/") + (local ? "_local/" : "") +
                                    "settings,process?flat_settings=true&filter_path=nodes.*.name,nodes.*.process.id,"
                                    "nodes.*.settings.path*",
                                run));
  std::vector<SearchNode> nodes;
  const json& all = field(answer, "nodes");
  if (!all.is_object()) return fail(Errc::failed, "the server doesn't tell its nodes");
  for (const json& each : all) {
    SearchNode node;
    node.name = text_field(each, "name");
    node.process = static_cast<int>(number_field(field(each, "process"), "id", 0));
    const json& settings = field(each, "settings");
    node.data_paths = texts_of(field(settings, "path.data"));
    if (node.data_paths.empty()) node.data_paths = {text_field(settings, "path.home") + "/data"};
    for (const auto& [key, value] : settings.items())
      if (key == "path.repo" || key.starts_with("path.repo."))
        for (std::string& path : texts_of(value)) {
          while (path.size() > 1 && path.ends_with('/')) path.pop_back();
          if (path.starts_with('/')) node.repository_paths.push_back(std::move(path));
        }
    nodes.push_back(std::move(node));
  }
  std::ranges::sort(nodes, {}, &SearchNode::name);
  return nodes;
}

Result<std::vector<SearchIndex>> list_indices(const SearchClient& client, RunContext& run) {
  TRY_ASSIGN(answer, client.rows("/_cat/indices?format=json&h=index,uuid,status,health,docs.count,store.size&bytes=b&"
                                 "expand_wildcards=all",
                                 run));
  std::vector<SearchIndex> indices;
  for (const json& each : answer) {
    SearchIndex index;
    index.name = text_field(each, "index");
    index.uuid = text_field(each, "uuid");
    index.open = text_field(each, "status") != "close";
    index.health = text_field(each, "health");
    index.documents = number_in(text_field(each, "docs.count"));
    index.bytes = number_in(text_field(each, "store.size")).value_or(0);
    indices.push_back(std::move(index));
  }
  std::ranges::sort(indices, {}, &SearchIndex::name);
  return indices;
}

void refresh(const SearchClient& client, const std::vector<SearchIndex>& indices, RunContext& run) {
  std::vector<std::string> names;
  for (const SearchIndex& each : indices)
    if (each.open) names.push_back(each.name);
  for (const std::string& batch : path_batches(names))
    if (auto done = client.send("POST", "/" + batch + "/_refresh", json(), run); !done)
      log_info("refresh the indices: " + done.error().message());
}

Result<std::vector<DataStream>> list_streams(const SearchClient& client, RunContext& run) {
  auto answer = client.get("/_data_stream", run);
  if (!answer) {
    // What doesn't know them takes the word for the name of an index, or for a wrong one.
    if (answer.error().code() == Errc::not_found || answer.error().code() == Errc::failed)
      return std::vector<DataStream>{};
    return std::unexpected(std::move(answer).error());
  }
  std::vector<DataStream> streams;
  for (const json& each : list_field(*answer, "data_streams")) {
    DataStream stream;
    stream.name = text_field(each, "name");
    for (const json& index : list_field(each, "indices")) stream.indices.push_back(text_field(index, "index_name"));
    streams.push_back(std::move(stream));
  }
  std::ranges::sort(streams, {}, &DataStream::name);
  return streams;
}

std::vector<std::string> SearchChoice::named() const {
  std::vector<std::string> names;
  for (const DataStream& stream : streams) names.push_back(stream.name);
  for (const SearchIndex& index : indices)
    if (std::ranges::none_of(
            streams, [&](const DataStream& stream) { return std::ranges::contains(stream.indices, index.name); }))
      names.push_back(index.name);
  return names;
}

SearchChoice choose_indices(const std::vector<SearchIndex>& indices, const std::vector<DataStream>& streams,
                            const std::vector<std::string>& patterns, bool opensearch) {
  Patterns wanted;
  for (const std::string& pattern : patterns)
    if (pattern.starts_with('-'))
      wanted.out.push_back(pattern.substr(1));
    else
      wanted.in.push_back(pattern);
  SearchChoice choice;
  for (const DataStream& stream : streams)
    if (wanted.takes(stream.name, is_own(stream.name, opensearch))) choice.streams.push_back(stream);
  const auto in_one_of = [](const std::vector<DataStream>& all, const std::string& name) {
    return std::ranges::any_of(all,
                               [&](const DataStream& stream) { return std::ranges::contains(stream.indices, name); });
  };
  for (const SearchIndex& index : indices) {
    const bool of_taken = in_one_of(choice.streams, index.name);
    // Of a stream that isn't taken as such nothing is.
    if (!of_taken && in_one_of(streams, index.name)) continue;
    const bool own = is_own(index.name, opensearch);
    if (!of_taken && !wanted.takes(index.name, own)) {
      if (own && wanted.in.empty()) choice.own.push_back(index.name);
      continue;
    }
    if (index.open)
      choice.indices.push_back(index);
    else
      choice.closed.push_back(index.name);
  }
  return choice;
}

std::vector<std::string> path_batches(const std::vector<std::string>& names) {
  std::vector<std::string> batches;
  for (const std::string& name : names) {
    const std::string encoded = net::percent_encode(name);
    if (batches.empty() || batches.back().size() + encoded.size() + 1 > kBatchBytes)
      batches.push_back(encoded);
    else
      batches.back() += "," + encoded;
  }
  return batches;
}

}  // namespace davit::sources
