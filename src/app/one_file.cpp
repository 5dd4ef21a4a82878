#include "app/one_file.hpp"

#include <format>
#include <optional>
#include <vector>

#include "app/definition.hpp"
#include "catalog/exported/reader.hpp"
#include "catalog/exported/writer.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

using catalog::exported::Member;
using catalog::exported::Reader;

// Every byte of it is read: who imports the file may remove it next.
Result<bool> is_whole(const storage::StorageReader& storage, const catalog::Entry& entry,
                      const model::Artefact& artefact, RunContext& run) {
  TRY_ASSIGN(stored, storage.open(object_key(entry, artefact)));
  stream::DigestSource digest(*stored);
  std::vector<std::byte> buffer(256U << 10U);
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(got, digest.read(buffer));
    if (got == 0) return digest.extent().sha256 == artefact.stored.sha256;
  }
}

// Errc::exists unless the repository has this very backup; false if it has none of this name.
Result<bool> is_there(const storage::StorageReader& storage, const Reader& reader, RunContext& run) {
  const catalog::Entry& entry = reader.entry();
  auto text = catalog::load_text(storage, entry);
  if (!text && text.error().code() == Errc::not_found) return false;
  if (!text) return std::unexpected(std::move(text).error());
  const std::string what =
      std::format("backup {} of {} is in {} already", entry.id, escape_for_display(entry.stack), storage.describe());
  const std::string hint =
      "look at it with `davit verify " + entry.id + "`, and remove it there if the file is to replace it";
  if (*text != reader.manifest_text()) return fail(Errc::exists, what + ", with another manifest", hint);
  for (const model::Item& item : reader.manifest().items)
    for (const model::Artefact& artefact : item.artefacts) {
      auto info = storage.stat(object_key(entry, artefact));
      if (!info && info.error().code() != Errc::not_found) return std::unexpected(std::move(info).error());
      if (!info || info->bytes != artefact.stored.bytes)
        return fail(Errc::exists,
                    what + ", and damaged: " + artefact.path + (info ? " has another length" : " is missing"), hint);
      TRY_ASSIGN(whole, in_context(is_whole(storage, entry, artefact, run), "read " + artefact.path + " of it"));
      if (!whole) return fail(Errc::exists, what + ", and damaged: " + artefact.path + " has other contents", hint);
    }
  return true;
}

Result<> store_member(storage::Publication& set, const Member& member, Reader& reader) {
  TRY_ASSIGN(writer, set.create(member.path));
  TRY(stream::copy(reader, *writer));
  TRY(writer->commit());
  return {};
}

}  // namespace

Result<Transferred> export_backup(const storage::StorageReader& storage, const std::string& stack,
                                  const std::string& backup, stream::ByteSink& sink, RunContext& run) {
  TRY_ASSIGN(entry, catalog::find(storage, stack, backup));
  TRY_ASSIGN(bytes, catalog::exported::write(storage, entry, sink, run));
  return Transferred{std::move(entry), bytes};
}

Result<Transferred> import_backup(stream::ByteSource& file, const std::string& name, storage::Storage& storage,
                                  RunContext& run) {
  // 1. The manifest, which says of every artefact what it must be.
  run.reporter.step("import " + name);
  stream::ReportingSource source(file, run);
  Reader reader(source, name);
  TRY(reader.begin());
  const catalog::Entry& entry = reader.entry();
  run.reporter.step("import " + escape_for_display(entry.stack) + " " + entry.id, reader.manifest().stored_bytes());

  // 2. The same backup may be there. Its file is verified all the same: who imports it may remove it next.
  TRY_ASSIGN(there, is_there(storage, reader, run));
  std::unique_ptr<storage::Publication> set;
  if (!there) {
    TRY_ASSIGN(staged, storage.stage(entry.key, run.run_id));
    set = std::move(staged);
  }

  // 3. Every object, staged as it streams by and held against the manifest. Behind this the file is whole.
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(member, reader.next());
    if (!member) break;
    if (set) TRY(store_member(*set, *member, reader));
  }

  // 4. Publish. Up to here the backup does not exist; after this line it does.
  if (set) {
    TRY(run.check());
    run.reporter.step("publish");
    TRY(set->publish(catalog::kManifestName, reader.manifest_text()));
  }
  return Transferred{entry, reader.total(), there};
}

}  // namespace davit::app
