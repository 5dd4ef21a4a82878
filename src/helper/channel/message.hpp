#pragma once
// What the JSON frames say (docs/channel.md): hello, jobs, results and findings, to and from the types of session.hpp.
// Whatever comes from the other side may be malformed: Errc::corrupt.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "util/error.hpp"
#include "util/finding.hpp"

namespace davit::helper {

inline constexpr int kProtocol = 1;

struct Hello {
  int protocol = kProtocol;
  std::string version;       // of davit
  unsigned uid = 0;          // the sender's
  std::string proof;         // over a socket: the secret that the other side expects; else empty
  std::string problem = {};  // a guard's: why it could not do its duty; empty: it can
};

struct Job {
  enum class Kind { probe, pack, stage, commit, hold, rollback, seal, cleanup, recover, remove };
  Kind kind = Kind::probe;
  std::vector<std::string> paths = {};  // probe, pack, stage, remove
  PackOptions pack = {};                // its paths stand in `paths`; probe: its repository
  StageOptions stage = {};              // as well
  std::string run = {};                 // stage, hold, seal: this run; recover: the dead one
};
[[nodiscard]] std::string_view name_of(Job::Kind kind);

[[nodiscard]] nlohmann::json to_json(const Hello& hello);
[[nodiscard]] nlohmann::json to_json(const Job& job);
[[nodiscard]] nlohmann::json to_json(const Probe& probe);
[[nodiscard]] nlohmann::json to_json(const PackResult& result);   // without the findings: they have frames of their own
[[nodiscard]] nlohmann::json to_json(const StageResult& result);  // as well
[[nodiscard]] nlohmann::json to_json(const stream::Extent& extent);

[[nodiscard]] Result<Hello> hello_from(const nlohmann::json& json);
[[nodiscard]] Result<Job> job_from(const nlohmann::json& json);
[[nodiscard]] Result<Probe> probe_from(const nlohmann::json& json);
[[nodiscard]] Result<PackResult> pack_result_from(const nlohmann::json& json);
[[nodiscard]] Result<StageResult> stage_result_from(const nlohmann::json& json);
[[nodiscard]] Result<stream::Extent> extent_from(const nlohmann::json& json);

// The payload of a trailer: how a job ended, with `result` where it went well.
[[nodiscard]] nlohmann::json trailer_ok(nlohmann::json result);
[[nodiscard]] nlohmann::json trailer_error(const Error& error);
// The result of a trailer, or the error that it holds with its code, message and hint.
[[nodiscard]] Result<nlohmann::json> result_of_trailer(const nlohmann::json& trailer);

// As many findings frames as it takes: each payload stays well below the bound.
[[nodiscard]] std::vector<nlohmann::json> findings_to_json(const std::vector<Finding>& findings);
[[nodiscard]] Result<std::vector<Finding>> findings_from(const nlohmann::json& json);

}  // namespace davit::helper
