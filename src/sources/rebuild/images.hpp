#pragma once
// The images of a stack's containers on a new host: found by their id, else by the digest that their registry knows
// them by, else pulled by it; and the tag that the compose file uses names them.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "sources/source.hpp"
#include "sources/stack.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

struct ImageStep {
  enum class How {
    present,  // it is on the host
    other,    // another image is taken in its place, as the user allows: the one that `reference` names here
    pull,     // by `digest`
    missing,  // no registry is known to have it: the restore can't begin
  };
  std::string reference;  // as the containers were made with: "postgres:17"
  std::string id;         // on the backup's host
  std::string digest;     // "postgres@sha256:…"; empty for one that was never pulled or pushed
  How how = How::missing;
  std::string present_id;             // on this host: of the image that is taken; empty where it isn't there yet
  bool tag = false;                   // `reference` doesn't name it yet
  std::string tagged_id;              // another image that `reference` names now, and which loses that tag; or empty
  std::vector<std::string> services;  // that are made from it
};

struct ImageOptions {
  std::function<bool(std::string_view service)> takes = {};  // null: all services
  bool allow_other = false;                                  // `--allow-version-change`
};

// One step for each reference and image. Read-only.
[[nodiscard]] Result<std::vector<ImageStep>> plan_images(engine::Engine& engine, const Stack& recorded,
                                                         const ImageOptions& options);
// Missing images, with what to do (docker save and load, or build), and tags that other images have (replaceable).
[[nodiscard]] std::vector<Conflict> image_conflicts(const std::vector<ImageStep>& steps);

// Pulls, if need be, and returns the image's id on this host, which another kind of image store may give otherwise than
// it was recorded. Errc::unavailable with a hint if its registry can't be reached or refuses; Errc::cancelled.
[[nodiscard]] Result<std::string> pull_if_missing(engine::Engine& engine, const ImageStep& step, RunContext& run);
// The container's reference names the image from here on.
[[nodiscard]] Result<> tag_if_missing(engine::Engine& engine, const ImageStep& step, const std::string& image_id);

}  // namespace davit::sources
