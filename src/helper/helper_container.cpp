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
                     image.program(),
                     engine::own_labels(run_, kHelperRole),
                     network,
                     listener_ ? listener_->name() : "",
                     mount_};
  log_info(std::format("helper for {}: {}, image {}", mount_.place.text(),
                       listener_ ? "socket in the network namespace of " + network : "attach", image.reference));
  auto made = container_.create(create_body(spec));
  if (!made && made.error().message().contains("rslave")) {
    spec.mount.follows_host = true;
    made = container_.create(create_body(spec));
  }
  if (!made && mount_.place.kind == Place::Kind::directory && says_missing(made.error())) return false;
  if (!made) return std::unexpected(std::move(made).error().context("create a helper"));
  const std::string secrets = render_secrets(secrets_);
  std::vector<FileToPut> files;
  if (listener_) files.push_back({kSecretsName, 0400, secrets});
  TRY(container_.put_tools(image, std::move(files)));
  TRY(container_.start());
  return true;
}

Result<> HelperContainer::wait_for_hello() {
  const auto deadline = steady_clock::now() + kHelloTime;
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
    TRY_ASSIGN(hello, container_.poll_hello(kGlance));
    if (hello) {
      if (listener_) host_.give_up_socket(container_.said());
      listener_.reset();
      link_ = std::make_unique<Link>(container_.take_streams());
      return answer_helper(*link_, {});
    }
    if (steady_clock::now() >= deadline) {
      return std::unexpected(explain(Error(Errc::unavailable, "the helper said nothing for half a minute")));
    }
  }
}

Result<> HelperContainer::end(bool bye, std::chrono::seconds patience) {
  if (link_) {
    link_->channel().set_stop({});
    if (bye) (void)link_->send(FrameType::bye);
    (void)link_->channel().close_write();
    if (!link_->drain(steady_clock::now() + patience)) {
      // It hangs in something. SIGTERM lets it roll back at least until the Engine's patience ends, too.
      log_warning(std::format("helper for {}: does not end by itself", mount_.place.text()));
      (void)container_.stop();
    }
  }
  return remove();
}

Result<> HelperContainer::remove() {
  link_.reset();
  return container_.remove();
}

HelperContainer::~HelperContainer() {
  if (auto removed = remove(); !removed) log_warning(removed.error().message());
}

}  // namespace davit::helper
