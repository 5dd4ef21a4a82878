#pragma once
// A base backup as one stream, in one of two forms. `plain`: the tar that pg_basebackup writes to its standard output:
// the data directory, its transaction log in pg_wal, and backup_manifest as the last member. `directory`: a tar of the
// directory that pg_basebackup makes where there are tablespaces: backup_manifest first, then base.tar, OID.tar of each
// tablespace, pg_wal.tar.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sources/basebackup/backup_manifest.hpp"
#include "stream/byte_stream.hpp"
#include "stream/tar_reader.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

enum class BaseForm { plain, directory };
[[nodiscard]] std::string_view name_of(BaseForm form);  // "plain", "directory"
[[nodiscard]] Result<BaseForm> parse_base_form(std::string_view text);
// By the first bytes of the stream, of which 600 are enough; nothing: it is no base backup.
[[nodiscard]] std::optional<BaseForm> base_form_of(std::string_view head);

// The data of the member that a reader has come to.
class MemberSource : public stream::ByteSource {
 public:
  // REQUIRES: the reader outlives it, and isn't moved on meanwhile.
  explicit MemberSource(stream::TarReader& reader) : reader_(reader) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  stream::TarReader& reader_;
  std::span<const std::byte> rest_;
  bool ended_ = false;
};

// Where in the cluster the contents of a member of the directory form belong: "" for base.tar, "pg_wal/", or
// "pg_tblspc/OID/". Errc::corrupt for anything else.
[[nodiscard]] Result<std::string> place_of_member(std::string_view name);

// Reads all of it, and holds every file against the manifest. Errc::corrupt if it isn't whole.
[[nodiscard]] Result<> check_base_backup(stream::ByteSource& plain, BaseForm form, RunContext& run);

// Passes a base backup on, and sees what members it has while they go by: the cheap part of the check, for whoever
// makes one.
class MemberScan : public stream::ByteSink {
 public:
  MemberScan(BaseForm form, stream::ByteSink& next) : form_(form), next_(next) {}
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override { return next_.finish(); }
  // Errc::failed if what has gone by has no end or no manifest.
  [[nodiscard]] Result<> check() const;
  [[nodiscard]] std::uint64_t members() const { return members_; }

 private:
  void take_header();

  BaseForm form_;
  stream::ByteSink& next_;
  std::string header_;
  std::uint64_t to_skip_ = 0;  // bytes of the member's data and padding
  std::uint64_t members_ = 0;
  int end_blocks_ = 0;
  bool manifest_ = false;
  bool broken_ = false;
};

}  // namespace davit::sources
