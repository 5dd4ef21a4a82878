#include "sources/one_off.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "sources/injected_files.hpp"
#include "sources/last_lines.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::chrono::milliseconds kPollInterval{200};

// The record's own image if it is here. A tag may name another one by now, and still be of use where that one is gone.
Result<std::string> find_image(engine::Engine& engine, const engine::ContainerInfo& recorded,
                               const OneOffOptions& options, RunContext& run) {
  std::vector<std::string> candidates{recorded.image_id};
  candidates.insert(candidates.end(), options.repo_digests.begin(), options.repo_digests.end());
  candidates.push_back(recorded.image);
  for (const std::string& candidate : candidates) {
    if (candidate.empty()) continue;
    const auto image = engine.inspect_image(candidate);
    if (image) {
      if (candidate == recorded.image && !recorded.image_id.empty() && image->id != recorded.image_id)
        run.reporter.note("image " + recorded.image + " is not the one that was recorded");
      return image->id;
    }
    if (image.error().code() != Errc::not_found) return std::unexpected(image.error());
  }
  // The digest names the very image; a tag is what is left for one that was built and pushed elsewhere.
  const std::string reference = options.repo_digests.empty() ? recorded.image : options.repo_digests.front();
  run.reporter.note("pulling " + reference);
  auto pulled = engine.pull_image(
      reference, [&](std::string_view progress) { log_debug(std::string("pull: ") + std::string(progress)); },
      run.stop);
  if (!pulled)
    return std::unexpected(std::move(pulled).error().hint_if_none("load or build the image " + recorded.image +
                                                                  " on this Engine, and try again"));
  TRY_ASSIGN(image, engine.inspect_image(reference));
  return image.id;
}

// Not an error while it runs (or has not been started).
Result<> still_runs(engine::Engine& engine, const engine::ContainerId& id, const std::string& purpose,
                    const std::string& image) {
  auto info = engine.inspect_container(id);
  if (!info) return std::unexpected(std::move(info).error().context(purpose));
  if (info->state.running) return {};
  const std::string why = info->state.error.empty() ? std::string() : info->state.error + "; ";
  return fail(Errc::failed, purpose + ": the one-off container of " + image + " ended with exit code " +
                                std::to_string(info->state.exit_code) + ": " + why + last_lines(engine, id));
}

}  // namespace

std::string one_off_name(const std::string& run_id) { return "davit-one-off-" + run_id + "-" + random_hex(3); }

OneOff::OneOff(engine::Engine& engine, engine::ContainerId id, std::string purpose, std::string image)
    : engine_(&engine), id_(std::move(id)), purpose_(std::move(purpose)), image_(std::move(image)) {}
OneOff::OneOff(OneOff&& other) noexcept
    : engine_(other.engine_),
      id_(std::exchange(other.id_, {})),
      purpose_(std::move(other.purpose_)),
      image_(std::move(other.image_)) {}
OneOff& OneOff::operator=(OneOff&& other) noexcept {
  if (this == &other) return *this;
  remove();
  engine_ = other.engine_;
  id_ = std::exchange(other.id_, {});
  purpose_ = std::move(other.purpose_);
  image_ = std::move(other.image_);
  return *this;
}
OneOff::~OneOff() { remove(); }

void OneOff::remove() noexcept {
  if (id_.value.empty()) return;
  // A destructor has nobody to tell: what stays behind is found by its labels, and swept by the next run.
  if (const auto removed = engine_->remove_container(id_, true); !removed) log_warning(removed.error().message());
  id_ = {};
}

Result<OneOff> OneOff::start(engine::Engine& engine, const engine::ContainerInfo& recorded,
                             const OneOffOptions& options, const ReadyCheck& ready, RunContext& run) {
  const std::string& doing = options.purpose;
  TRY(run.check());
  TRY_ASSIGN(image, in_context(find_image(engine, recorded, options, run), doing));
  std::optional<Error> lookup_error;
  const auto volume_exists = [&](const std::string& name) {
    const auto volume = engine.inspect_volume(name);
    if (!volume && volume.error().code() != Errc::not_found) lookup_error = volume.error();
    return volume.has_value();
  };
  TRY_ASSIGN(body, in_context(one_off_body(recorded, options, image, engine::own_labels(run, "one-off"), volume_exists),
                              doing));
  if (lookup_error) return std::unexpected(std::move(*lookup_error).context(doing));
  const std::string name = options.name.empty() ? one_off_name(run.run_id) : options.name;
  TRY_ASSIGN(id, in_context(engine.create_container(name, body), doing));
  OneOff one_off(engine, id, doing, recorded.image);
  // The environment may name one of them, such as the file of a password.
  TRY(in_context(put_injected_files(engine, id, recorded), doing));
  TRY(in_context(engine.start_container(id), doing));

  const auto until = run.clock.steady() + options.ready_within;
  while (true) {
    TRY(run.check());
    // Looked at before the question, too: a check in a container that has ended only says that it has no such process.
    TRY(one_off.check_running());
    auto is_ready = ready(id);
    if (!is_ready) {
      TRY(one_off.check_running());
      return std::unexpected(std::move(is_ready).error().context(doing));
    }
    if (*is_ready) return one_off;
    if (run.clock.steady() >= until)
      return fail(Errc::unavailable, doing + ": the one-off container of " + recorded.image + " was not ready after " +
                                         std::to_string(options.ready_within.count()) +
                                         " s: " + last_lines(engine, id));
    run.clock.sleep_for(kPollInterval);
  }
}

Result<> OneOff::check_running() const { return still_runs(*engine_, id_, purpose_, image_); }

Result<> OneOff::close(std::chrono::seconds grace) {
  if (id_.value.empty()) return {};
  const auto stopped = engine_->stop_container(id_, grace);
  auto info = engine_->inspect_container(id_);
  std::optional<Error> error;
  if (!stopped) {
    error = stopped.error();
  } else if (!info) {
    error = std::move(info).error();
  } else if (info->state.exit_code != 0) {
    error = Error(Errc::failed, "the one-off container of " + image_ + " did not stop cleanly: exit code " +
                                    std::to_string(info->state.exit_code) + ": " + last_lines(*engine_, id_));
  }
  auto removed = engine_->remove_container(std::exchange(id_, {}), true);
  if (!error && !removed) error = std::move(removed).error();
  if (error) return std::unexpected(std::move(*error).context(purpose_));
  return {};
}

Result<std::vector<std::string>> sweep_one_offs(engine::Engine& engine, const engine::IsAlive& is_alive) {
  TRY_ASSIGN(found, engine.list_containers({.labels = {"davit.role=one-off"}, .names = {}}));
  std::vector<std::string> lines;
  for (const engine::ContainerSummary& container : found) {
    TRY_ASSIGN(alive, is_alive(container.labels));
    if (alive) continue;
    TRY(engine.remove_container(container.id, true));
    lines.push_back("removed one-off container " + container.name + " of a run that has ended");
  }
  return lines;
}

}  // namespace davit::sources
