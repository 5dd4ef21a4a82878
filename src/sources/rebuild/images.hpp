#pragma once
// The images of a stack's containers on a new host: found by their id, else by the digest that their registry knows
// them by, else pulled by it; and the tag that the compose file uses names them.

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sources/source.hpp"
#include "sources/stack.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

struct ImageStep {
  enum class How {
    present,  // it is on the host
    pull,     // by `digest`
    missing,  // no registry is known to have it: the restore can't begin
  };
  std::string reference;  // as the containers were made with: "postgres:17"
  std::string id;         // on the backup's host
  std::string digest;     // "postgres@sha256:…"; empty for one that was never pulled or pushed
  How how = How::missing;
  std::string present_id;             // on this host, where it is present
  bool tag = false;                   // `reference` doesn't name it yet
  std::string tagged_id;              // another image that `reference` names now, and which loses that tag; or empty
  std::vector<std::string> services;  // that are made from it
};

// One step for each reference and image of the services that `takes` says (null: all). Read-only.
[[nodiscard]] Result<std::vector<ImageStep>> plan_images(engine::Engine& engine, const Stack& recorded,
                                                         const std::function<bool(std::string_view)>& takes = {});
// Missing images, with what to do (docker save and load, or build), and tags that other images have (replaceable).
[[nodiscard]] std::vector<Conflict> image_conflicts(const std::vector<ImageStep>& steps);

// Pulls and tags. Returns the image's id on this host, which another kind of image store may give otherwise than it was
// recorded. Errc::unavailable with a hint if its registry can't be reached or refuses; Errc::cancelled.
[[nodiscard]] Result<std::string> bring_image(engine::Engine& engine, const ImageStep& step, RunContext& run);

}  // namespace davit::sources
