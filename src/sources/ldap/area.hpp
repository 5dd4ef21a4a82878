#pragma once
// Exchanging what slapd keeps in one of its directories. New files are made in `.davit-ldap-RUN` inside that directory,
// so on its file system, whatever is mounted where; then they and the old ones change places by renames. Only the names
// that slapd itself makes move: certificates, markers of an image and whatever else lies there stay. Each step may be
// done again, and undo() leads back from the middle of any.

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

struct LdapArea {
  enum class Kind { config, database };
  Kind kind = Kind::database;
  std::string run;        // whose area it is
  std::string directory;  // in the container
  // Where the place is mounted that is restored along and is led back by itself, perhaps before this; empty: none is.
  std::string place = {};
  std::vector<std::string> made = {};  // directories that weren't there before, the deepest first: they go with undo()

  [[nodiscard]] std::string path() const { return directory + "/.davit-ldap-" + run; }
  // Where the new files are made.
  [[nodiscard]] std::string fresh() const { return path() + "/new"; }
  // A second configuration, for tools that work on the new databases before they are in place.
  [[nodiscard]] std::string stage() const { return path() + "/stage"; }
};

// All work in a container that has the directory and a shell, as its root.
class LdapAreas {
 public:
  // REQUIRES: both outlive it. `user`: numbers of slapd's user and group.
  LdapAreas(engine::Engine& engine, engine::ContainerId container, std::string user)
      : engine_(engine), container_(std::move(container)), user_(std::move(user)) {}

  // Which of a directory and those above it are not there, the deepest first.
  [[nodiscard]] Result<std::vector<std::string>> missing(const std::string& directory, RunContext& run) const;
  // Makes the area and, where they are missing, the directories `area.made`. A directory that is empty is given to
  // slapd's user. Errc::failed if another restore has left an area there.
  [[nodiscard]] Result<> begin(const LdapArea& area, RunContext& run) const;
  // REQUIRES: what is new is whole. On stable storage when it returns.
  [[nodiscard]] Result<> exchange(const LdapArea& area, RunContext& run) const;
  // The old files are in place, and nothing is left. Fine if there is no area, or no directory.
  [[nodiscard]] Result<> undo(const LdapArea& area, RunContext& run) const;
  // Removes the old files. REQUIRES: exchange() succeeded.
  [[nodiscard]] Result<> finish(const LdapArea& area, RunContext& run) const;

 private:
  [[nodiscard]] Result<std::string> perform(const char* task, const LdapArea& area, RunContext& run) const;
  engine::Engine& engine_;
  engine::ContainerId container_;
  std::string user_;
};

// The script that does it, for tests: `sh -c SCRIPT davit TASK RUN USER KIND DIRECTORY PLACE [MADE…]`.
[[nodiscard]] const char* ldap_area_script();

}  // namespace davit::sources
