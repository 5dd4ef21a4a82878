#include "sources/basebackup/unpack.hpp"

#include "sources/postgres/archive.hpp"
#include "sources/postgres/server.hpp"
#include "stream/memory_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// Everything belongs to the user who unpacks it; the modes are those of the archive.
Result<> feed_tar(const Cluster& cluster, const std::string& directory, stream::ByteSource& tar, RunContext& run) {
  TRY_ASSIGN(answer, cluster.programs().feed({"tar", "-x", "-p", "-f", "-", "-C", directory}, tar, run));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(command_error("unpack the base backup", "tar", answer.outcome));
  return drain(tar);
}

Result<std::string> directory_for(const UnpackTarget& target, std::string_view member) {
  TRY_ASSIGN(place, place_of_member(member));
  if (place.empty()) return target.data;
  if (!place.starts_with("pg_tblspc/")) return target.data + "/" + place;
  const auto oid = member.substr(0, member.find('.'));
  const auto found = target.tablespaces.find(oid);
  if (found != target.tablespaces.end()) return found->second;
  return fail(Errc::corrupt, "the base backup has a tablespace of number " + std::string(oid) +
                                 ", and nobody knows where "
                                 "it belongs");
}

}  // namespace

Result<> unpack_base_backup(const Cluster& cluster, const UnpackTarget& target, BaseForm form,
                            stream::ByteSource& plain, RunContext& run) {
  if (form == BaseForm::plain) return feed_tar(cluster, target.data, plain, run);
  stream::TarReader reader(plain);
  while (true) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return drain(plain);
    MemberSource data(reader);
    if (entry->path == kBackupManifestName) {
      TRY(drain(data));
      continue;
    }
    TRY_ASSIGN(directory, directory_for(target, entry->path));
    TRY(feed_tar(cluster, directory, data, run));
  }
}

std::string render_tablespace_map(const std::vector<Tablespace>& tablespaces) {
  std::string text;
  for (const Tablespace& each : tablespaces) {
    text += std::to_string(each.oid) + " ";
    for (const char c : each.location) {
      if (c == '\n' || c == '\r' || c == '\\') text += '\\';
      text += c;
    }
    text += "\n";
  }
  return text;
}

Result<> write_tablespace_map(const Cluster& cluster, const std::string& data,
                              const std::vector<Tablespace>& tablespaces, RunContext& run) {
  const std::string text = render_tablespace_map(tablespaces);
  stream::MemorySource in(text);
  TRY_ASSIGN(answer,
             cluster.programs().feed({"sh", "-c", R"(umask 077; cat > "$1/tablespace_map")", "davit", data}, in, run));
  if (answer.outcome.exit_code == 0) return {};
  return std::unexpected(command_error("write tablespace_map", "sh", answer.outcome));
}

Result<> make_locations(const Cluster& cluster, const std::vector<Tablespace>& tablespaces, RunContext& run) {
  for (const Tablespace& each : tablespaces) {
    TRY_ASSIGN(answer, cluster.ask({"mkdir", "-p", "-m", "700", "--", each.location}, run));
    if (answer.outcome.exit_code != 0)
      return std::unexpected(command_error(
          "make " + escape_for_display(each.location) + " for tablespace " + escape_for_display(each.name), "mkdir",
          answer.outcome));
  }
  return {};
}

}  // namespace davit::sources
