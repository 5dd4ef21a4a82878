#pragma once
// The use cases of `davit pg upload` and `download`: what one storage has, the other has afterwards, too.

#include <string>
#include <vector>

#include "storage/storage.hpp"
#include "util/run_context.hpp"

namespace davit::app {

// Everything, or only what is named: dumps with their digests, their records and the globals of the same time.
struct TransferOptions {
  std::vector<std::string> databases = {};  // patterns: all their dumps
  std::vector<std::string> keys = {};       // of dumps and globals
  // Which of both is read without a network: where digests alone would do, its bytes are held against them as well.
  enum class Near { from, to } near = Near::from;
};
struct TransferReport {
  std::vector<storage::ObjectInfo> moved;
  std::size_t present = 0;  // were there already, byte for byte
};

// A dump comes behind its digest and its record, and is held against the digest: Errc::corrupt, and it is not stored.
// What is there already with the same contents is left alone, so that a transfer that was cut off can be repeated; with
// other contents it is Errc::exists. Errc::not_found if there is nothing to copy.
[[nodiscard]] Result<TransferReport> transfer_dumps(const storage::StorageReader& from, storage::Storage& to,
                                                    const TransferOptions& options, RunContext& run);

}  // namespace davit::app
