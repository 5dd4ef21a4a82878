#include "catalog/exported/reader.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "stream/pax_header.hpp"
#include "util/text.hpp"

namespace davit::catalog::exported {
namespace {

constexpr std::size_t kBlock = stream::kTarBlock;
constexpr std::uint64_t kLargestRecords = 64U << 10U;  // of pax: two names that were keys, and some numbers
constexpr const char* kAgain = "copy the file again, or export the backup again";

bool all_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == '\0'; });
}

std::span<std::byte> writable(std::string& text) { return std::as_writable_bytes(std::span(text)); }

}  // namespace

Reader::Reader(stream::ByteSource& source, std::string name, std::optional<std::uint64_t> length)
    : source_(source), name_(std::move(name)), length_(length) {}

std::unexpected<Error> Reader::damaged(const std::string& why) const {
  return fail(Errc::corrupt, name_ + ": " + why, kAgain);
}

// Less only at the end of the file.
Result<std::size_t> Reader::read_up_to(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    TRY_ASSIGN(got, source_.read(into.subspan(done)));
    if (got == 0) break;
    done += got;
  }
  at_ += done;
  return done;
}

Result<> Reader::read_exactly(std::span<std::byte> into, std::string_view within) {
  TRY_ASSIGN(got, read_up_to(into));
  if (got == into.size()) return {};
  return damaged(std::format("it is cut: it ends after {} bytes, within {}", at_, within));
}

Result<std::string> Reader::read_text(std::uint64_t bytes, std::string_view within) {
  std::string text(static_cast<std::size_t>(bytes), '\0');
  TRY(read_exactly(writable(text), within));
  return text;
}

Result<> Reader::skip_padding(std::uint64_t bytes, std::string_view within) {
  TRY_ASSIGN(padding, read_text(padding_behind(bytes), within));
  if (!all_zero(padding)) return damaged(std::format("there is something behind the end of {}", within));
  return {};
}

// `header` holds its first block, and what pax says of the next one may stand there.
Result<> Reader::complete(Header& header, std::string_view within) {
  header.block = parse_block(header.raw);
  if (header.block.kind != Block::Kind::extended) return {};
  const std::uint64_t bytes = header.block.bytes;
  if (bytes > kLargestRecords) return damaged(std::format("at byte {}: a header of pax that can't be one", header.at));
  TRY_ASSIGN(text, read_text(bytes + padding_behind(bytes), within));
  TRY_ASSIGN(main, read_text(kBlock, within));
  Records records = parse_records(std::string_view(text).substr(0, static_cast<std::size_t>(bytes)));
  header.block = parse_block(main);
  if (header.block.kind == Block::Kind::extended) header.block.kind = Block::Kind::other;
  if (records.path) header.block.name = *std::move(records.path);
  if (records.bytes) header.block.bytes = *records.bytes;
  header.raw += text + main;
  return {};
}

// `expected` is what belongs there, for messages.
Result<Reader::Header> Reader::read_header(std::string_view expected) {
  const std::string within = std::format("the header of {}", expected);
  Header header{.raw = {}, .block = {}, .at = at_};
  TRY_ASSIGN(raw, read_text(kBlock, within));
  header.raw = std::move(raw);
  TRY(complete(header, within));
  return header;
}

Result<> Reader::check_header(const Header& header, std::string_view path, std::uint64_t bytes) const {
  if (header.raw == layout_.header(path, bytes)) return {};
  const Block& found = header.block;
  std::string what = found.what;
  if (!found.name.empty()) what += " " + escape_for_display(found.name);
  const std::string name = layout_.directory() + std::string(path);
  if (found.kind == Block::Kind::file && found.name == name)
    return damaged(std::format("at byte {}: the header of {} is not what it was", header.at, path));
  if (std::ranges::contains(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(next_), found.name,
                            [&](const Part& part) { return layout_.directory() + part.path; }))
    what += " a second time";
  return damaged(std::format("at byte {} stands {}, where {} belongs", header.at, what, escape_for_display(name)));
}

