#pragma once
// One container of a helper, from its creation to its removal, and the channel to the helper in it.

#include <memory>

#include "helper/channel/handshake.hpp"
#include "helper/own_container.hpp"

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
  [[nodiscard]] Error explain(const Error& error) { return container_.explain(error); }
  // Ends our direction (with a bye, or without: an abort), and gives the helper that long to end by itself, which
  // includes rolling back. Then it is removed.
  [[nodiscard]] Result<> end(bool bye, std::chrono::seconds patience);
  // Ends the channel and removes the container, at once.
  [[nodiscard]] Result<> remove();

 private:
  HelperContainer(HostState& host, const PlaceMount& mount, RunContext& run)
      : host_(host),
        run_(run),
        mount_(mount),
        secrets_(make_secrets()),
        container_(host, run, std::string(kHelperRole), container_name(run.run_id)) {}
  [[nodiscard]] Result<bool> launch(const HelperImage& image, const std::string& network);
  [[nodiscard]] Result<> wait_for_hello();

  HostState& host_;
  RunContext& run_;
  PlaceMount mount_;
  Secrets secrets_;
  std::optional<Listener> listener_;
  OwnContainer container_;
  std::unique_ptr<Link> link_;  // last: may use the container's streams
};

}  // namespace davit::helper
