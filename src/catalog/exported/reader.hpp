#pragma once
// Reads the file of an exported backup as it comes, once, and believes nothing of it: every byte is held against what
// it must be, but those of RESTORE.md, whose digest stands at the end. So nothing that was read may be used for good
// before next() has come to the end. Memory: the manifest and one buffer of the reader's user.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"
#include "catalog/exported/header.hpp"
#include "catalog/exported/layout.hpp"
#include "stream/byte_stream.hpp"
#include "stream/digest.hpp"

namespace davit::catalog::exported {

// A member whose bytes come next.
struct Member {
  std::string path;  // relative to the backup
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // in the file
};

// As a source, it is the bytes of the member that next() came to; their end is verified.
// Damage of any kind is Errc::corrupt and says where. After an error it is good for nothing but its destructor.
class Reader : public stream::ByteSource {
 public:
  // `name` is what errors call the file. `length` of it, where that is known: a cut file is then refused at once.
  // REQUIRES: `source` outlives the reader.
  Reader(stream::ByteSource& source, std::string name, std::optional<std::uint64_t> length = {});

  // Reads up to the end of the manifest. Errc::usage: of a format that this davit doesn't know, or packed.
  // REQUIRES: called once, before all others.
  [[nodiscard]] Result<> begin();
  [[nodiscard]] const Entry& entry() const { return entry_; }
  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  // As it stands in the file.
  [[nodiscard]] const std::string& manifest_text() const { return text_; }
  [[nodiscard]] const Member& manifest_member() const { return first_; }
  // The length of the whole file. REQUIRES: next() was called.
  [[nodiscard]] std::uint64_t total() const { return total_; }

  // The next member: RESTORE.md, if the backup has one, then the artefacts in the order of the manifest. What was not
  // read of the one before is read and verified. Nothing: the file is whole, and ends here.
  [[nodiscard]] Result<std::optional<Member>> next();
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  // What stands at the next place of a header.
  struct Header {
    std::string raw;
    Block block;  // with what pax says of it
    std::uint64_t at = 0;
  };

  [[nodiscard]] std::unexpected<Error> damaged(const std::string& why) const;
  Result<std::size_t> read_up_to(std::span<std::byte> into);
  Result<> read_exactly(std::span<std::byte> into, std::string_view within);
  Result<std::string> read_text(std::uint64_t bytes, std::string_view within);
  Result<> skip_padding(std::uint64_t bytes, std::string_view within);
  Result<> complete(Header& header, std::string_view within);
  Result<Header> read_header(std::string_view expected);
  Result<> check_header(const Header& header, std::string_view path, std::uint64_t bytes) const;
  Result<> begin_members();
  Result<> finish_member();
  Result<> finish_file();

  stream::ByteSource& source_;
  std::string name_;
  std::optional<std::uint64_t> length_;
  std::uint64_t at_ = 0;  // bytes read

  Entry entry_;
  Manifest manifest_;
  std::string text_;
  Member first_;
  Layout layout_;
  std::uint64_t total_ = 0;
  std::vector<Part> parts_;     // the members before SHA256SUMS, the manifest too
  std::optional<Header> held_;  // the one behind the manifest
  std::size_t next_ = 0;        // index of the next of them, or of the one that is read
  bool begun_ = false;
  bool in_member_ = false;
  bool ended_ = false;
  std::uint64_t left_ = 0;  // bytes of the member
  std::optional<stream::Sha256> sha256_;
};

}  // namespace davit::catalog::exported
