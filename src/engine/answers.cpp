#include "engine/answers.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/decode.hpp"
#include "util/base64.hpp"
#include "util/text.hpp"

namespace davit::engine {
namespace {

using nlohmann::json;

constexpr std::size_t kMessageBytes = 2000;

// Whatever parses outside of decode.cpp runs in here, so that nlohmann's exceptions end in one place.
template <class T, class Read>
Result<T> parsed(std::string_view answer, Read read) {
  try {
    Result<T> value = read(json::parse(answer));
    // decode.hpp speaks of what a backup holds; a live Engine that answers nonsense has not damaged anything.
    if (!value) return std::unexpected(std::move(value).error().as(Errc::failed));
    return value;
  } catch (const json::exception& exception) {
    // what() repeats parts of the answer, which may hold secrets of a container's environment: the number says enough.
    return fail(Errc::failed, "the Engine's answer is malformed (json error " + std::to_string(exception.id) + ")");
  }
}

// The member, or null if there is none. Throws if `object` is neither an object nor null.
const json& member(const json& object, const char* name) {
  static const json kNull;
  if (object.is_null()) return kNull;
  const auto& members = object.get_ref<const json::object_t&>();
  const auto found = members.find(name);
  return found == members.end() ? kNull : found->second;
}

template <class T>
T get(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_null() ? T{} : value.get<T>();
}

std::string text(const json& object, const char* name) { return get<std::string>(object, name); }

template <class T>
Result<std::vector<T>> each(const json& list, Result<T> (*decode)(const json&)) {
  std::vector<T> all;
  if (list.is_null()) return all;
  for (const json& item : list.get_ref<const json::array_t&>()) {
    TRY_ASSIGN(one, decode(item));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

Result<Ping> parse_version(std::string_view answer) {
  return parsed<Ping>(answer, [](const json& all) {
    return Ping{.version = text(all, "Version"),
                .max_api_version = text(all, "ApiVersion"),
                .min_api_version = text(all, "MinAPIVersion"),
                .os = text(all, "Os"),
                .arch = text(all, "Arch")};
  });
}

Result<std::vector<ContainerSummary>> parse_containers(std::string_view answer) {
  return parsed<std::vector<ContainerSummary>>(answer,
                                               [](const json& all) { return each(all, decode_container_summary); });
}

Result<ContainerInfo> parse_container(std::string_view answer) {
  return parsed<ContainerInfo>(answer, decode_container);
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
  return parsed<std::vector<VolumeInfo>>(answer,
                                         [](const json& all) { return each(member(all, "Volumes"), decode_volume); });
}

Result<VolumeInfo> parse_volume(std::string_view answer) { return parsed<VolumeInfo>(answer, decode_volume); }

Result<std::vector<NetworkInfo>> parse_networks(std::string_view answer) {
  return parsed<std::vector<NetworkInfo>>(answer, [](const json& all) { return each(all, decode_network); });
}

Result<NetworkInfo> parse_network(std::string_view answer) { return parsed<NetworkInfo>(answer, decode_network); }

Result<ImageInfo> parse_image(std::string_view answer) { return parsed<ImageInfo>(answer, decode_image); }

Result<std::vector<std::string>> parse_changes(std::string_view answer) {
  return parsed<std::vector<std::string>>(answer, [](const json& all) {
    constexpr int kDeleted = 2;
    std::vector<std::string> paths;
    if (all.is_null()) return paths;
    for (const json& change : all.get_ref<const json::array_t&>())
      if (get<int>(change, "Kind") != kDeleted) paths.push_back(text(change, "Path"));
    return paths;
  });
}

Result<TimePoint> parse_time(std::string_view time) {
  constexpr std::size_t kZone = 6;  // "+01:00"
  std::chrono::minutes offset{0};
  std::string utc(time);
  if (!time.ends_with('Z') && time.size() > kZone) {
    const std::string_view zone = time.substr(time.size() - kZone);
    int hours = 0;
    int minutes = 0;
    const bool read = std::from_chars(zone.data() + 1, zone.data() + 3, hours).ec == std::errc() &&
                      std::from_chars(zone.data() + 4, zone.data() + kZone, minutes).ec == std::errc();
    if (!read || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':')
      return fail(Errc::failed, "the Engine's answer has a time that is none");
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    if (zone[0] == '-') offset = -offset;
    utc = std::string(time.substr(0, time.size() - kZone)) + "Z";
  }
  auto point = parse_rfc3339(utc);
  if (!point) return fail(Errc::failed, "the Engine's answer has a time that is none");
  return *point - offset;
}

Result<PathStat> parse_path_stat(std::string_view header) {
  // Go's os.FileMode: these bits say what it is, where it isn't a regular file.
  constexpr std::uint32_t kTypes = 1U << 31U | 1U << 27U | 1U << 26U | 1U << 25U | 1U << 24U | 1U << 21U | 1U << 19U;
  auto decoded = decode_base64(header);
  if (!decoded) return std::unexpected(std::move(decoded).error().as(Errc::failed));
  return parsed<PathStat>(*decoded, [&](const json& all) -> Result<PathStat> {
    const std::string time = text(all, "mtime");
    TRY_ASSIGN(modified, parse_time(time));
    return PathStat{.regular = (get<std::uint32_t>(all, "mode") & kTypes) == 0,
                    .bytes = get<std::uint64_t>(all, "size"),
                    .modified = modified,
                    .whole_second = !time.contains('.')};
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
    ProgressLine progress{.status = text(all, "status"),
                          .id = text(all, "id"),
                          .current = get<std::uint64_t>(detail, "current"),
                          .total = get<std::uint64_t>(detail, "total"),
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
