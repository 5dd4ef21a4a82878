#include "app/pg/transfer.hpp"

#include <algorithm>
#include <set>

#include "app/pg/dump_set.hpp"
#include "sources/postgres/archive.hpp"
#include "stream/digest.hpp"
#include "stream/reporting_stream.hpp"
#include "util/text.hpp"

namespace davit::app {
namespace {

Result<std::vector<storage::ObjectInfo>> choose(const storage::StorageReader& from, const TransferOptions& options) {
  TRY_ASSIGN(objects, list_level(from));
  std::set<std::string, std::less<>> wanted;
  const auto want = [&wanted](const std::string& key) {
    wanted.insert(key);
    const auto name = parse_dump_name(key);
    if (name && !name->time.empty()) wanted.insert(key.substr(0, key.rfind('/') + 1) + globals_name(name->time));
  };
  for (const std::string& key : options.keys) want(key);
  if (!options.databases.empty()) {
    TRY_ASSIGN(dumps, list_dumps(from, options.databases));
    for (const StoredDump& dump : dumps) want(dump.key);
  }
  const bool all = options.keys.empty() && options.databases.empty();
  if (!all)
    std::erase_if(objects, [&](const auto& object) { return !wanted.contains(without_side_suffix(object.key)); });
  if (objects.empty())
    return fail(Errc::not_found, "there are no dumps in " + from.describe() + (all ? "" : " of these names"));
  // What a dump is held against comes before it, so that one that is there can be held against it.
  std::ranges::stable_partition(objects,
                                [](const auto& object) { return without_side_suffix(object.key) != object.key; });
  return objects;
}

Result<std::string> digest_of(const storage::StorageReader& storage, const std::string& key, RunContext& run) {
  TRY_ASSIGN(source, storage.open(key));
  stream::ReportingSource reporting(*source, run);
  stream::DigestSource digest(reporting);
  TRY(sources::drain(digest));
  return digest.extent().sha256;
}

Error damaged(const storage::StorageReader& in, const std::string& key, const std::string& found,
              const std::string& expected) {
  return {Errc::corrupt, escape_for_display(key) + " in " + in.describe() + " is not what its digest says: SHA-256 " +
                             found + ", not " + expected};
}

// Whether `to` has it already. Digests that lie beside both spare the reading of large dumps over the network.
Result<bool> is_present(const storage::StorageReader& from, const storage::StorageReader& to,
                        const storage::ObjectInfo& object, TransferOptions::Near near, RunContext& run) {
  auto there = to.stat(object.key);
  if (!there && there.error().code() == Errc::not_found) return false;
  if (!there) return std::unexpected(std::move(there).error());
  const std::string what = escape_for_display(object.key) + " is in " + to.describe() + " already, with other contents";
  const auto differs = [&] {
    return fail(Errc::exists, what, "give each server a directory and a prefix of its own, or remove it there");
  };
  if (there->bytes != object.bytes) return differs();
  TRY_ASSIGN(ours, find_digest(from, object.key));
  TRY_ASSIGN(theirs, find_digest(to, object.key));
  if (ours && ours == theirs) {
    const storage::StorageReader& local = near == TransferOptions::Near::from ? from : to;
    TRY_ASSIGN(found, digest_of(local, object.key, run));
    if (found == *ours) return true;
    return std::unexpected(
        damaged(local, object.key, found, *ours).hint_if_none("remove it there; the other place may have it whole"));
  }
  TRY_ASSIGN(our_bytes, digest_of(from, object.key, run));
  TRY_ASSIGN(their_bytes, digest_of(to, object.key, run));
  if (our_bytes != their_bytes) return differs();
  return true;
}

Result<storage::ObjectInfo> move(const storage::StorageReader& from, storage::Storage& to, const std::string& key,
                                 RunContext& run) {
  TRY_ASSIGN(expected, find_digest(from, key));
  TRY_ASSIGN(source, from.open(key));
  TRY_ASSIGN(writer, to.create(key));
  stream::ReportingSource reporting(*source, run);
  stream::DigestSource digest(reporting);
  TRY(stream::copy(digest, *writer));
  if (expected && digest.extent().sha256 != *expected)
    return std::unexpected(damaged(from, key, digest.extent().sha256, *expected));
  return writer->commit();
}

}  // namespace

Result<TransferReport> transfer_dumps(const storage::StorageReader& from, storage::Storage& to,
                                      const TransferOptions& options, RunContext& run) {
  TRY_ASSIGN(objects, choose(from, options));
  TransferReport report;
  for (const storage::ObjectInfo& object : objects) {
    TRY(run.check());
    run.reporter.step("copy " + escape_for_display(object.key), object.bytes);
    TRY_ASSIGN(present, is_present(from, to, object, options.near, run));
    if (present) {
      ++report.present;
      continue;
    }
    TRY_ASSIGN(moved, move(from, to, object.key, run));
    report.moved.push_back(std::move(moved));
  }
  return report;
}

}  // namespace davit::app
