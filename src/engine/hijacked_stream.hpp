#pragma once
// AttachedStream over a connection that the Engine has handed over.

#include <vector>

#include "engine/demux.hpp"
#include "engine/engine.hpp"
#include "net/duplex.hpp"

namespace davit::engine {

class HijackedStream : public AttachedStream {
 public:
  explicit HijackedStream(net::Duplex duplex);

  [[nodiscard]] Result<std::optional<Output>> next(
      std::optional<std::chrono::steady_clock::time_point> deadline = {}) override;
  [[nodiscard]] Result<> write(std::span<const std::byte> bytes, std::stop_token stop = {}) override;
  [[nodiscard]] Result<> close_write() override;

 private:
  // Puts what has arrived behind what waits already, or notes the end or the failure. False if nothing has arrived.
  [[nodiscard]] bool take_in();

  net::Duplex duplex_;
  Demultiplexer demux_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  // buffer_[begin_, end_) has arrived and was not given out
  std::size_t end_ = 0;
  bool ended_ = false;
  std::optional<Error> failure_;  // of the connection: told once all that came before it was given out
  std::optional<Error> broken_;   // what next() has told, and tells again
};

}  // namespace davit::engine
