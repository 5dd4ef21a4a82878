#include "helper/channel/message.hpp"

#include <array>
#include <format>

#include "util/text.hpp"

namespace davit::helper {

using nlohmann::json;

namespace {

constexpr std::array kKinds{std::pair{Job::Kind::probe, std::string_view("probe")},
                            std::pair{Job::Kind::pack, std::string_view("pack")},
                            std::pair{Job::Kind::stage, std::string_view("stage")},
                            std::pair{Job::Kind::commit, std::string_view("commit")},
                            std::pair{Job::Kind::hold, std::string_view("hold")},
                            std::pair{Job::Kind::rollback, std::string_view("rollback")},
                            std::pair{Job::Kind::seal, std::string_view("seal")},
                            std::pair{Job::Kind::cleanup, std::string_view("cleanup")},
                            std::pair{Job::Kind::recover, std::string_view("recover")},
                            std::pair{Job::Kind::remove, std::string_view("remove")}};

constexpr std::array kCodes{Errc::failed,      Errc::usage,   Errc::not_found,   Errc::exists, Errc::locked,
                            Errc::credentials, Errc::corrupt, Errc::unavailable, Errc::bug,    Errc::cancelled};

// An error message is a line, and must fit into the buffers of a channel whose other side still writes.
constexpr std::size_t kMaxText = 8U << 10U;

// Paths are bytes, JSON is UTF-8: so they travel as encode_file_name() writes them.
json encode_paths(const std::vector<std::string>& paths) {
  json list = json::array();
  for (const std::string& path : paths) list.push_back(encode_file_name(path));
  return list;
}

Result<std::vector<std::string>> decode_paths(const json& list) {
  std::vector<std::string> paths;
  for (const json& text : list) {
    TRY_ASSIGN(path, decode_file_name(text.get<std::string>()));
    paths.push_back(std::move(path));
  }
  return paths;
}

// Runs what reads a message: json's exceptions end here.
template <class Read>
auto reading(std::string_view what, Read read) -> decltype(read()) {
  try {
    auto value = read();
    if (!value) return std::unexpected(std::move(value).error().context(std::format("read the channel: {}", what)));
    return value;
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::format("read the channel: {}: {}", what, e.what()));
  }
}

std::string bounded(const std::string& text) { return text.size() <= kMaxText ? text : text.substr(0, kMaxText) + "…"; }

void put_repository(json& object, const Job& job) {
  if (const auto& id = job.pack.repository) object["repository"] = {{"device", id->device}, {"inode", id->inode}};
}

}  // namespace

std::string_view name_of(Job::Kind kind) {
  for (const auto& [value, name] : kKinds) {
    if (value == kind) return name;
  }
  return "unknown";
}

json to_json(const Hello& hello) {
  json object{{"protocol", hello.protocol}, {"version", hello.version}, {"uid", hello.uid}};
  if (!hello.proof.empty()) object["proof"] = hello.proof;
  if (!hello.problem.empty()) object["problem"] = bounded(hello.problem);
  return object;
}

json to_json(const stream::Extent& extent) { return {{"bytes", extent.bytes}, {"sha256", extent.sha256}}; }

json to_json(const Job& job) {
  json object{{"job", name_of(job.kind)}};
  switch (job.kind) {
    case Job::Kind::probe:
      object["paths"] = encode_paths(job.paths);
      put_repository(object, job);
      break;
    case Job::Kind::pack:
      object["codec"] = stream::name_of(job.pack.encoding.codec);
      object["level"] = job.pack.encoding.level;
      object["workers"] = job.pack.encoding.workers;
      object["paths"] = encode_paths(job.paths);
      object["exclude"] = encode_paths(job.pack.exclude);
      put_repository(object, job);
      break;
    case Job::Kind::stage:
      object["run"] = job.run;
      object["codec"] = stream::name_of(job.stage.codec);
      object["plain"] = to_json(job.stage.plain);
      object["stored"] = to_json(job.stage.stored);
      object["paths"] = encode_paths(job.paths);
      break;
    case Job::Kind::hold:
    case Job::Kind::seal:
    case Job::Kind::recover:
      object["run"] = job.run;
      break;
    case Job::Kind::remove:
      object["paths"] = encode_paths(job.paths);
      break;
    case Job::Kind::commit:
    case Job::Kind::rollback:
    case Job::Kind::cleanup:
      break;
  }
  return object;
}

json to_json(const Probe& probe) {
  return {{"exists", probe.exists},
          {"empty", probe.empty},
          {"free_bytes", probe.free_bytes},
          {"used_bytes", probe.used_bytes},
          {"entries", probe.entries},
          {"present", encode_paths(probe.present)},
          {"directories", encode_paths(probe.directories)},
          {"links", encode_paths(probe.links)},
          {"leftovers", encode_paths(probe.leftovers)},
          {"holds_repository", probe.holds_repository}};
}

json to_json(const PackResult& result) {
  return {{"plain", to_json(result.plain)}, {"stored", to_json(result.stored)}, {"entries", result.entries}};
}

json to_json(const StageResult& result) { return {{"entries", result.entries}}; }

Result<Hello> hello_from(const json& object) {
  return reading("hello", [&]() -> Result<Hello> {
    return Hello{object.at("protocol").get<int>(), object.at("version").get<std::string>(),
                 object.at("uid").get<unsigned>(), object.value("proof", ""), object.value("problem", "")};
  });
}

