#include "support/streams.hpp"

#include <cstring>
#include <random>

namespace davit::test {

Result<> FailingSink::count() {
  if (failed_) ++calls_after_failure_;
  if (left_ <= 1) {
    failed_ = true;
    return fail(Errc::failed, "the sink fails as it was told", "free space");
  }
  --left_;
  return {};
}

Result<> FailingSink::write(std::span<const std::byte> bytes) {
  TRY(count());
  contents_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

Result<> FailingSink::finish() { return count(); }

Result<std::size_t> FailingSource::read(std::span<std::byte> into) {
  const std::size_t given = std::min({into.size(), left_, text_.size() - given_});
  if (given == 0) return fail(Errc::unavailable, "the source fails as it was told");
  std::memcpy(into.data(), text_.data() + given_, given);
  given_ += given;
  left_ -= given;
  return given;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace davit::test
