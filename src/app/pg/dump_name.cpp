#include "app/pg/dump_name.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::app {
namespace {

constexpr std::string_view kCustom = ".sql";
constexpr std::string_view kDirectory = ".dir.tar";
constexpr std::string_view kTar = ".tar";
constexpr std::string_view kGlobals = ".globals.sql";
constexpr std::string_view kBase = ".base.tar";
constexpr std::string_view kScript = ".all.sql";
constexpr std::string_view kCompressed = ".zst";
constexpr std::string_view kForeign[] = {".dump", ".pgdump"};
constexpr std::size_t kTimeLength = std::string_view("20261121T083000Z").size();

bool is_time(std::string_view text) {
  if (text.size() != kTimeLength || text[8] != 'T' || text.back() != 'Z') return false;
  const auto digits = [](std::string_view part) { return part.find_first_not_of("0123456789") == part.npos; };
  return digits(text.substr(0, 8)) && digits(text.substr(9, 6));
}

std::string_view last_part(std::string_view key) {
  const auto slash = key.rfind('/');
  return slash == std::string_view::npos ? key : key.substr(slash + 1);
}

}  // namespace

std::string render_dump_name(const DumpName& name) {
  return encode_file_name(name.database) + "-" + name.time +
         std::string(name.directory ? kDirectory
                     : name.tar     ? kTar
                                    : kCustom);
}

std::optional<DumpName> parse_dump_name(std::string_view key) {
  std::string_view file = last_part(key);
  if (globals_time(key) || parse_server_set_name(key)) return std::nullopt;
  DumpName name;
  if (file.ends_with(kDirectory)) {
    name.directory = true;
    file.remove_suffix(kDirectory.size());
  } else if (file.ends_with(kTar)) {
    name.tar = true;
    file.remove_suffix(kTar.size());
  } else if (file.ends_with(kCustom)) {
    file.remove_suffix(kCustom.size());
  } else {
    const auto* suffix = std::ranges::find_if(kForeign, [&](auto each) { return file.ends_with(each); });
    if (suffix == std::end(kForeign)) return std::nullopt;
    file.remove_suffix(suffix->size());
  }
  if (file.size() > kTimeLength + 1 && file[file.size() - kTimeLength - 1] == '-' &&
      is_time(file.substr(file.size() - kTimeLength)))
    if (auto database = decode_file_name(file.substr(0, file.size() - kTimeLength - 1))) {
      name.database = *std::move(database);
      name.time = file.substr(file.size() - kTimeLength);
      return name;
    }
  // What is a tar may be anything; one of ours bears its time.
  if (file.empty() || name.tar) return std::nullopt;
  name.database = decode_file_name(file).value_or(std::string(file));
  return name;
}

std::string render_server_set_name(const ServerSetName& name) {
  return name.time + std::string(name.kind == ServerSetName::Kind::base ? kBase : kScript) + std::string(kCompressed);
}

std::optional<ServerSetName> parse_server_set_name(std::string_view key) {
  std::string_view file = last_part(key);
  if (file.ends_with(kCompressed)) file.remove_suffix(kCompressed.size());
  if (file.size() <= kTimeLength || !is_time(file.substr(0, kTimeLength))) return std::nullopt;
  const std::string_view suffix = file.substr(kTimeLength);
  if (suffix != kBase && suffix != kScript) return std::nullopt;
  return ServerSetName{suffix == kBase ? ServerSetName::Kind::base : ServerSetName::Kind::script,
                       std::string(file.substr(0, kTimeLength))};
}

std::string globals_name(std::string_view time) { return std::string(time) + std::string(kGlobals); }

std::optional<std::string> globals_time(std::string_view key) {
  const std::string_view file = last_part(key);
  if (!file.ends_with(kGlobals)) return std::nullopt;
  const std::string_view time = file.substr(0, file.size() - kGlobals.size());
  return is_time(time) ? std::optional<std::string>(time) : std::nullopt;
}

std::string_view without_side_suffix(std::string_view key) {
  for (const std::string_view suffix : {kDigestSuffix, kRecordSuffix}) {
    if (!key.ends_with(suffix)) continue;
    const std::string_view owner = key.substr(0, key.size() - suffix.size());
    if (parse_dump_name(owner) || globals_time(owner) || parse_server_set_name(owner)) return owner;
  }
  return key;
}

}  // namespace davit::app
