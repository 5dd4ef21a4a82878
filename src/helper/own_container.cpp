#include "helper/own_container.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "helper/channel/handshake.hpp"
#include "util/log.hpp"

namespace davit::helper {

using std::chrono::steady_clock;

Result<> OwnContainer::create(const nlohmann::json& body) {
  auto made = host_.engine().create_container(name_, body);
  if (made) {
    id_ = *std::move(made);
    return {};
  }
  // An answer that was lost: the container is there all the same, and it is ours if it says so.
  if (made.error().code() == Errc::unavailable) {
    const auto there = host_.engine().inspect_container({name_});
    const auto run = there ? there->labels.find(engine::kRunLabel) : engine::Labels::const_iterator();
    if (there && run != there->labels.end() && run->second == run_.run_id)
      (void)host_.engine().remove_container(there->id, true);
  }
  return std::unexpected(std::move(made).error());
}

Result<> OwnContainer::put_tools(const HelperImage& image, std::vector<FileToPut> files) {
  std::string program;
  if (!image.has_program) {
    TRY_ASSIGN(bytes, host_.program());
    program = std::move(bytes);
    files.push_back({kProgramName, 0755, program});
  }
  if (files.empty()) return {};
  TRY_ASSIGN(tar, pack_files(files));
  return in_context(host_.engine().put_archive(id_, kToolPath, tar), "put davit into a " + what_);
}

Result<> OwnContainer::start() {
  TRY_ASSIGN(attached, in_context(host_.engine().attach(id_, true), "attach to a " + what_));
  attached_ = std::move(attached);
  streams_ = std::make_unique<AttachChannel>(*attached_, errors_);
  return in_context(host_.engine().start_container(id_), "start a " + what_);
}

Result<std::optional<Hello>> OwnContainer::poll_hello(std::chrono::milliseconds glance) {
  const auto room = decoder_.room();
  auto got = streams_->read(room, steady_clock::now() + glance);
  if (!got) return std::unexpected(explain(std::move(got).error()));
  if (!*got) return std::nullopt;
  if (**got == 0) return std::unexpected(explain(Error(Errc::failed, "the " + what_ + " ended before it said hello")));
  const auto bytes = room.first(**got);
  decoder_.add(**got);
  auto frame = decoder_.next();
  if (frame && !*frame) return std::nullopt;
  auto hello = frame && (*frame)->type == FrameType::hello ? read_hello(**frame) : fail(Errc::failed, "no hello");
  if (hello) return *std::move(hello);
  if (hello.error().code() == Errc::usage) return std::unexpected(hello.error());
  // Something else runs there, or cannot: what it prints is the best reason there is.
  errors_.add(bytes);
  return std::unexpected(
      explain(Error(Errc::failed, std::format("what runs in the {0}'s container is not davit's {0}", what_))));
}

Error OwnContainer::explain(const Error& error) {
  // Its last words may still be on the way, and the Engine notices its end a moment after its streams did.
  bool ended = false;
  if (attached_) {
    Link rest(std::make_unique<AttachChannel>(*attached_, errors_));
    ended = rest.drain(steady_clock::now() + std::chrono::seconds(1));
  }
  auto info = host_.engine().inspect_container(id_);
  for (int looks = 0; ended && info && info->state.running && looks < 20; ++looks) {
    run_.clock.sleep_for(std::chrono::milliseconds(50));
    info = host_.engine().inspect_container(id_);
  }
  std::string message = error.message();
  std::string hint = error.hint();
  if (info && !info->state.running) {
    message += std::format("; its container ended with code {}", info->state.exit_code);
    if (!info->state.error.empty()) message += ": " + info->state.error;
    // As a shell would say it: the program is there and can't be run, or isn't there.
    if (hint.empty() && (info->state.exit_code == 126 || info->state.exit_code == 127))
      hint = "helpers run davit's own program: it must be the static build";
  } else if (!info && info.error().code() == Errc::not_found) {
    message += "; its container was removed";
  }
  if (const std::string words = said(); !words.empty()) message += ": " + words;
  return {error.code(), std::move(message), std::move(hint)};
}

Result<> OwnContainer::stop() { return host_.engine().stop_container(id_, std::chrono::seconds(10)); }

Result<> OwnContainer::remove() {
  streams_.reset();
  attached_.reset();
  if (id_.value.empty()) return {};
  TRY(in_context(host_.engine().remove_container(id_, true), std::format("remove the {} {}", what_, name_)));
  id_ = {};
  return {};
}

void OwnContainer::keep() {
  streams_.reset();
  attached_.reset();
  id_ = {};
}

OwnContainer::~OwnContainer() {
  if (auto removed = remove(); !removed) log_warning(removed.error().message());
}

}  // namespace davit::helper
