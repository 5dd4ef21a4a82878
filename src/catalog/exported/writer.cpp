#include "catalog/exported/writer.hpp"

#include <format>
#include <optional>

#include "catalog/exported/layout.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"
#include "stream/tar_writer.hpp"
#include "util/text.hpp"

namespace davit::catalog::exported {
namespace {

class Writer {
 public:
  Writer(const storage::StorageReader& storage, const Entry& entry, const Layout& layout, stream::ByteSink& sink,
         RunContext& run)
      : storage_(storage), entry_(entry), layout_(layout), tar_(sink), run_(run) {}

  Result<> put_text(std::string_view path, std::string_view text) {
    TRY(tar_.begin(layout_.entry(path, text.size())));
    TRY(tar_.write_data(std::as_bytes(std::span(text))));
    run_.reporter.progress(text.size());
    return {};
  }

  // An object as it is stored. What `part` says of it must hold; a digest that it lacks is filled in.
  Result<> put_object(Part& part) {
    TRY_ASSIGN(source, storage_.open(key_of_part(part)));
    stream::ReportingSource reporting(*source, run_);
    stream::DigestSource digest(reporting);
    TRY(tar_.begin(layout_.entry(part.path, part.bytes)));
    std::vector<std::byte> buffer(std::size_t{1} << 20U);
    while (true) {
      TRY_ASSIGN(got, digest.read(buffer));
      if (got == 0) break;
      if (got > tar_.remaining()) return damaged(part, std::format("has more than {} bytes", part.bytes));
      TRY(tar_.write_data(std::span(buffer).first(got)));
    }
    if (tar_.remaining() > 0) return damaged(part, std::format("ends {} bytes before its end", tar_.remaining()));
    const std::string& sha256 = digest.extent().sha256;
    if (part.sha256.empty()) part.sha256 = sha256;
    if (part.sha256 != sha256)
      return damaged(part, std::format("is not what it was: SHA-256 {}, not {}", sha256, part.sha256));
    return {};
  }

  // Nothing if it is not there.
  Result<std::optional<std::uint64_t>> size_of(const Part& part) {
    auto info = storage_.stat(key_of_part(part));
    if (info) return info->bytes;
    if (info.error().code() == Errc::not_found) return std::nullopt;
    return std::unexpected(std::move(info).error());
  }

  Result<> check_size(const Part& part) {
    TRY_ASSIGN(bytes, size_of(part));
    if (!bytes) return damaged(part, "is missing");
    if (*bytes != part.bytes) return damaged(part, std::format("has {} bytes instead of {}", *bytes, part.bytes));
    return {};
  }

  Result<> finish() { return tar_.finish(); }

 private:
  [[nodiscard]] std::string key_of_part(const Part& part) const { return entry_.key + "/" + part.path; }
  [[nodiscard]] std::unexpected<Error> damaged(const Part& part, const std::string& why) const {
    return fail(Errc::corrupt, std::format("backup {}: {} {}", entry_.id, part.path, why), std::string(kTakeAnother));
  }

  const storage::StorageReader& storage_;
  const Entry& entry_;
  const Layout& layout_;
  stream::TarWriter tar_;
  RunContext& run_;
};

}  // namespace

Result<std::uint64_t> write(const storage::StorageReader& storage, const Entry& entry, stream::ByteSink& sink,
                            RunContext& run) {
  TRY_ASSIGN(text, load_text(storage, entry));
  TRY_ASSIGN(manifest, manifest_of(entry, text));
  TRY_ASSIGN(layout, Layout::of(manifest));
  Writer writer(storage, entry, layout, sink, run);

  // Cheap, and before the first byte: every object is there with its length.
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(text))));
  std::vector<Part> parts{{std::string(kManifestName), extent.bytes, extent.sha256}};
  Part guide{std::string(kGuideName)};
  TRY_ASSIGN(guide_bytes, writer.size_of(guide));
  guide.bytes = guide_bytes.value_or(0);
  if (guide.bytes > kManifestLimit) guide_bytes.reset();  // somebody else's: what no reader would take
  if (guide_bytes) parts.push_back(std::move(guide));
  for (const Part& part : layout.artefacts()) {
    TRY(run.check());
    TRY(writer.check_size(part));
    parts.push_back(part);
  }
  const std::uint64_t total = layout.total(parts);
  run.reporter.step("export " + escape_for_display(entry.stack) + " " + entry.id, total);

  TRY(writer.put_text(kManifestName, text));
  for (Part& part : std::span(parts).subspan(1)) TRY(writer.put_object(part));
  TRY(writer.put_text(kSumsName, render_sums(parts)));
  TRY(writer.finish());
  return total;
}

}  // namespace davit::catalog::exported
