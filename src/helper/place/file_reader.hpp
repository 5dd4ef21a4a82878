#pragma once
// Reads a regular file into an archive while others may write to it: what was announced is what is stored, whatever
// happens.

#include <cstddef>
#include <string>
#include <vector>

#include "helper/place/at.hpp"
#include "helper/place/meter.hpp"
#include "stream/tar_entry.hpp"
#include "stream/tar_writer.hpp"

namespace davit::helper {

struct OpenFile {
  UniqueFd fd;
  Status status;  // when it was opened: what the archive will say
  bool sparse = false;
  std::vector<stream::TarExtent> data;  // sparse: where it has data
};

// ESTALE if the name is no regular file any more.
[[nodiscard]] Sys<OpenFile> open_file(int directory, const std::string& name);

class FileReader {
 public:
  FileReader();
  // Writes the data of the member that was begun for `file`, all of what was announced: where the file ended early or
  // could not be read there are zeros. Returns what a finding has to say, or nothing.
  [[nodiscard]] Result<std::string> read(const OpenFile& file, stream::TarWriter& tar, Meter& meter);

 private:
  std::vector<std::byte> buffer_;
};

}  // namespace davit::helper
