#include "sources/opensearch/verify.hpp"

#include <algorithm>
#include <set>

#include "sources/opensearch/blobs.hpp"
#include "sources/opensearch/contents.hpp"
#include "sources/opensearch/repository.hpp"
#include "sources/opensearch/selection.hpp"
#include "stream/tar_reader.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kContentsLimit = 64U << 20U;

// "./indices/x/" is "indices/x".
std::string plain_path(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

Result<std::string> read_member(stream::TarReader& reader) {
  std::string text;
  while (true) {
    TRY_ASSIGN(piece, reader.read_data());
    if (piece.bytes.empty()) return text;
    text.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    if (text.size() > kContentsLimit) return fail(Errc::corrupt, "its list of snapshots has no end");
  }
}

}  // namespace

Result<> verify_search(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                       RunContext& run) {
  stream::Decoder decoder(artefact.codec, stored, artefact.plain, artefact.stored);
  stream::TarReader reader(decoder);
  std::vector<std::string> top;
  std::map<std::string, std::string> lists;  // index-N
  std::set<std::string> with_files;          // directories below indices/
  std::set<std::string> shard_lists;         // those with the snapshot's own list of a shard's files
  const std::string uuid = model::attribute(item.attributes, "snapshot_uuid");
  std::set<std::string> needed;  // files with data, by their names, which are unique
  std::set<std::string> present;
  std::uint64_t entries = 0;
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(entry, reader.next());
    if (!entry) break;
    ++entries;
    const std::string path = plain_path(entry->path);
    const std::vector<std::string> parts = split(path, '/');
    if (parts.size() == 1) {
      top.push_back(path);
      if (newest_generation({path}).value >= 0) {
        TRY_ASSIGN(text, read_member(reader));
        lists.emplace(path, std::move(text));
      }
    }
    if (parts.size() > 2 && parts[0] == "indices") with_files.insert(parts[1]);
    if (parts.size() == 4 && parts[3] == "snap-" + uuid + ".dat") {
      shard_lists.insert(parts[1]);
      TRY_ASSIGN(text, read_member(reader));
      for (const std::string& name : parse_blob_names(text).files) needed.insert(name);
    }
    if (parts.size() == 4 && parts[3].starts_with("__")) present.emplace(blob_stem(parts[3]));
  }
  if (entries != artefact.entries)
    return fail(Errc::corrupt, artefact.path + " has " + std::to_string(entries) + " members, and the manifest says " +
                                   std::to_string(artefact.entries));
  const Generation newest = newest_generation(top);
  const auto list = lists.find("index-" + std::to_string(newest.value));
  if (list == lists.end()) return fail(Errc::corrupt, "it has no file index-N: it is no repository of snapshots");
  TRY_ASSIGN(contents, parse_contents(list->second, uuid));
  for (const std::string& name : {"snap-" + uuid + ".dat", "meta-" + uuid + ".dat"})
    if (!std::ranges::contains(top, name)) return fail(Errc::corrupt, name + " is missing");
  for (const auto& [key, value] : item.attributes)
    if (key.starts_with(kDocumentsOf) && !contents.indices.contains(key.substr(kDocumentsOf.size())))
      return fail(Errc::corrupt, "its snapshot has no index " + escape_for_display(key.substr(kDocumentsOf.size())));
  for (const std::string& directory : contents.directories)
    if (!with_files.contains(directory) || !shard_lists.contains(directory))
      return fail(Errc::corrupt, "indices/" + directory + " lacks the files of its snapshot");
  for (const std::string& name : needed)
    if (!present.contains(name)) return fail(Errc::corrupt, "file " + name + " of its snapshot is missing");
  return {};
}

}  // namespace davit::sources
