#pragma once
// One container of a helper, from its creation to its removal, and the channel to the helper in it.

#include <memory>

#include "helper/channel/attach_channel.hpp"
#include "helper/channel/handshake.hpp"
#include "helper/container_spec.hpp"
#include "helper/host_state.hpp"

namespace davit::helper {

class HelperContainer {
 public:
  // Starts it and waits for its hello. A null pointer: the directory to be mounted does not exist.
  [[nodiscard]] static Result<std::unique_ptr<HelperContainer>> start(HostState& host, const PlaceMount& mount,
                                                                      RunContext& run);
  // As remove().
  ~HelperContainer();
  HelperContainer(HelperContainer&&) = delete;

  [[nodiscard]] Link& link() { return *link_; }
  // Adds to an error of the channel what the helper or the Engine can say about it.
  [[nodiscard]] Error explain(const Error& error);
  // Ends our direction (with a bye, or without: an abort), and gives the helper that long to end by itself, which
  // includes rolling back. Then it is removed.
  [[nodiscard]] Result<> end(bool bye, std::chrono::seconds patience);
  // Ends the channel and removes the container, at once.
  [[nodiscard]] Result<> remove();

 private:
  HelperContainer(HostState& host, const PlaceMount& mount, RunContext& run)
      : host_(host), run_(run), mount_(mount), name_(container_name(run.run_id)), secrets_(make_secrets()) {}
  [[nodiscard]] Result<bool> launch(const HelperImage& image, const std::string& network);
  [[nodiscard]] Result<> put_tools(const HelperImage& image);
  [[nodiscard]] Result<> wait_for_hello();
  // Looks at the attached streams for a moment: true once the helper said hello there.
  [[nodiscard]] Result<bool> hello_over_streams(AttachChannel& channel, FrameDecoder& decoder);

  HostState& host_;
  RunContext& run_;
  PlaceMount mount_;
  std::string name_;
  Secrets secrets_;
  std::optional<Listener> listener_;
  bool created_ = false;
  std::unique_ptr<engine::AttachedStream> attached_;
  Tail errors_;
  std::unique_ptr<Link> link_;  // last: may use attached_ and errors_
};

}  // namespace davit::helper