Result<> Reader::begin() {
  // The first bytes say what kind of file it is at all.
  Header header{.raw = std::string(kBlock, '\0'), .block = {}, .at = 0};
  TRY_ASSIGN(got, read_up_to(writable(header.raw)));
  if (got == 0)
    return fail(Errc::corrupt, name_ + ": it is empty",
                "look at what should have written it; `docker run` passes standard input on with -i only");
  TRY(in_context(check_plain(std::string_view(header.raw).substr(0, got)), name_));
  if (got < kBlock) return damaged(std::format("it is cut, or no tar: it ends after {} bytes", got));
  TRY(complete(header, "its first header"));
  const auto stranger = [this](const std::string& why) {
    return fail(Errc::corrupt, std::format("{}: it is not what `davit export` writes: {}", name_, why),
                "a backup that was unpacked is read where its directory lies in backups/STACK/ of a repository");
  };
  const Block& block = header.block;
  if (block.kind != Block::Kind::file || !block.name.ends_with("/" + std::string(kManifestName)))
    return stranger(std::format("it begins with {}{}, and not with the manifest of a backup", block.what,
                                block.name.empty() ? "" : " " + escape_for_display(block.name)));
  if (block.bytes > kManifestLimit) return stranger("its first member is too large for a manifest");
  first_ = {std::string(kManifestName), block.bytes, at_};
  TRY_ASSIGN(text, read_text(block.bytes, "its manifest"));
  text_ = std::move(text);
  auto manifest = parse_manifest(text_);
  if (!manifest) return std::unexpected(std::move(manifest).error().context(name_).hint_if_none(kAgain));
  manifest_ = *std::move(manifest);
  entry_ = {manifest_.stack, manifest_.id, key_of(manifest_.stack, manifest_.id)};
  TRY_ASSIGN(layout, in_context(Layout::of(manifest_), name_));
  layout_ = std::move(layout);
  TRY(check_header(header, kManifestName, text_.size()));
  TRY(skip_padding(text_.size(), kManifestName));
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(text_))));
  parts_.push_back({std::string(kManifestName), extent.bytes, extent.sha256});
  next_ = 1;
  return {};
}

// Whether there is a RESTORE.md, and from there how long the file is.
Result<> Reader::begin_members() {
  begun_ = true;
  const std::vector<Part>& artefacts = layout_.artefacts();
  const std::string expected = artefacts.empty() ? std::string(kSumsName) : artefacts.front().path;
  TRY_ASSIGN(header, read_header(std::string(kGuideName) + " or " + expected));
  if (header.block.kind == Block::Kind::file && header.block.name == layout_.directory() + std::string(kGuideName) &&
      header.block.bytes <= kManifestLimit)
    parts_.push_back({std::string(kGuideName), header.block.bytes});
  parts_.insert(parts_.end(), artefacts.begin(), artefacts.end());
  held_ = std::move(header);
  total_ = layout_.total(parts_);
  if (length_ && *length_ < total_) return damaged(std::format("it is cut: it has {} of {} bytes", *length_, total_));
  if (length_ && *length_ > total_)
    return damaged(std::format("it has {} bytes, and the backup in it {}: a file holds one backup, and nothing else",
                               *length_, total_));
  return {};
}

Result<std::optional<Member>> Reader::next() {
  if (ended_) return std::nullopt;
  if (!begun_) TRY(begin_members());
  std::vector<std::byte> rest(in_member_ ? std::size_t{256} << 10U : 0);
  while (in_member_) TRY(read(rest));
  if (next_ == parts_.size()) {
    TRY(finish_file());
    return std::nullopt;
  }
  const Part& part = parts_[next_];
  if (!held_) {
    TRY_ASSIGN(header, read_header(part.path));
    held_ = std::move(header);
  }
  TRY(check_header(*std::exchange(held_, std::nullopt), part.path, part.bytes));
  in_member_ = true;
  left_ = part.bytes;
  sha256_.emplace();
  return Member{part.path, part.bytes, at_};
}

Result<std::size_t> Reader::read(std::span<std::byte> into) {
  if (!in_member_) return 0;
  const Part& part = parts_[next_];
  if (left_ == 0) {
    TRY(finish_member());
    return 0;
  }
  TRY_ASSIGN(got, source_.read(into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)))));
  at_ += got;
  if (got == 0) return damaged(std::format("it is cut: it ends after {} bytes, within {}", at_, part.path));
  sha256_->update(into.first(got));
  left_ -= got;
  return got;
}

Result<> Reader::finish_member() {
  Part& part = parts_[next_];
  TRY_ASSIGN(sha256, sha256_->finish());
  if (part.sha256.empty()) part.sha256 = sha256;
  if (part.sha256 != sha256)
    return damaged(std::format("{} is not what it was: SHA-256 {}, not {}", part.path, sha256, part.sha256));
  TRY(skip_padding(part.bytes, part.path));
  in_member_ = false;
  ++next_;
  return {};
}

Result<> Reader::finish_file() {
  const std::string sums = render_sums(parts_);
  if (!held_) {
    TRY_ASSIGN(header, read_header(kSumsName));
    held_ = std::move(header);
  }
  TRY(check_header(*std::exchange(held_, std::nullopt), kSumsName, sums.size()));
  TRY_ASSIGN(found, read_text(sums.size(), kSumsName));
  if (found != sums)
    return damaged(
        std::format("{} is not that of the members before it: it was altered, or {} was", kSumsName, kGuideName));
  TRY(skip_padding(sums.size(), kSumsName));
  TRY_ASSIGN(end, read_text(kEndBytes, "its end"));
  if (!all_zero(end)) return damaged("more stands behind the backup: a file holds one backup, and nothing else");
  std::array<std::byte, 1> behind{};
  TRY_ASSIGN(more, read_up_to(behind));
  if (more != 0) return damaged("more stands behind its end: a file holds one backup, and nothing else");
  ended_ = true;
  return {};
}

}  // namespace davit::catalog::exported
