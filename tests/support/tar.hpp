#pragma once
// Whole archives in memory, for tests.

#include <string>
#include <vector>

#include "stream/tar_reader.hpp"
#include "stream/tar_writer.hpp"

namespace davit::test {

// A member and its data: for a sparse file the bytes of its extents, one after the other.
struct TarMember {
  stream::TarEntry entry;
  std::string data;
};

struct TarContents {
  std::vector<TarMember> members;
  std::vector<Finding> findings;
};

[[nodiscard]] stream::TarEntry tar_file(std::string path, std::uint64_t size);
// Throws what goes wrong: a test that writes expects no error.
[[nodiscard]] std::string write_tar(const std::vector<TarMember>& members);
// Reads everything, data included. Holds every piece's offset against the entry's map.
[[nodiscard]] Result<TarContents> read_tar(stream::ByteSource& source);
[[nodiscard]] Result<TarContents> read_tar(const std::string& archive);

}  // namespace davit::test
