#include "helper/host_state.hpp"

#include <format>

#include "helper/container_spec.hpp"
#include "helper/self_container.hpp"
#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "util/log.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::helper {

namespace {

constexpr const char* kDefaultImage = "busybox";
constexpr const char* kOwnExecutable = "/proc/self/exe";
constexpr const char* kMountinfo = "/proc/self/mountinfo";
constexpr std::size_t kMaxProgram = 256U << 20U;

}  // namespace

Host::Host(engine::Engine& engine, Options options) : impl_(std::make_unique<Impl>(engine, std::move(options))) {}
Host::~Host() = default;
engine::Engine& Host::engine() const { return impl_->engine(); }
std::string Host::network() const { return impl_->network(); }

std::string HelperImage::program() const {
  return has_program ? kImageProgram : std::format("{}/{}", kToolPath, kProgramName);
}

Result<std::string> HostState::program() const {
  return in_context(read_whole_file(options_.program.empty() ? kOwnExecutable : options_.program, kMaxProgram),
                    "read the program for the helper");
}

Result<HelperImage> HostState::image(RunContext& run) {
  const std::scoped_lock lock(mutex_);
  if (!image_) {
    TRY_ASSIGN(found, find_image(run));
    image_ = std::move(found);
  }
  return *image_;
}

Result<HelperImage> HostState::find_image(RunContext& run) {
  if (!options_.image.empty()) return chosen_image(run);
  TRY_ASSIGN(has_default, has_image(kDefaultImage));
  if (has_default) return HelperImage{kDefaultImage, false};

  // Before a registry is asked: where none can be reached that takes its time, and was in vain before.
  TRY_ASSIGN(bytes, program());
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(bytes))));
  const std::string own = "davit-helper:" + extent.sha256.substr(0, 12);
  TRY_ASSIGN(has_own, has_image(own));
  if (has_own) return HelperImage{own, true};

  auto pulled = pull(kDefaultImage, run);
  if (pulled) return HelperImage{kDefaultImage, false};
  if (pulled.error().code() == Errc::cancelled) return std::unexpected(std::move(pulled).error());
  log_info(pulled.error().message());
  log_info("importing the image " + own + " from our own executable");
  TRY(import(own, bytes));
  return HelperImage{own, true};
}

Result<HelperImage> HostState::chosen_image(RunContext& run) {
  TRY_ASSIGN(there, has_image(options_.image));
  if (!there) {
    if (auto pulled = pull(options_.image, run); !pulled) {
      return std::unexpected(std::move(pulled).error().hint_if_none("load the image, or leave the choice to davit"));
    }
  }
  return HelperImage{options_.image, false};
}

Result<bool> HostState::has_image(const std::string& reference) {
  const auto image = engine_.inspect_image(reference);
  if (image) return true;
  if (image.error().code() == Errc::not_found) return false;
  return std::unexpected(Error(image.error()).context("look for the helper's image " + reference));
}

Result<> HostState::pull(const std::string& reference, RunContext& run) {
  run.reporter.note("pulling " + reference);
  return in_context(engine_.pull_image(
                        reference, [](std::string_view line) { log_debug(line); }, run.stop),
                    "pull the helper's image " + reference);
}

Result<> HostState::import(const std::string& reference, const std::string& bytes) {
  TRY_ASSIGN(packed, pack_files({{std::string(kImageProgram).substr(1), 0755, bytes}}));
  stream::MemorySource tar(std::move(packed));
  const std::vector<std::string> changes{std::format("LABEL {}=helper-image", engine::kRoleLabel),
                                         std::format("ENTRYPOINT [\"{}\"]", kImageProgram)};
  TRY(in_context(engine_.import_image(tar, reference, changes), "import the helper's image " + reference));
  return {};
}

std::string HostState::network() {
  const std::scoped_lock lock(mutex_);
  if (!network_) network_ = find_network();
  return *network_;
}

std::string HostState::find_network() {
  if (options_.attach_only || !engine_.is_local()) {
    log_info(options_.attach_only ? "helpers: streams attached, as asked for"
                                  : "helpers: streams attached, as the Engine is not on this machine");
    return {};
  }
  std::optional<std::string> self;
  if (!options_.self_container.empty()) {
    self = options_.self_container;
  } else if (const auto mountinfo = read_whole_file(kMountinfo)) {
    self = container_in_mountinfo(*mountinfo);
  }
  // In a container without its traces this is wrong, and the helper, which finds no socket then, falls back by itself.
  if (!self) return "host";

  const auto container = engine_.inspect_container({*self});
  if (!container) {
    log_info(std::format("helpers: streams attached: davit runs in container {}, but: {}", self->substr(0, 12),
                         container.error().message()));
    return {};
  }
  // Where that container has no network namespace of its own, its owner is joined.
  const std::string& mode = container->network_mode;
  if (mode == "host" || mode.starts_with("container:")) return mode;
  return "container:" + container->id.value;
}

void HostState::give_up_socket(std::string_view why) {
  const std::scoped_lock lock(mutex_);
  network_ = "";
  log_info(std::format("helpers: streams attached from now on: {}", why));
}

}  // namespace davit::helper
