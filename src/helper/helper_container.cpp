#include "helper/helper_container.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "engine/own_labels.hpp"
#include "helper/channel/message.hpp"
#include "util/log.hpp"

namespace davit::helper {

namespace {

using std::chrono::steady_clock;

constexpr auto kHelloTime = std::chrono::seconds(30);
// While both the socket and the streams are waited for, each is looked at this often.
constexpr auto kGlance = std::chrono::milliseconds(5);

// "bind source path does not exist: /srv/x", or an Engine that leaves the words to the kernel.
bool says_missing(const Error& error) {
  return error.message().contains("bind source path does not exist") ||
         (error.message().contains("statfs") && error.message().contains("no such file or directory"));
}

}  // namespace

Result<std::unique_ptr<HelperContainer>> HelperContainer::start(HostState& host, const PlaceMount& mount,
                                                                RunContext& run) {
  TRY_ASSIGN(image, host.image(run));
  std::unique_ptr<HelperContainer> helper;
  const auto launch = [&](const std::string& network) -> Result<bool> {
    TRY(run.check());
    helper.reset(new HelperContainer(host, mount, run));
    return helper->launch(image, network);
  };
  const std::string network = host.network();
  auto launched = launch(network.empty() ? "none" : network);
  if (!launched && !network.empty() && launched.error().code() != Errc::cancelled) {
    // Some Engines refuse to share a namespace (user namespaces, a policy). What else is wrong shows a second time.
    const std::string why = launched.error().message();
    launched = launch("none");
    if (launched) host.give_up_socket(why);
  }
  if (!launched) return std::unexpected(std::move(launched).error());
  if (!*launched) return nullptr;
  TRY(helper->wait_for_hello());
  return helper;
}

Result<bool> HelperContainer::launch(const HelperImage& image, const std::string& network) {
  if (network != "none") {
    TRY_ASSIGN(listener, Listener::open());
    listener_.emplace(std::move(listener));
  }
  ContainerSpec spec{image.reference,
                     image.has_program ? kImageProgram : std::format("{}/{}", kToolPath, kProgramName),
                     engine::own_labels(run_, kHelperRole),
                     network,
                     listener_ ? listener_->name() : "",
                     mount_};
  log_info(std::format("helper for {}: {}, image {}", mount_.place.text(),
                       listener_ ? "socket in the network namespace of " + network : "attach", image.reference));
  auto made = host_.engine().create_container(name_, create_body(spec));
  if (!made && made.error().message().contains("rslave")) {
    spec.mount.follows_host = true;
    made = host_.engine().create_container(name_, create_body(spec));
  }
  if (!made && mount_.place.kind == Place::Kind::directory && says_missing(made.error())) return false;
  if (!made) return std::unexpected(std::move(made).error().context("create a helper"));
  created_ = true;
  if (!image.has_program || listener_) TRY(put_tools(image));
  // Before it starts, to miss nothing that it says.
  TRY_ASSIGN(attached, in_context(host_.engine().attach({name_}, true), "attach to a helper"));
  attached_ = std::move(attached);
  TRY(in_context(host_.engine().start_container({name_}), "start a helper"));
  return true;
}

Result<> HelperContainer::put_tools(const HelperImage& image) {
  std::vector<FileToPut> files;
  std::string program;
  if (!image.has_program) {
    TRY_ASSIGN(bytes, host_.program());
    program = std::move(bytes);
    files.push_back({kProgramName, 0755, program});
  }
  const std::string secrets = render_secrets(secrets_);
  if (listener_) files.push_back({kSecretsName, 0400, secrets});
  TRY_ASSIGN(tar, pack_files(files));
  return in_context(host_.engine().put_archive({name_}, kToolPath, tar), "put davit into a helper");
}

Result<> HelperContainer::wait_for_hello() {
  const auto deadline = steady_clock::now() + kHelloTime;
  auto streams = std::make_unique<AttachChannel>(*attached_, errors_);
  FrameDecoder decoder;
  for (;;) {
    TRY(run_.check());
    if (listener_) {
      TRY_ASSIGN(channel, listener_->poll(kGlance, secrets_));
      if (channel) {
        link_ = std::make_unique<Link>(std::move(channel));
        listener_.reset();
        return answer_helper(*link_, secrets_);
      }
    }
    TRY_ASSIGN(hello, hello_over_streams(*streams, decoder));
    if (hello) {
      if (listener_) host_.give_up_socket(errors_.text());
      listener_.reset();
      link_ = std::make_unique<Link>(std::move(streams));
      return answer_helper(*link_, {});
    }
    if (steady_clock::now() >= deadline) {
      return std::unexpected(explain(Error(Errc::unavailable, "the helper said nothing for half a minute")));
    }
  }
}

Result<bool> HelperContainer::hello_over_streams(AttachChannel& channel, FrameDecoder& decoder) {
  const auto room = decoder.room();
  auto got = channel.read(room, steady_clock::now() + kGlance);
  if (!got) return std::unexpected(explain(std::move(got).error()));
  if (!*got) return false;
  if (**got == 0) return std::unexpected(explain(Error(Errc::failed, "the helper ended before it said hello")));
  const auto bytes = room.first(**got);
  decoder.add(**got);
  auto frame = decoder.next();
  if (frame && !*frame) return false;
  const auto hello = frame && (*frame)->type == FrameType::hello ? read_hello(**frame) : fail(Errc::failed, "no hello");
  if (hello) return true;
  if (hello.error().code() == Errc::usage) return std::unexpected(hello.error());
  // Something else runs there, or cannot: what it prints is the best reason there is.
  errors_.add(bytes);
  return std::unexpected(explain(Error(Errc::failed, "what runs in the helper's container is not davit's helper")));
}

Error HelperContainer::explain(const Error& error) {
  // Its last words may still be on the way, and the Engine notices its end a moment after its streams did.
  bool ended = false;
  if (attached_) {
    Link rest(std::make_unique<AttachChannel>(*attached_, errors_));
    ended = rest.drain(steady_clock::now() + std::chrono::seconds(1));
  }
  auto info = host_.engine().inspect_container({name_});
  for (int looks = 0; ended && info && info->state.running && looks < 20; ++looks) {
    run_.clock.sleep_for(std::chrono::milliseconds(50));
    info = host_.engine().inspect_container({name_});
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
  if (const std::string said = errors_.text(); !said.empty()) message += ": " + said;
  return {error.code(), std::move(message), std::move(hint)};
}

Result<> HelperContainer::end(bool bye, std::chrono::seconds patience) {
  if (link_) {
    link_->channel().set_stop({});
    if (bye) (void)link_->send(FrameType::bye);
    (void)link_->channel().close_write();
    if (!link_->drain(steady_clock::now() + patience)) {
      // It hangs in something. SIGTERM lets it roll back at least until the Engine's patience ends, too.
      log_warning(std::format("helper for {}: does not end by itself", mount_.place.text()));
      (void)host_.engine().stop_container({name_}, std::chrono::seconds(10));
    }
  }
  return remove();
}

Result<> HelperContainer::remove() {
  link_.reset();
  attached_.reset();
  if (!created_) return {};
  TRY(in_context(host_.engine().remove_container({name_}, true), "remove the helper " + name_));
  created_ = false;
  return {};
}

HelperContainer::~HelperContainer() {
  if (auto removed = remove(); !removed) log_warning(removed.error().message());
}

}  // namespace davit::helper
