#pragma once
// A container of ours with davit in it: made, given our own program, started, and listened to at its attached streams.
// What a helper and a guard have in common.

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "helper/channel/attach_channel.hpp"
#include "helper/channel/link.hpp"
#include "helper/channel/message.hpp"
#include "helper/container_spec.hpp"
#include "helper/host_state.hpp"

namespace davit::helper {

class OwnContainer {
 public:
  // `what` it is, for messages: "helper", "guard". `host` and `run` must outlive it.
  OwnContainer(HostState& host, RunContext& run, std::string what, std::string name)
      : host_(host), run_(run), what_(std::move(what)), name_(std::move(name)) {}
  // As remove(), unless keep() was called.
  ~OwnContainer();
  OwnContainer(OwnContainer&&) = delete;

  // Errors as of Engine::create_container(). What the Engine has made although it did not say so is removed.
  [[nodiscard]] Result<> create(const nlohmann::json& body);
  // Our program, unless the image has it, and `files` of its own.
  [[nodiscard]] Result<> put_tools(const HelperImage& image, std::vector<FileToPut> files);
  // Attaches first, to miss nothing that it says.
  [[nodiscard]] Result<> start();
  // Looks at the attached streams for a moment, and returns the hello once it came there. Something else that says
  // something, and an end, are errors.
  [[nodiscard]] Result<std::optional<Hello>> poll_hello(std::chrono::milliseconds glance);
  // The streams as a channel. REQUIRES: once, behind a hello that came there.
  [[nodiscard]] std::unique_ptr<AttachChannel> take_streams() { return std::move(streams_); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const engine::ContainerId& id() const { return id_; }
  // What it has said on its stderr so far.
  [[nodiscard]] std::string said() const { return errors_.text(); }
  // Adds to an error what the container or the Engine can say about it.
  [[nodiscard]] Error explain(const Error& error);
  // Sends its stop signal, and SIGKILL after 10 s.
  [[nodiscard]] Result<> stop();
  // Kills and removes it with its own volumes. REQUIRES: nothing uses its streams any more.
  [[nodiscard]] Result<> remove();
  // It stays where it is, and ends its streams only.
  void keep();

 private:
  HostState& host_;
  RunContext& run_;
  std::string what_;
  std::string name_;
  engine::ContainerId id_;  // empty: none was made, or it was removed
  std::unique_ptr<engine::AttachedStream> attached_;
  Tail errors_;
  FrameDecoder decoder_;
  std::unique_ptr<AttachChannel> streams_;  // last: uses attached_ and errors_
};

}  // namespace davit::helper
