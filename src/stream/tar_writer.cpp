#include "stream/tar_writer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "stream/pax_header.hpp"
#include "util/text.hpp"

namespace davit::stream {
namespace {

// Headers and small files are gathered; what is larger goes to the sink as it is.
constexpr std::size_t kBuffer = 128 << 10;
constexpr std::size_t kDirect = 64 << 10;
constexpr std::size_t kEndBlocks = 2 * kTarBlock;

std::array<std::byte, 1 << 20> zeros;  // not const, so that it lies in .bss and not in the binary

// The extents without empty ones and with neighbours joined.
Result<std::vector<TarExtent>> normalize(const TarEntry& entry) {
  std::vector<TarExtent> extents;
  if (entry.type != TarType::file || entry.size == 0) return extents;
  if (!entry.sparse) return std::vector{TarExtent{.offset = 0, .length = entry.size}};
  std::uint64_t end = 0;
  for (const TarExtent& extent : entry.data) {
    if (extent.offset < end || extent.offset > entry.size || extent.length > entry.size - extent.offset)
      return fail(Errc::bug, "write tar: extents of a sparse file out of order or beyond its end");
    end = extent.offset + extent.length;
    if (extent.length == 0) continue;
    if (!extents.empty() && extents.back().offset + extents.back().length == extent.offset)
      extents.back().length += extent.length;
    else
      extents.push_back(extent);
  }
  return extents;
}

bool has_zero_byte(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

struct TarWriter::Impl {
  explicit Impl(ByteSink& sink_) : sink(sink_) { buffer.reserve(kBuffer); }

  Result<> put(std::span<const std::byte> bytes);
  Result<> pass(std::span<const std::byte> bytes);
  Result<> end_member();

  ByteSink& sink;
  std::optional<Error> broken;  // a sink that failed is not called again
  std::vector<std::byte> buffer;
  std::uint64_t remaining = 0;  // data of the current member still to come
  std::size_t padding = 0;      // what then fills its last block
  std::vector<Finding> findings;
};

Result<> TarWriter::Impl::pass(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  Result<> written = sink.write(bytes);
  if (!written) broken = written.error();
  return written;
}

Result<> TarWriter::Impl::put(std::span<const std::byte> bytes) {
  if (broken) return std::unexpected(*broken);
  if (bytes.size() > kBuffer - buffer.size() || bytes.size() >= kDirect) {
    TRY(pass(buffer));
    buffer.clear();
    if (bytes.size() >= kDirect) return pass(bytes);
  }
  buffer.insert(buffer.end(), bytes.begin(), bytes.end());
  return {};
}

Result<> TarWriter::Impl::end_member() {
  if (remaining > 0) return {};
  return put(std::span(zeros).first(std::exchange(padding, 0)));
}

TarWriter::TarWriter(ByteSink& sink) : impl_(std::make_unique<Impl>(sink)) {}
TarWriter::~TarWriter() = default;

Result<> TarWriter::begin(const TarEntry& entry) {
  if (impl_->remaining > 0)
    return fail(Errc::bug,
                "write tar: " + std::to_string(impl_->remaining) + " bytes of the member before are missing");
  if (entry.path.empty() || has_zero_byte(entry.path) || has_zero_byte(entry.link_target))
    return fail(Errc::bug, "write tar: a path that can't be one");
  if (entry.size > INT64_MAX) return fail(Errc::bug, "write tar: a size that can't be one");
  TRY_ASSIGN(extents, normalize(entry));
  PaxHeader header = render_pax_header(entry, extents);
  for (std::string& what : header.omitted)
    impl_->findings.push_back({.item = {}, .path = escape_for_display(entry.path), .what = std::move(what)});
  TRY(impl_->put(std::as_bytes(std::span(header.bytes))));
  for (const TarExtent& extent : extents) impl_->remaining += extent.length;
  impl_->padding = static_cast<std::size_t>(-impl_->remaining % kTarBlock);
  return impl_->end_member();
}

Result<> TarWriter::write_data(std::span<const std::byte> bytes) {
  if (bytes.size() > impl_->remaining) return fail(Errc::bug, "write tar: more data than was announced");
  TRY(impl_->put(bytes));
  impl_->remaining -= bytes.size();
  return impl_->end_member();
}

std::uint64_t TarWriter::remaining() const { return impl_->remaining; }

Result<std::uint64_t> TarWriter::pad_to_end() {
  const std::uint64_t missing = impl_->remaining;
  while (impl_->remaining > 0)
    TRY(write_data(std::span(zeros).first(std::min<std::uint64_t>(impl_->remaining, zeros.size()))));
  return missing;
}

Result<> TarWriter::finish() {
  if (impl_->remaining > 0)
    return fail(Errc::bug, "write tar: " + std::to_string(impl_->remaining) + " bytes of the last member are missing");
  TRY(impl_->put(std::span(zeros).first(kEndBlocks)));
  TRY(impl_->pass(impl_->buffer));
  Result<> finished = impl_->sink.finish();
  if (!finished) impl_->broken = finished.error();
  return finished;
}

std::vector<Finding> TarWriter::take_findings() { return std::exchange(impl_->findings, {}); }

}  // namespace davit::stream
