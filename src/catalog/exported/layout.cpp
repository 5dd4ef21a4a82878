#include "catalog/exported/layout.hpp"

#include <algorithm>

#include "stream/pax_header.hpp"
#include "util/text.hpp"

namespace davit::catalog::exported {
namespace {

constexpr std::uint64_t kLargest = std::uint64_t{1} << 62U;  // of all artefacts: no file can have more
constexpr std::int64_t kLatest = 8'589'934'591;              // seconds: what a plain header has room for
constexpr std::size_t kDigits = 64;

// sha256sum(1): a backslash before the line says that there are such in the name.
std::string escape_name(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '\\')
      escaped += "\\\\";
    else if (c == '\n')
      escaped += "\\n";
    else if (c == '\r')
      escaped += "\\r";
    else
      escaped += c;
  }
  return escaped;
}

std::string render_line(std::string_view digits, std::string_view path) {
  const std::string name = escape_name(path);
  std::string line = name == path ? "" : "\\";
  return line.append(digits).append("  ").append(name).append("\n");
}

}  // namespace

Result<Layout> Layout::of(const Manifest& manifest) {
  Layout layout;
  layout.directory_ = encode_file_name(manifest.stack) + "/" + manifest.id + "/";
  const auto finished = std::chrono::floor<std::chrono::seconds>(manifest.finished).time_since_epoch();
  layout.mtime_ns_ = std::clamp<std::int64_t>(finished.count(), 0, kLatest) * 1'000'000'000;
  std::uint64_t sum = 0;
  for (const model::Item& item : manifest.items)
    for (const model::Artefact& artefact : item.artefacts) {
      if (artefact.base)
        return fail(Errc::usage, "backup " + manifest.id + ": " + artefact.path + " rests on " + *artefact.base,
                    "take a backup that rests on no other");
      if (artefact.stored.bytes > kLargest - sum)
        return fail(Errc::corrupt, "backup " + manifest.id + ": " + artefact.path + " has a size that can't be one");
      sum += artefact.stored.bytes;
      layout.artefacts_.push_back({artefact.path, artefact.stored.bytes, artefact.stored.sha256});
    }
  return layout;
}

stream::TarEntry Layout::entry(std::string_view path, std::uint64_t bytes) const {
  stream::TarEntry entry;
  entry.path = directory_ + std::string(path);
  entry.mode = 0600;
  entry.size = bytes;
  entry.mtime_ns = mtime_ns_;
  return entry;
}

std::string Layout::header(std::string_view path, std::uint64_t bytes) const {
  return stream::render_pax_header(entry(path, bytes), {}).bytes;
}

std::uint64_t Layout::total(std::span<const Part> parts) const {
  std::uint64_t sum = kEndBytes;
  const auto add = [&](std::string_view path, std::uint64_t bytes) {
    sum += header(path, bytes).size() + bytes + padding_behind(bytes);
  };
  std::uint64_t sums = 0;
  for (const Part& part : parts) {
    add(part.path, part.bytes);
    sums += render_line(std::string(kDigits, '0'), part.path).size();
  }
  add(kSumsName, sums);
  return sum;
}

std::size_t padding_behind(std::uint64_t bytes) { return static_cast<std::size_t>(-bytes % stream::kTarBlock); }

std::string render_sums(std::span<const Part> parts) {
  std::string text;
  for (const Part& part : parts) text += render_line(part.sha256, part.path);
  return text;
}

}  // namespace davit::catalog::exported
