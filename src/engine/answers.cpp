#include "engine/answers.hpp"

#include <nlohmann/json.hpp>

#include "util/text.hpp"

namespace davit::engine {
namespace {

using nlohmann::json;

constexpr std::size_t kMessageBytes = 2000;

// Everything that parses runs in here, so that nlohmann's exceptions end in one place.
template <class T, class Read>
Result<T> parsed(std::string_view answer, Read read) {
  try {
    return read(json::parse(answer));
  } catch (const json::exception& exception) {
    // what() repeats parts of the answer, which may hold secrets of a container's environment: the number says enough.
    return fail(Errc::failed, "the Engine's answer is malformed (json error " + std::to_string(exception.id) + ")");
  }
}

// The member, or null if there is none. Throws if `object` is neither an object nor null.
const json& member(const json& object, const char* name) {
  static const json kNull;
  if (object.is_null()) return kNull;
  const auto found = object.get_ref<const json::object_t&>().find(name);
  return found == object.get_ref<const json::object_t&>().end() ? kNull : found->second;
}

template <class T>
T get(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_null() ? T{} : value.get<T>();
}

std::string text(const json& object, const char* name) { return get<std::string>(object, name); }
Labels labels(const json& object, const char* name) { return get<Labels>(object, name); }
std::vector<std::string> texts(const json& object, const char* name) {
  return get<std::vector<std::string>>(object, name);
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

ContainerSummary container_summary(const json& one) {
  const auto names = texts(one, "Names");
  ContainerSummary summary{.id = {text(one, "Id")}, .name = {}, .image = text(one, "Image"), .state = text(one, "State"),
                           .labels = labels(one, "Labels")};
  // Links give a container more names, of the form "/other/alias"; its own has one slash.
  for (const std::string& name : names)
    if (name.rfind('/') == 0) summary.name = without_slash(name);
  return summary;
}

ContainerState container_state(const json& one) {
  ContainerState state{.status = text(one, "Status"), .running = get<bool>(one, "Running"),
                       .paused = get<bool>(one, "Paused"), .exit_code = get<int>(one, "ExitCode"),
                       .error = text(one, "Error"), .health = std::nullopt};
  // "none" is what the Engine says of a health check that was switched off.
  if (std::string health = text(member(one, "Health"), "Status"); !health.empty() && health != "none")
    state.health = std::move(health);
  return state;
}

Mount mount(const json& one) {
  return {.type = text(one, "Type"), .name = text(one, "Name"), .source = text(one, "Source"),
          .destination = text(one, "Destination"), .driver = text(one, "Driver"), .writable = get<bool>(one, "RW")};
}

VolumeInfo volume(const json& one) {
  return {.name = one.at("Name").get<std::string>(), .driver = text(one, "Driver"), .scope = text(one, "Scope"),
          .labels = labels(one, "Labels"), .options = labels(one, "Options"), .raw = one.dump()};
}

NetworkInfo network(const json& one) {
  return {.id = one.at("Id").get<std::string>(), .name = text(one, "Name"), .driver = text(one, "Driver"),
          .labels = labels(one, "Labels"), .raw = one.dump()};
}

template <class T, class One>
std::vector<T> each(const json& list, One one) {
  std::vector<T> all;
  if (list.is_null()) return all;
  for (const json& item : list.get_ref<const json::array_t&>()) all.push_back(one(item));
  return all;
}

}  // namespace

Result<Ping> parse_version(std::string_view answer) {
  return parsed<Ping>(answer, [](const json& all) {
    return Ping{.version = text(all, "Version"), .max_api_version = text(all, "ApiVersion"),
                .min_api_version = text(all, "MinAPIVersion"), .os = text(all, "Os"), .arch = text(all, "Arch")};
  });
}

Result<std::vector<ContainerSummary>> parse_containers(std::string_view answer) {
  return parsed<std::vector<ContainerSummary>>(
      answer, [](const json& all) { return each<ContainerSummary>(all, container_summary); });
}

Result<ContainerInfo> parse_container(std::string_view answer) {
  return parsed<ContainerInfo>(answer, [&](const json& all) {
    const json& config = member(all, "Config");
    return ContainerInfo{.id = {all.at("Id").get<std::string>()},
                         .name = without_slash(text(all, "Name")),
                         .image = text(config, "Image"),
                         .image_id = text(all, "Image"),
                         .labels = labels(config, "Labels"),
                         .env = texts(config, "Env"),
                         .mounts = each<Mount>(member(all, "Mounts"), mount),
                         .state = container_state(member(all, "State")),
                         .network_mode = text(member(all, "HostConfig"), "NetworkMode"),
                         .user = text(config, "User"),
                         .hostname = text(config, "Hostname"),
                         .raw = std::string(answer)};
  });
}

Result<bool> parse_has_tty(std::string_view answer) {
  return parsed<bool>(answer, [](const json& all) { return get<bool>(member(all, "Config"), "Tty"); });
}

Result<ExecState> parse_exec(std::string_view answer) {
  return parsed<ExecState>(answer, [](const json& all) {
    ExecState state{.running = get<bool>(all, "Running"), .exit_code = std::nullopt};
    if (const json& code = member(all, "ExitCode"); !code.is_null()) state.exit_code = code.get<int>();
    return state;
  });
}

Result<std::vector<VolumeInfo>> parse_volumes(std::string_view answer) {
  return parsed<std::vector<VolumeInfo>>(
      answer, [](const json& all) { return each<VolumeInfo>(member(all, "Volumes"), volume); });
}

Result<VolumeInfo> parse_volume(std::string_view answer) { return parsed<VolumeInfo>(answer, volume); }

Result<std::vector<NetworkInfo>> parse_networks(std::string_view answer) {
  return parsed<std::vector<NetworkInfo>>(answer, [](const json& all) { return each<NetworkInfo>(all, network); });
}

Result<NetworkInfo> parse_network(std::string_view answer) { return parsed<NetworkInfo>(answer, network); }

Result<ImageInfo> parse_image(std::string_view answer) {
  return parsed<ImageInfo>(answer, [&](const json& all) {
    return ImageInfo{.id = all.at("Id").get<std::string>(), .repo_tags = texts(all, "RepoTags"),
                     .repo_digests = texts(all, "RepoDigests"), .os = text(all, "Os"),
                     .architecture = text(all, "Architecture"), .labels = labels(member(all, "Config"), "Labels"),
                     .raw = std::string(answer)};
  });
}

Result<std::string> parse_created_id(std::string_view answer) {
  TRY_ASSIGN(id, parsed<std::string>(answer, [](const json& all) { return text(all, "Id"); }));
  if (id.empty()) return fail(Errc::failed, "the Engine's answer has no id");
  return id;
}

std::string error_message(std::string_view answer) {
  const auto message = parsed<std::string>(answer, [](const json& all) { return text(all, "message"); });
  const std::string_view shown = trim(message && !message->empty() ? std::string_view(*message) : answer);
  return escape_for_display(shown.substr(0, kMessageBytes));
}

Result<ProgressLine> parse_progress(std::string_view line) {
  return parsed<ProgressLine>(line, [](const json& all) {
    const json& detail = member(all, "progressDetail");
    ProgressLine progress{.status = text(all, "status"), .id = text(all, "id"),
                          .current = get<std::uint64_t>(detail, "current"), .total = get<std::uint64_t>(detail, "total"),
                          .error = text(all, "error")};
    if (const json& error = member(all, "errorDetail"); !error.is_null() && progress.error.empty()) {
      progress.error = text(error, "message");
      if (progress.error.empty()) progress.error = "unknown error";
    }
    return progress;
  });
}

std::string render_progress(const ProgressLine& line) {
  std::string status = escape_for_display(line.status);
  if (!status.empty() && status[0] >= 'A' && status[0] <= 'Z') status[0] = static_cast<char>(status[0] - 'A' + 'a');
  std::string text = line.id.empty() ? status : "layer " + escape_for_display(line.id) + ": " + status;
  if (line.current > 0) text += " " + render_bytes(line.current);
  if (line.current > 0 && line.total > 0) text += " of " + render_bytes(line.total);
  return text;
}

Result<std::string> render_json(const nlohmann::json& json) {
  try {
    return json.dump();
  } catch (const nlohmann::json::exception&) {
    return fail(Errc::failed, "a text for the Engine is not UTF-8");
  }
}

}  // namespace davit::engine
