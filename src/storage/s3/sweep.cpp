#include "storage/s3/sweep.hpp"

#include <algorithm>
#include <optional>

#include "storage/s3/lease.hpp"
#include "storage/s3/object_name.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

// A set whose last object is there was published: of that, only uploads that were given up may have been left, and the
// lease, of which nothing is said.
Result<std::optional<std::string>> undo(const Client& client, const LeaseText& text) {
  const std::string below = text.is_set ? text.name + "/" : text.name;
  std::size_t removed = 0;
  if (!text.last.empty()) {
    TRY_ASSIGN(published, head_object(client, text.last));
    for (const std::string& name : text.objects) {
      if (published || !name.starts_with(below)) continue;
      TRY(remove_object(client, name));
      ++removed;
    }
  }
  TRY_ASSIGN(uploads, list_uploads(client, below));
  for (const ListedUpload& upload : uploads) {
    if (!text.is_set && upload.name != text.name) continue;
    TRY(abort_upload(client, upload));
    ++removed;
  }
  if (removed == 0 && !text.last.empty()) return std::nullopt;
  return client.show(text.name) + ": " + std::to_string(removed) + (removed == 1 ? " object" : " objects") +
         " that a dead run left unfinished";
}

// Nothing if it is no lease of ours.
Result<std::optional<LeaseText>> read_lease(const Client& client, const std::string& name) {
  TRY_ASSIGN(body, get_object(client, name));
  auto text = parse_lease(body);
  if (text) return *std::move(text);
  log_info("sweep " + client.show(name) + ": " + text.error().message());
  return std::nullopt;
}

// Objects that runs which live are storing, each by itself.
Result<std::vector<std::string>> objects_in_hand(const Client& client, const std::vector<std::string>& leases) {
  std::vector<std::string> names;
  for (const std::string& name : leases) {
    auto text = read_lease(client, name);
    if (!text && text.error().code() == Errc::not_found) continue;  // it has ended meanwhile
    if (!text) return std::unexpected(std::move(text).error());
    if (*text && !(*text)->is_set) names.push_back((*text)->name);
  }
  return names;
}

Result<std::optional<std::string>> sweep_one(const Client& client, const std::string& name,
                                             const std::vector<std::string>& living) {
  TRY_ASSIGN(text, read_lease(client, name));
  if (!text) return std::nullopt;
  if (!text->is_set) {
    // Uploads don't say whose they are: those of a dead run go when nobody stores an object of this name any more.
    TRY_ASSIGN(in_hand, objects_in_hand(client, living));
    if (std::ranges::contains(in_hand, text->name)) return std::nullopt;
  }
  TRY_ASSIGN(line, undo(client, *text));
  TRY(remove_object(client, name));
  return line;
}

}  // namespace

Result<std::vector<std::string>> sweep_leases(const Client& client, const std::string& root,
                                              const std::vector<std::string>& alive) {
  const std::string directory = root + std::string(kLeases);
  TRY_ASSIGN(listing, list_objects(client, directory));
  std::vector<std::string> lines;
  std::optional<Error> first;
  std::vector<std::string> living;
  for (const ListedObject& object : listing.objects)
    if (listing.at - object.modified < kLeaseEnds && !object.name.substr(directory.size()).starts_with(kProbe))
      living.push_back(object.name);
  for (const ListedObject& object : listing.objects) {
    const std::string_view run = std::string_view(object.name).substr(directory.size());
    if (run.contains('/') || listing.at - object.modified < kLeaseEnds) continue;
    if (std::ranges::any_of(alive, [&](const std::string& name) { return encode_key(name) == run; })) continue;
    if (run.starts_with(kProbe)) {
      if (auto removed = remove_object(client, object.name); !removed) log_info(removed.error().message());
      continue;
    }
    auto swept = sweep_one(client, object.name, living);
    // Another run may sweep at the same time.
    if (!swept && swept.error().code() != Errc::not_found && !first)
      first = std::move(swept).error().context("sweep what a dead run has left");
    else if (swept && *swept)
      lines.push_back(**std::move(swept));
  }
  if (first) return std::unexpected(std::move(*first));
  return lines;
}

}  // namespace davit::storage::s3
