#include "stream/memory_stream.hpp"

#include <algorithm>
#include <cstring>

namespace davit::stream {

Result<std::size_t> MemorySource::read(std::span<std::byte> into) {
  const std::size_t taken = std::min(into.size(), rest_.size());
  if (taken > 0) std::memcpy(into.data(), rest_.data(), taken);
  rest_ = rest_.subspan(taken);
  return taken;
}

Result<> MemorySink::write(std::span<const std::byte> bytes) {
  contents_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

Result<> MemorySink::finish() {
  finished_ = true;
  return {};
}

}  // namespace davit::stream
