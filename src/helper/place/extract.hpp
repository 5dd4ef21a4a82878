#pragma once
// Unpacks an archive into an empty directory that nobody else may enter. An archive that tries to get out of it, by
// "..", absolute names or symlinks, is Errc::corrupt.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "helper/place/attributes.hpp"
#include "helper/place/directory_chain.hpp"
#include "helper/place/meter.hpp"
#include "helper/place/path_selection.hpp"
#include "helper/place/step_hook.hpp"
#include "stream/tar_reader.hpp"

namespace davit::helper {

class Extractor {
 public:
  struct Options {
    bool keep_lost_and_found = false;  // leave out `lost+found` at the top: the place has its own
    StepHook hook;
  };
  // REQUIRES: what is passed by reference outlives the extractor.
  Extractor(int into, const PathSelection& selection, Options options, Meter& meter, FindingList& findings);
  // Reads to the verified end.
  [[nodiscard]] Result<> run(stream::TarReader& tar);
  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  // What the archive says about the directory that it was made of; nothing if it has no member "./".
  [[nodiscard]] const std::optional<Attributes>& root() const { return root_; }

 private:
  using Path = std::vector<std::string>;

  Result<> add(stream::TarReader& tar, const stream::TarEntry& entry, const Path& components);
  // Enters the directory, making what is missing.
  Result<> go_to(const Path& components);
  Result<> enter(const std::string& name);
  // Leaves the directory it is in, which gets its attributes at this moment: unpacking into it would change its time.
  Result<> leave();
  Result<> add_directory(const stream::TarEntry& entry, const Path& components);
  Result<> add_file(stream::TarReader& tar, const stream::TarEntry& entry, int parent, const std::string& name);
  Result<> add_hardlink(const stream::TarEntry& entry, int parent, const std::string& name);
  // False: the file system can't hold it, and a finding says so.
  Result<bool> make_special(const stream::TarEntry& entry, int parent, const std::string& name);
  bool is_left_out(const stream::TarEntry& entry, const Path& components);

  const PathSelection& selection_;
  Options options_;
  Meter& meter_;
  FindingList& findings_;
  DirectoryChain chain_;             // where new members are made
  DirectoryChain targets_;           // where hard links point
  std::vector<Attributes> pending_;  // of every directory of chain_
  std::optional<Attributes> root_;
  std::uint64_t entries_ = 0;
  bool told_of_lost_and_found_ = false;
};

}  // namespace davit::helper