Result<stream::Extent> extent_from(const json& object) {
  return reading("extent", [&]() -> Result<stream::Extent> {
    return stream::Extent{object.at("bytes").get<std::uint64_t>(), object.at("sha256").get<std::string>()};
  });
}

Result<Job> job_from(const json& object) {
  return reading("job", [&]() -> Result<Job> {
    const auto kind = object.at("job").get<std::string>();
    Job job;
    const auto* known = std::ranges::find(kKinds, kind, [](const auto& entry) { return entry.second; });
    if (known == kKinds.end()) return fail(Errc::corrupt, "of unknown kind");
    job.kind = known->first;
    if (object.contains("paths")) {
      TRY_ASSIGN(paths, decode_paths(object.at("paths")));
      job.paths = std::move(paths);
    }
    if (object.contains("repository")) {
      const json& id = object.at("repository");
      job.pack.repository = DirectoryId{id.at("device").get<std::uint64_t>(), id.at("inode").get<std::uint64_t>()};
    }
    if (job.kind == Job::Kind::pack) {
      TRY_ASSIGN(codec, stream::parse_codec(object.at("codec").get<std::string>()));
      job.pack.encoding = {codec, object.at("level").get<int>(), object.at("workers").get<int>()};
      TRY_ASSIGN(exclude, decode_paths(object.at("exclude")));
      job.pack.exclude = std::move(exclude);
      job.pack.paths = job.paths;
    }
    if (job.kind == Job::Kind::stage) {
      TRY_ASSIGN(codec, stream::parse_codec(object.at("codec").get<std::string>()));
      TRY_ASSIGN(plain, extent_from(object.at("plain")));
      TRY_ASSIGN(stored, extent_from(object.at("stored")));
      job.stage = {codec, std::move(plain), std::move(stored), job.paths};
    }
    if (job.kind == Job::Kind::stage || job.kind == Job::Kind::hold || job.kind == Job::Kind::seal ||
        job.kind == Job::Kind::recover)
      job.run = object.at("run").get<std::string>();
    return job;
  });
}

Result<Probe> probe_from(const json& object) {
  return reading("probe", [&]() -> Result<Probe> {
    Probe probe;
    probe.exists = object.at("exists").get<bool>();
    probe.empty = object.at("empty").get<bool>();
    probe.free_bytes = object.at("free_bytes").get<std::uint64_t>();
    probe.used_bytes = object.at("used_bytes").get<std::uint64_t>();
    probe.entries = object.at("entries").get<std::uint64_t>();
    TRY_ASSIGN(present, decode_paths(object.at("present")));
    TRY_ASSIGN(directories, decode_paths(object.at("directories")));
    TRY_ASSIGN(links, decode_paths(object.at("links")));
    TRY_ASSIGN(leftovers, decode_paths(object.at("leftovers")));
    probe.present = std::move(present);
    probe.directories = std::move(directories);
    probe.links = std::move(links);
    probe.leftovers = std::move(leftovers);
    probe.holds_repository = object.at("holds_repository").get<bool>();
    return probe;
  });
}

Result<PackResult> pack_result_from(const json& object) {
  return reading("result", [&]() -> Result<PackResult> {
    TRY_ASSIGN(plain, extent_from(object.at("plain")));
    TRY_ASSIGN(stored, extent_from(object.at("stored")));
    return PackResult{std::move(plain), std::move(stored), object.at("entries").get<std::uint64_t>(), {}};
  });
}

Result<StageResult> stage_result_from(const json& object) {
  return reading("result",
                 [&]() -> Result<StageResult> { return StageResult{object.at("entries").get<std::uint64_t>(), {}}; });
}

json trailer_ok(json result) { return {{"status", "ok"}, {"result", std::move(result)}}; }

json trailer_error(const Error& error) {
  return {{"status", "error"},
          {"code", name_of(error.code())},
          {"message", bounded(error.message())},
          {"hint", bounded(error.hint())}};
}

Result<json> result_of_trailer(const json& trailer) {
  try {
    const auto status = trailer.at("status").get<std::string>();
    if (status == "ok") return trailer.value("result", json::object());
    const auto name = trailer.at("code").get<std::string>();
    const auto* code = std::ranges::find(kCodes, name, [](Errc value) { return davit::name_of(value); });
    return fail(code == kCodes.end() ? Errc::failed : *code, trailer.at("message").get<std::string>(),
                trailer.value("hint", ""));
  } catch (const json::exception& e) {
    return fail(Errc::corrupt, std::format("read the channel: trailer: {}", e.what()));
  }
}

std::vector<json> findings_to_json(const std::vector<Finding>& findings) {
  std::vector<json> frames;
  std::size_t room = 0;
  for (const Finding& finding : findings) {
    // Escapes of JSON make a byte into six at most, so a quarter of the bound is never exceeded by far.
    const std::size_t size =
        6 * (std::min(finding.path.size(), kMaxText) + std::min(finding.what.size(), kMaxText)) + 32;
    if (frames.empty() || size > room) {
      frames.push_back(json::array());
      room = 256U << 10U;
    }
    room -= std::min(room, size);
    frames.back().push_back({{"path", bounded(finding.path)}, {"what", bounded(finding.what)}});
  }
  return frames;
}

Result<std::vector<Finding>> findings_from(const json& list) {
  return reading("findings", [&]() -> Result<std::vector<Finding>> {
    std::vector<Finding> findings;
    for (const json& entry : list) {
      findings.push_back({"", entry.at("path").get<std::string>(), entry.at("what").get<std::string>()});
    }
    return findings;
  });
}

}  // namespace davit::helper
