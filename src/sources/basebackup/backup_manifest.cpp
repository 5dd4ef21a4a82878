#include "sources/basebackup/backup_manifest.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <format>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "stream/digest.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

constexpr std::string_view kChecksumField = "\"Manifest-Checksum\": \"";
constexpr std::string_view kSegments = "pg_wal/";
constexpr std::uint64_t kLargestSegment = std::uint64_t{1} << 30U;  // as initdb has it

template <class Number>
std::optional<Number> hex(std::string_view digits) {
  Number number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return {};
  return number;
}

// "0/2000028"
Result<std::uint64_t> parse_lsn(const std::string& text) {
  const auto slash = text.find('/');
  const auto high = hex<std::uint32_t>(std::string_view(text).substr(0, slash));
  const auto low =
      slash == std::string::npos ? std::nullopt : hex<std::uint32_t>(std::string_view(text).substr(slash + 1));
  if (!high || !low) return fail(Errc::corrupt, "\"" + escape_for_display(text) + "\" is no position in the log");
  return (std::uint64_t{*high} << 32U) | *low;
}

// The checksum is over all lines but the last.
Result<> check_own_checksum(std::string_view text) {
  const auto field = text.rfind(kChecksumField);
  const auto line_end = field == std::string_view::npos ? field : text.rfind('\n', field);
  if (line_end == std::string_view::npos)
    return fail(Errc::corrupt, "the backup manifest has no checksum at its end: it was cut off, or is none");
  TRY_ASSIGN(extent, stream::extent_of(std::as_bytes(std::span(text.substr(0, line_end + 1)))));
  if (!text.substr(field + kChecksumField.size()).starts_with(extent.sha256))
    return fail(Errc::corrupt, "the backup manifest is not what its checksum says");
  return {};
}

Result<std::string> path_of(const json& entry) {
  if (entry.contains("Path")) return entry.at("Path").get<std::string>();
  // A name that is no UTF-8.
  const auto encoded = entry.at("Encoded-Path").get<std::string>();
  std::string path;
  for (std::size_t at = 0; at + 1 < encoded.size(); at += 2) {
    const auto byte = hex<unsigned char>(std::string_view(encoded).substr(at, 2));
    if (!byte) return fail(Errc::corrupt, "the backup manifest has a path that is no hex");
    path += static_cast<char>(*byte);
  }
  return path;
}

Result<BackupManifest> read_manifest(const json& object) {
  BackupManifest manifest;
  for (const json& entry : object.at("Files")) {
    TRY_ASSIGN(path, path_of(entry));
    BackupManifest::File file{entry.at("Size").get<std::uint64_t>(), ""};
    if (entry.value("Checksum-Algorithm", "") == "SHA256") file.sha256 = entry.at("Checksum").get<std::string>();
    manifest.files.emplace(std::move(path), std::move(file));
  }
  for (const json& range : object.at("WAL-Ranges")) {
    TRY_ASSIGN(start, parse_lsn(range.at("Start-LSN").get<std::string>()));
    TRY_ASSIGN(end, parse_lsn(range.at("End-LSN").get<std::string>()));
    manifest.wal.push_back({range.at("Timeline").get<std::uint32_t>(), start, end});
  }
  return manifest;
}

Error bad(const std::string& path, const std::string& what) {
  return {Errc::corrupt, escape_for_display(path) + " in the base backup " + what};
}

Result<> compare_segments(const BackupManifest& manifest, const FoundFiles& found) {
  std::uint64_t size = 0;
  for (const auto& [name, bytes] : found.segments) size = std::max(size, bytes);
  if (size == 0 && !manifest.wal.empty())
    return fail(Errc::corrupt, "the base backup has no transaction log, without which it can't become consistent");
  if (size != 0 && (!std::has_single_bit(size) || size > kLargestSegment))
    return fail(Errc::corrupt, "the base backup has a transaction log in segments of " + std::to_string(size) +
                                   " bytes, which no server writes");
  // Before their names are made: a range may say anything.
  for (const BackupManifest::WalRange& range : manifest.wal)
    if (range.end > range.start && (range.end - range.start) / size > found.segments.size())
      return fail(Errc::corrupt, "the base backup has " + std::to_string(found.segments.size()) +
                                     " segments of the transaction log, and its manifest names more");
  for (const std::string& segment : segments_of(manifest.wal, size)) {
    const auto there = found.segments.find(segment);
    if (there == found.segments.end())
      return std::unexpected(bad(std::string(kSegments) + segment, "is missing, a segment of the transaction log"));
    if (there->second != size)
      return std::unexpected(bad(std::string(kSegments) + segment,
                                 "has " + std::to_string(there->second) + " bytes, not " + std::to_string(size)));
  }
  return {};
}

}  // namespace

Result<BackupManifest> parse_backup_manifest(std::string_view text) {
  TRY(check_own_checksum(text));
  try {
    return read_manifest(json::parse(text));
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("the backup manifest is of another form: ") + error.what());
  }
}

std::vector<std::string> segments_of(const std::vector<BackupManifest::WalRange>& ranges, std::uint64_t segment_size) {
  std::vector<std::string> names;
  if (segment_size == 0) return names;
  const std::uint64_t per_log = (std::uint64_t{1} << 32U) / segment_size;
  for (const BackupManifest::WalRange& range : ranges) {
    // The end is the position behind the last byte.
    const std::uint64_t last = (range.end > range.start ? range.end - 1 : range.start) / segment_size;
    for (std::uint64_t number = range.start / segment_size; number <= last; ++number)
      names.push_back(std::format("{:08X}{:08X}{:08X}", range.timeline, number / per_log, number % per_log));
  }
  return names;
}

Result<> compare(const BackupManifest& manifest, const FoundFiles& found) {
  for (const auto& [path, file] : manifest.files) {
    const auto there = found.files.find(path);
    if (there == found.files.end()) return std::unexpected(bad(path, "is missing"));
    if (there->second.size != file.size)
      return std::unexpected(bad(path, "has " + std::to_string(there->second.size) + " bytes, and its manifest says " +
                                           std::to_string(file.size)));
    if (!file.sha256.empty() && there->second.sha256 != file.sha256)
      return std::unexpected(bad(path, "is not what its manifest says: another checksum"));
  }
  for (const auto& [path, file] : found.files)
    // The log is copied beside the files, and isn't listed.
    if (!manifest.files.contains(path) && !path.starts_with(kSegments) && path != kBackupManifestName)
      return std::unexpected(bad(path, "is not in its manifest"));
  return compare_segments(manifest, found);
}

}  // namespace davit::sources
