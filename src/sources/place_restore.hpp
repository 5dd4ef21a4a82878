#pragma once
// Bringing back a place, which is a volume or a directory, from a tar: what volumes, bind mounts and files have in
// common.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/source.hpp"

namespace davit::sources {

struct PlaceTarget {
  helper::Place place;
  std::vector<std::string> paths;  // only these; empty: the archive becomes all of its contents
  bool made = false;               // the volume was made for this restore, and goes when that is rolled back
  // Nothing may be replaced: data that came after the plan is refused, at the begin and right before the commit.
  bool must_be_empty = false;
  // Asked right before the commit, through the session: staging may take an hour, and a service may have been started.
  std::function<Result<>(helper::Session& session, RunContext& run)> check_again = {};
  Journal* journal = nullptr;  // see sources::Target
};

// Opens a helper that may write, makes the directories above a place that is to be made (they go when it is rolled
// back), and first puts back what a dead run left there. Errc::locked if the run that left it lives: another restore is
// under way there. Where it fails, a volume that was made is removed.
[[nodiscard]] Result<std::unique_ptr<Restoration>> restore_place(helper::Host& host, const PlaceTarget& target,
                                                                 RunContext& run);

// What is in a place. A directory that isn't there is `exists == false`.
[[nodiscard]] Result<helper::Probe> probe_place(helper::Host& host, const helper::Place& place,
                                                const std::vector<std::string>& paths, RunContext& run);

// The same, but for its files, which are not counted.
[[nodiscard]] Result<helper::Probe> glance_at_place(helper::Host& host, const helper::Place& place, RunContext& run);

// Which of a directory of the Engine's host and those above it are not there, the deepest first. A helper makes one of
// them, in one that is there.
[[nodiscard]] Result<std::vector<std::string>> missing_directories(helper::Host& host, const std::string& path,
                                                                   RunContext& run);

// Removes a directory of the Engine's host if it is there and empty.
[[nodiscard]] Result<> remove_empty_directory(helper::Host& host, const std::string& path, RunContext& run);

// What is free where a place is yet to be made: around a directory, or among the volumes of the Engine, if there is one
// to look at. Nothing for a volume that the Engine keeps elsewhere (another driver, options).
[[nodiscard]] Result<std::optional<std::uint64_t>> free_around(helper::Host& host, const std::string& path,
                                                               RunContext& run);
[[nodiscard]] Result<std::optional<std::uint64_t>> free_for(helper::Host& host, const engine::VolumeInfo& missing,
                                                            RunContext& run);

// An error (Errc::exists) that names the conflicts which nothing permits.
[[nodiscard]] Result<> refuse_conflicts(const std::vector<Conflict>& conflicts, bool replace);

// The id of the Engine's container that davit runs in; empty if it is in none.
[[nodiscard]] std::string own_container(const RunContext& run);

// Every container of the Engine that runs (paused ones too), but for davit's own helpers, and for the container of the
// run itself where that runs nothing but davit: what it has mounted, such as a directory above the repository, is in
// nobody's use.
[[nodiscard]] Result<std::vector<engine::ContainerInfo>> running_containers(engine::Engine& engine,
                                                                            const RunContext& run);

// Reads a tar artefact to its verified end.
[[nodiscard]] Result<> verify_tar(const model::Artefact& artefact, stream::ByteSource& stored, RunContext& run);

}  // namespace davit::sources
