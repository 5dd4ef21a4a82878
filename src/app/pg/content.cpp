#include "app/pg/content.hpp"

#include <vector>

#include "sources/basebackup/contents.hpp"
#include "stream/memory_stream.hpp"
#include "stream/zstd_source.hpp"

namespace davit::app {
namespace {

constexpr std::string_view kArchive = "PGDMP";
constexpr std::size_t kBlock = 512;
constexpr std::size_t kTarMagicAt = 257;
// A directory of pg_dump says in its toc.dat that it is a tar. The header in a tar that pg_dump writes has user 04000
// and group 02000, whoever runs it (pg_backup_tar.c, tarCreateHeader), and a magic that is not GNU's.
constexpr std::size_t kUserAt = 108;
constexpr std::string_view kPosixMagic("ustar\0", 6);
constexpr std::string_view kZstd = "\x28\xB5\x2F\xFD";
constexpr std::string_view kClusterScript = "-- PostgreSQL database cluster dump";
constexpr std::string_view kScript = "-- PostgreSQL database dump";

Result<std::string> read_head(stream::ByteSource& source) {
  std::vector<std::byte> head(kHeadBytes);
  std::size_t have = 0;
  while (have < head.size()) {
    TRY_ASSIGN(count, source.read(std::span(head).subspan(have)));
    if (count == 0) break;
    have += count;
  }
  return std::string(reinterpret_cast<const char*>(head.data()), have);
}

}  // namespace

DumpContent content_of(std::string_view head) {
  if (head.starts_with(kArchive)) return DumpContent::custom;
  if (const auto form = sources::base_form_of(head))
    return *form == sources::BaseForm::plain ? DumpContent::base_plain : DumpContent::base_directory;
  if (head.size() >= kBlock && head.substr(kTarMagicAt).starts_with("ustar")) {
    if (!head.starts_with(std::string_view("toc.dat\0", 8)) || !head.substr(kBlock).starts_with(kArchive))
      return DumpContent::unknown;
    const std::string_view user = head.substr(kUserAt, 8);
    const std::string_view group = head.substr(kUserAt + 8, 8);
    const bool tar = head.substr(kTarMagicAt).starts_with(kPosixMagic) && user.starts_with("0004000") &&
                     group.starts_with("0002000");
    return tar ? DumpContent::tar : DumpContent::directory;
  }
  // Both begin with an empty comment.
  if (head.contains(kClusterScript)) return DumpContent::cluster_script;
  return head.contains(kScript) ? DumpContent::database_script : DumpContent::unknown;
}

Result<StoredContent> look_into(const storage::StorageReader& storage, const std::string& key) {
  StoredContent found;
  {
    TRY_ASSIGN(source, storage.open(key));
    TRY_ASSIGN(head, read_head(*source));
    if (!head.starts_with(kZstd)) {
      found.content = content_of(head);
      return found;
    }
  }
  found.codec = stream::Codec::zstd;
  TRY_ASSIGN(source, storage.open(key));
  stream::ZstdSource decoded(*source);
  TRY_ASSIGN(head, read_head(decoded));
  found.content = content_of(head);
  return found;
}

}  // namespace davit::app
