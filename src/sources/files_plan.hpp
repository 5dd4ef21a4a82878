#pragma once
// Which files of a project are backed up beside its volumes: pure, from what the containers' labels and the user say to
// groups by directory, each of which becomes an item.

#include <optional>
#include <string>
#include <vector>

#include "sources/volume_plan.hpp"

namespace davit::sources {

struct FileRequest {
  std::string path;    // below the group's directory
  std::string origin;  // "--files", "label davit.files of service app"; empty for a default, which may be missing
};
struct FileGroup {
  std::string name;       // of the item: "project", or the directory
  std::string directory;  // on the Engine's host
  std::vector<FileRequest> requests;
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] model::ItemId id() const { return {model::ItemKind::files, name}; }
};

// The group of the project's directory first. `named`: what the compose files name besides (compose_scan.hpp).
// Errc::usage for a relative path where that directory isn't known.
[[nodiscard]] Result<std::vector<FileGroup>> group_files(const Stack& stack, const FilesOptions& options,
                                                         const std::vector<std::string>& named = {});

// Files and bind mounts never overlap, since each is restored on its own: what lies in a bound directory goes with that
// bind mount, a bound directory inside one that was asked for goes with the files (Plan::covered_volumes), and a single
// file that is bound is one of the project's files. `seen`: the probe of the project's directory, asked for the binds.
void sort_out_binds(std::vector<FileGroup>& groups, Plan& plan, const std::vector<BindCandidate>& binds,
                    const helper::Probe& seen);

// Adds the item of a group, given what a probe of its paths saw. Errc::usage for one that was asked for and isn't
// there.
[[nodiscard]] Result<> add_group(Plan& plan, const FileGroup& group, const helper::Probe& seen, const Stack& stack,
                                 stream::Codec codec);

// The paths and digests that an artefact of files carries as "path.0", "digest.0", …
struct RecordedFile {
  std::string path;
  std::string digest;  // empty: not known
};
void record_files(model::Artefact& artefact, const std::vector<RecordedFile>& files);
// Errc::corrupt: none, or one that leads out of its directory.
[[nodiscard]] Result<std::vector<RecordedFile>> recorded_files(const model::Artefact& artefact);

}  // namespace davit::sources
