#include "support/tar.hpp"

#include <stdexcept>

#include "support/streams.hpp"

namespace davit::test {
namespace {

void must(const Result<>& result) {
  if (!result) throw std::runtime_error(result.error().message());
}

Result<std::string> read_member(stream::TarReader& reader, const stream::TarEntry& entry) {
  std::string data;
  std::uint64_t next = 0;  // the data read so far, as a position in the file
  std::size_t extent = 0;
  for (;;) {
    TRY_ASSIGN(piece, reader.read_data());
    if (piece.bytes.empty()) return data;
    while (entry.sparse && extent < entry.data.size() && next >= entry.data[extent].offset + entry.data[extent].length)
      ++extent;
    if (entry.sparse && extent < entry.data.size()) next = std::max(next, entry.data[extent].offset);
    if (piece.offset != next)
      return fail(Errc::bug, "data at " + std::to_string(piece.offset) + ", not " + std::to_string(next));
    next += piece.bytes.size();
    data.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
  }
}

}  // namespace

stream::TarEntry tar_file(std::string path, std::uint64_t size) {
  return {.path = std::move(path), .mode = 0644, .size = size, .mtime_ns = 1'700'000'000'123'456'789};
}

std::string write_tar(const std::vector<TarMember>& members) {
  stream::MemorySink sink;
  stream::TarWriter writer(sink);
  for (const TarMember& member : members) {
    must(writer.begin(member.entry));
    must(writer.write_data(bytes_of(member.data)));
  }
  must(writer.finish());
  if (!writer.take_findings().empty()) throw std::runtime_error("unexpected findings");
  return sink.take();
}

Result<TarContents> read_tar(stream::ByteSource& source) {
  stream::TarReader reader(source);
  TarContents contents;
  for (;;) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) break;
    TRY_ASSIGN(data, read_member(reader, *entry));
    contents.members.push_back({std::move(*entry), std::move(data)});
  }
  contents.findings = reader.take_findings();
  return contents;
}

Result<TarContents> read_tar(const std::string& archive) {
  stream::MemorySource source{bytes_of(archive)};
  return read_tar(source);
}

}  // namespace davit::test
