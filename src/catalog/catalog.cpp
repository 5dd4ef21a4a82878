#include "catalog/catalog.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::catalog {
namespace {

constexpr std::string_view kRoot = "backups/";
constexpr std::string_view kLatest = "latest";
constexpr std::size_t kNamed = 5;  // so many candidates a message names

// "backups/shop/ID/manifest.json" as an entry. Whatever else lies around is no backup.
std::optional<Entry> entry_of(std::string_view key) {
  const std::string_view rest = key.substr(kRoot.size());
  const std::size_t first = rest.find('/');
  if (first == std::string_view::npos) return {};
  const std::size_t second = rest.find('/', first + 1);
  if (second == std::string_view::npos || rest.substr(second + 1) != kManifestName) return {};
  const std::string_view id = rest.substr(first + 1, second - first - 1);
  auto stack = decode_file_name(rest.substr(0, first));
  if (!is_id(id) || !stack || stack->empty()) return {};
  return Entry{std::move(*stack), std::string(id), std::string(key.substr(0, kRoot.size() + second))};
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + escape_for_display(word);
  return text;
}

std::vector<std::string> stacks_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(entry.stack);
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  return names;
}

// The newest few, newest first: "shop 20261121T083000Z-4f2a, …".
std::string newest_of(const std::vector<Entry>& entries, bool with_stack) {
  std::vector<std::string> shown;
  for (auto entry = entries.rbegin(); entry != entries.rend() && shown.size() < kNamed; ++entry)
    shown.push_back(with_stack ? entry->stack + " " + entry->id : entry->id);
  if (entries.size() > shown.size()) shown.push_back(std::to_string(entries.size() - shown.size()) + " more");
  return join(shown);
}

// There is no backup to choose from.
std::unexpected<Error> nothing_there(const storage::StorageReader& storage, std::string_view stack) {
  if (stack.empty()) return fail(Errc::not_found, "there is no backup in " + storage.describe());
  std::string hint;
  if (const auto all = list(storage); all && !all->empty()) hint = "it has backups of " + join(stacks_of(*all));
  return fail(Errc::not_found, "there is no backup of stack " + escape_for_display(stack) + " in " + storage.describe(),
              std::move(hint));
}

}  // namespace

std::string make_id(TimePoint started) { return render_name_time(started) + "-" + random_hex(2); }

std::string key_of(std::string_view stack, std::string_view id) {
  return std::string(kRoot) + encode_file_name(stack) + "/" + std::string(id);
}

Result<std::vector<Entry>> list(const storage::StorageReader& storage, std::string_view stack) {
  const std::string prefix = stack.empty() ? std::string(kRoot) : key_of(stack, "");
  TRY_ASSIGN(objects, in_context(storage.list(prefix), "list backups"));
  std::vector<Entry> entries;
  for (const storage::ObjectInfo& object : objects)
    if (auto entry = entry_of(object.key)) entries.push_back(std::move(*entry));
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::tie(entry.id, entry.stack); });
  return entries;
}

Result<Entry> find(const storage::StorageReader& storage, std::string_view stack, std::string_view id) {
  if (id.empty()) return fail(Errc::usage, "the id of a backup is empty", "name a backup, or latest");
  TRY_ASSIGN(entries, list(storage, stack));
  if (entries.empty()) return nothing_there(storage, stack);
  const std::vector<std::string> stacks = stacks_of(entries);
  if (id == kLatest) {
    if (stacks.size() > 1)
      return fail(Errc::usage, "latest of which stack? " + storage.describe() + " has backups of " + join(stacks),
                  "name the stack");
    return entries.back();
  }
  std::erase_if(entries, [&](const Entry& entry) { return !entry.id.starts_with(id); });
  if (entries.size() == 1) return entries.front();
  if (entries.empty()) {
    TRY_ASSIGN(all, list(storage, stack));
    return fail(Errc::not_found, "there is no backup " + escape_for_display(id) + " in " + storage.describe(),
                "there are " + newest_of(all, stacks.size() > 1));
  }
  return fail(
      Errc::usage,
      "more than one backup begins with " + escape_for_display(id) + ": " + newest_of(entries, stacks.size() > 1),
      "give more of the id, or name the stack");
}

Result<std::string> load_text(const storage::StorageReader& storage, const Entry& entry) {
  const std::string doing = "backup " + entry.id;
  TRY_ASSIGN(source, in_context(storage.open(entry.key + "/" + std::string(kManifestName)), doing));
  return in_context(stream::read_all(*source, kManifestLimit), doing);
}

Result<Manifest> manifest_of(const Entry& entry, std::string_view text) {
  const std::string doing = "backup " + entry.id;
  auto parsed = in_context(parse_manifest(text), doing);
  if (!parsed) {
    if (parsed.error().code() == Errc::corrupt)
      return std::unexpected(std::move(parsed).error().hint_if_none(kTakeAnother));
    return parsed;
  }
  Manifest manifest = *std::move(parsed);
  if (manifest.id != entry.id || manifest.stack != entry.stack)
    return fail(Errc::corrupt,
                doing + ": its manifest is that of " + escape_for_display(manifest.stack) + " " + manifest.id,
                "put the directory back under the name it had");
  return manifest;
}

Result<Manifest> load(const storage::StorageReader& storage, const Entry& entry) {
  TRY_ASSIGN(text, load_text(storage, entry));
  return manifest_of(entry, text);
}

}  // namespace davit::catalog
