#pragma once
// The journal of a restore, a small text file in its area: what state it is in, and what rollback must know. It is
// replaced as a whole, on stable storage, before what it announces is done.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "helper/place/attributes.hpp"
#include "util/error.hpp"

namespace davit::helper {

// What is swapped by one rename: a top-level name of the place, or one of the paths asked for.
struct RestoreUnit {
  std::vector<std::string> path;
  bool has_old = false;
  bool has_new = false;
  bool operator==(const RestoreUnit&) const = default;
};

struct RestoreJournal {
  enum class State {
    staging,     // unpacking; the place is untouched
    staged,      // unpacked and on stable storage; the place is untouched
    committing,  // some of the units may be swapped
    committed,   // all of them are
  };
  struct Time {
    std::vector<std::string> path;
    std::int64_t mtime_ns = 0;
    bool operator==(const Time&) const = default;
  };

  State state = State::staging;
  Attributes root;                 // of the place before the restore
  bool replace_root = false;       // the archive brought the root's attributes
  std::vector<std::string> paths;  // what was asked for; empty: everything
  std::vector<RestoreUnit> units;  // from committing on
  std::vector<Time> parents;       // directories of the place whose contents the units change, but for the root
  bool operator==(const RestoreJournal&) const = default;
};

[[nodiscard]] std::string render_journal(const RestoreJournal& journal);
// Errc::corrupt for anything that render_journal() does not write, also for paths that lead out of the place.
[[nodiscard]] Result<RestoreJournal> parse_journal(const std::string& text);

// Nothing if the area has none.
[[nodiscard]] Result<std::optional<RestoreJournal>> read_journal(int area);
[[nodiscard]] Result<> write_journal(int area, const RestoreJournal& journal);
// Says that the area is of no more use to anybody.
[[nodiscard]] Result<> close_journal(int area);
[[nodiscard]] Result<bool> is_journal_closed(int area);
// Removes what close_journal() left.
[[nodiscard]] Result<> remove_closed_journal(int area);

}  // namespace davit::helper
