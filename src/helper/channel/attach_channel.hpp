#pragma once
// A channel over the attached stdin and stdout of a helper's container: the transport for an Engine on another machine,
// and the one that is left when the helper can't reach our socket. Its stderr is collected on the way.

#include <string>

#include "engine/engine.hpp"
#include "helper/channel/channel.hpp"

namespace davit::helper {

// Keeps the last 8 KiB of what is added.
class Tail {
 public:
  void add(std::span<const std::byte> bytes);
  // In one line, trimmed, escaped for showing.
  [[nodiscard]] std::string text() const;

 private:
  std::string bytes_;
};

class AttachChannel : public Channel {
 public:
  // REQUIRES: both outlive the channel. `errors` gets the stderr.
  AttachChannel(engine::AttachedStream& attached, Tail& errors) : attached_(attached), errors_(errors) {}

  Result<std::optional<std::size_t>> read(std::span<std::byte> into, Deadline deadline = {}) override;
  Result<> write(std::span<const std::byte> head, std::span<const std::byte> body = {}) override;
  Result<> close_write() override;
  void set_stop(std::stop_token stop) override { stop_ = std::move(stop); }

 private:
  engine::AttachedStream& attached_;
  Tail& errors_;
  std::string kept_;  // of an output that was longer than the reader's buffer
  std::size_t kept_from_ = 0;
  bool ended_ = false;
  std::stop_token stop_;
};

}  // namespace davit::helper
