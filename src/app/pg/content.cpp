#include "app/pg/content.hpp"

#include <span>
#include <vector>

#include "sources/basebackup/contents.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"
#include "stream/zstd_source.hpp"

namespace davit::app {
namespace {

constexpr std::string_view kArchive = "PGDMP";
constexpr std::string_view kTableOfContents = "toc.dat";
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

// The tar that pg_dump itself writes.
bool is_tar_of_pg_dump(std::string_view head) {
  return head.starts_with(std::string_view("toc.dat\0", 8)) && head.substr(kBlock).starts_with(kArchive) &&
         head.substr(kTarMagicAt).starts_with(kPosixMagic) && head.substr(kUserAt).starts_with("0004000") &&
         head.substr(kUserAt + 8).starts_with("0002000");
}

// "4711.dat.gz", "blob_16385.dat", "blobs.toc": the names that pg_dump gives in a directory (pg_backup_directory.c).
bool is_data_of_dump(std::string_view name) {
  if (name.starts_with("blobs") && name.ends_with(".toc")) return true;
  if (name.starts_with("blob_")) name.remove_prefix(5);
  const auto digits = name.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string_view::npos && name.substr(digits).starts_with(".dat");
}

// A tar of a dump's directory, whoever has made it: "tar -C DIRECTORY ." begins with the directory itself, and has the
// files in any order. The first of them decides.
bool is_dump_directory(std::string_view head) {
  stream::MemorySource source(std::as_bytes(std::span(head)));
  stream::TarReader reader(source);
  while (true) {
    const auto entry = reader.next();
    if (!entry || !*entry) return false;
    if ((*entry)->type == stream::TarType::directory) continue;
    std::string_view name = (*entry)->path;
    while (name.starts_with("./")) name.remove_prefix(2);
    if (name != kTableOfContents) return (*entry)->type == stream::TarType::file && is_data_of_dump(name);
    const auto data = reader.read_data();
    if (!data) return false;
    return std::string_view(reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size())
        .starts_with(kArchive);
  }
}

}  // namespace

DumpContent content_of(std::string_view head) {
  if (head.starts_with(kArchive)) return DumpContent::custom;
  if (const auto form = sources::base_form_of(head))
    return *form == sources::BaseForm::plain ? DumpContent::base_plain : DumpContent::base_directory;
  if (head.size() >= kBlock && head.substr(kTarMagicAt).starts_with("ustar")) {
    if (is_tar_of_pg_dump(head)) return DumpContent::tar;
    return is_dump_directory(head) ? DumpContent::directory : DumpContent::unknown;
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
