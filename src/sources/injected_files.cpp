#include "sources/injected_files.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/answers.hpp"
#include "sources/host_path.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"
#include "stream/tar_writer.hpp"
#include "util/base64.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kField = "DavitFiles";
constexpr std::size_t kLargest = 1'000'000;
constexpr std::size_t kTarOverhead = 16U << 10U;
// A container that writes thousands of files into itself shouldn't hold a backup up: a look takes some milliseconds.
constexpr std::size_t kMostLooks = 2000;
// How long Compose may take between asking for the container and copying: it makes all of a stack's at the same time.
constexpr auto kBefore = 2s;
constexpr auto kAfter = 60s;

// Nothing of a container whose record doesn't tell it.
std::optional<TimePoint> created(const engine::ContainerInfo& container) {
  const json raw = json::parse(container.raw, nullptr, false);
  if (!raw.is_object() || !raw.contains("Created") || !raw["Created"].is_string()) return std::nullopt;
  const auto time = engine::parse_time(raw["Created"].get<std::string>());
  return time ? std::optional(*time) : std::nullopt;
}

bool lies_in(const std::string& path, const std::string& directory) {
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

// Leaves of what was changed; a mount's own files are elsewhere. Those that Compose has written come early: it writes
// few into a directory, where a program that writes many does so side by side, and near the root.
std::vector<std::string> candidates(std::vector<std::string> paths, const engine::ContainerInfo& container) {
  std::ranges::sort(paths);
  std::vector<std::string> leaves;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const bool is_directory = i + 1 < paths.size() && paths[i + 1].starts_with(paths[i] + "/");
    const bool is_mounted = std::ranges::any_of(
        container.mounts, [&](const engine::Mount& mount) { return lies_in(paths[i], mount.destination); });
    if (!is_directory && !is_mounted) leaves.push_back(paths[i]);
  }
  std::map<std::string, std::size_t> siblings;
  for (const std::string& path : leaves) ++siblings[parent_of(path)];
  std::ranges::stable_sort(leaves, {}, [&](const std::string& path) {
    return std::pair(siblings[parent_of(path)], std::ranges::count(path, '/'));
  });
  return leaves;
}

// Nothing where it isn't there any more.
template <class T>
Result<std::optional<T>> if_there(Result<T> found) {
  if (found) return *std::move(found);
  if (found.error().code() == Errc::not_found) return std::nullopt;
  return std::unexpected(std::move(found).error());
}

Result<std::optional<InjectedFile>> read_file(const std::string& path, const std::string& tar) {
  stream::MemorySource source(tar);
  stream::TarReader reader(source);
  TRY_ASSIGN(entry, reader.next());
  if (!entry || entry->type != stream::TarType::file) return std::nullopt;
  InjectedFile file{path, entry->mode, entry->uid, entry->gid, {}};
  while (true) {
    TRY_ASSIGN(data, reader.read_data());
    if (data.bytes.empty()) return file;
    file.contents.append(reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size());
  }
}

}  // namespace

Result<InjectedFiles> find_injected_files(engine::Engine& engine, const engine::ContainerInfo& container) {
  InjectedFiles found;
  const auto made = created(container);
  if (!made) return found;
  TRY_ASSIGN(changed, engine.changed_paths(container.id));
  std::vector<std::string> paths = candidates(std::move(changed), container);
  if (paths.size() > kMostLooks) {
    found.unseen = paths.size() - kMostLooks;
    paths.resize(kMostLooks);
  }
  for (const std::string& path : paths) {
    TRY_ASSIGN(stat, if_there(engine.stat_path(container.id, path)));
    if (!stat || !stat->regular || !stat->whole_second) continue;
    if (stat->modified < *made - kBefore || stat->modified > *made + kAfter) continue;
    if (stat->bytes > kLargest) {
      found.too_large.push_back(path);
      continue;
    }
    TRY_ASSIGN(tar, if_there(engine.get_archive(container.id, path, kLargest + kTarOverhead)));
    if (!tar) continue;
    TRY_ASSIGN(file, in_context(read_file(path, *tar), "read " + path + " of container " + container.name));
    if (file) found.files.push_back(*std::move(file));
  }
  return found;
}

Result<> record_injected_files(engine::ContainerInfo& container, const std::vector<InjectedFile>& files) {
  if (files.empty()) return {};
  json raw = json::parse(container.raw, nullptr, false);
  if (!raw.is_object()) return fail(Errc::bug, "container " + container.name + " has no record");
  json list = json::array();
  for (const InjectedFile& file : files)
    list.push_back({{"path", file.path},
                    {"mode", file.mode},
                    {"uid", file.uid},
                    {"gid", file.gid},
                    {"contents", encode_base64(file.contents)}});
  raw[kField] = std::move(list);
  TRY_ASSIGN(text, engine::render_json(raw));
  container.raw = std::move(text);
  return {};
}

Result<std::vector<InjectedFile>> recorded_injected_files(const engine::ContainerInfo& container) {
  std::vector<InjectedFile> files;
  const json raw = json::parse(container.raw, nullptr, false);
  if (!raw.is_object() || !raw.contains(kField)) return files;
  try {
    for (const json& each : raw[kField]) {
      TRY_ASSIGN(contents, decode_base64(each.at("contents").get<std::string>()));
      InjectedFile file{each.at("path").get<std::string>(), each.at("mode").get<std::uint32_t>(),
                        each.at("uid").get<std::uint32_t>(), each.at("gid").get<std::uint32_t>(), std::move(contents)};
      if (!file.path.starts_with('/'))
        return fail(Errc::corrupt, "container " + container.name + ": its record has a file without a path");
      files.push_back(std::move(file));
    }
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, "container " + container.name + ": the files of its record: " + error.what());
  }
  return files;
}

std::string without_injected_files(const engine::ContainerInfo& container) {
  json raw = json::parse(container.raw, nullptr, false);
  if (!raw.is_object() || raw.erase(kField) == 0) return container.raw;
  return raw.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<> put_injected_files(engine::Engine& engine, const engine::ContainerId& made,
                            const engine::ContainerInfo& recorded) {
  TRY_ASSIGN(files, recorded_injected_files(recorded));
  if (files.empty()) return {};
  TRY_ASSIGN(info, engine.inspect_container(made));
  const auto time = std::chrono::floor<std::chrono::seconds>(created(info).value_or(TimePoint{}));
  stream::MemorySink sink;
  stream::TarWriter writer(sink);
  for (const InjectedFile& file : files) {
    stream::TarEntry entry;
    entry.path = file.path.substr(1);
    entry.mode = file.mode;
    entry.uid = file.uid;
    entry.gid = file.gid;
    entry.size = file.contents.size();
    entry.mtime_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    TRY(writer.begin(entry));
    TRY(writer.write_data(std::as_bytes(std::span(file.contents))));
  }
  TRY(writer.finish());
  return engine.put_archive(made, "/", sink.contents());
}

}  // namespace davit::sources
