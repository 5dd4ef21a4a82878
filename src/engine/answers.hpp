#pragma once
// The Engine's answers as values: the text is parsed here, and what it says of objects is decoded by decode.hpp.
// What is missing or null is empty; what has another type than the API says is Errc::failed. No exception gets out.
// Pure.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "util/clock.hpp"

namespace davit::engine {

struct Ping {
  std::string version;
  std::string max_api_version;
  std::string min_api_version;
  std::string os;
  std::string arch;
};
[[nodiscard]] Result<Ping> parse_version(std::string_view answer);  // of GET /version

[[nodiscard]] Result<std::vector<ContainerSummary>> parse_containers(std::string_view answer);
[[nodiscard]] Result<ContainerInfo> parse_container(std::string_view answer);
[[nodiscard]] Result<bool> parse_has_tty(std::string_view answer);  // of inspecting a container
[[nodiscard]] Result<ExecState> parse_exec(std::string_view answer);
[[nodiscard]] Result<std::vector<VolumeInfo>> parse_volumes(std::string_view answer);
[[nodiscard]] Result<VolumeInfo> parse_volume(std::string_view answer);
[[nodiscard]] Result<std::vector<NetworkInfo>> parse_networks(std::string_view answer);
[[nodiscard]] Result<NetworkInfo> parse_network(std::string_view answer);
[[nodiscard]] Result<ImageInfo> parse_image(std::string_view answer);
// The paths of GET /containers/{id}/changes that were added or modified.
[[nodiscard]] Result<std::vector<std::string>> parse_changes(std::string_view answer);
// The header X-Docker-Container-Path-Stat: JSON in base64.
[[nodiscard]] Result<PathStat> parse_path_stat(std::string_view header);
// "2026-11-22T10:33:16.933496893+01:00", as Go writes a time; cut to milliseconds. Errc::failed for anything else.
[[nodiscard]] Result<TimePoint> parse_time(std::string_view text);
// The "Id" that creating something answers with; empty is an error.
[[nodiscard]] Result<std::string> parse_created_id(std::string_view answer);
// The "message" of an error answer; the text itself where it is not JSON (a proxy's), shortened and fit for showing.
[[nodiscard]] std::string error_message(std::string_view answer);

// One line of the stream that a pull or an import answers with.
struct ProgressLine {
  std::string status;
  std::string id;  // of a layer
  std::uint64_t current = 0;
  std::uint64_t total = 0;
  std::string error;  // not empty: it failed, whatever the HTTP status was
};
[[nodiscard]] Result<ProgressLine> parse_progress(std::string_view line);
// "layer 3f4d: downloading 12.1 MB of 30 MB"
[[nodiscard]] std::string render_progress(const ProgressLine& line);

// Text for a request. Errc::failed if a string in it is not UTF-8.
[[nodiscard]] Result<std::string> render_json(const nlohmann::json& json);

}  // namespace davit::engine
