#pragma once
// davit's side of a helper: a short-lived container of ours that has one place (a volume, or a directory of the
// Engine's host) mounted, and reads or writes it there, so that no byte goes through the Engine.
//
// A session is one such container and the channel to it. Several jobs may follow one another. While a restore is staged
// or committed in it, the helper is its own guard: if the channel ends before hold() or seal(), the helper brings the
// old contents back; behind hold(), it leaves everything as it is; behind seal(), it removes the old ones.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/own_labels.hpp"
#include "stream/encoding.hpp"
#include "util/finding.hpp"
#include "util/run_context.hpp"

namespace davit::helper {

struct Place {
  enum class Kind { volume, directory };
  Kind kind = Kind::volume;
  std::string source;  // name of the volume, which exists; or absolute path on the Engine's host
  // directory: make it (0755, root) where it is missing, which needs Access::write. Its parent must exist.
  bool create = false;
  [[nodiscard]] std::string text() const;  // "volume shop_uploads", "directory /srv/shop"
};
enum class Access { read, write };

// A directory, or a file, by what it is (st_dev and st_ino of stat(2)), under whatever path or mount it is met.
struct DirectoryId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const DirectoryId&, const DirectoryId&) = default;
};

// Asked for paths, `empty`, `used_bytes` and `entries` are about these and what is below them; otherwise about
// everything.
struct Probe {
  bool exists = true;  // directory: false if there is none (nothing else is known then)
  bool empty = true;
  std::uint64_t free_bytes = 0;  // of its file system, for an unprivileged writer
  std::uint64_t used_bytes = 0;  // sum over its files; an estimate for a bar
  std::uint64_t entries = 0;
  std::vector<std::string> present;      // those of the paths asked for that exist (a symbolic link is not followed)
  std::vector<std::string> directories;  // those of `present` that are directories
  std::vector<std::string> links;        // those of `present` that are symbolic links
  std::vector<std::string> leftovers;    // runs whose restore was cut off here: their ids
  bool holds_repository = false;         // Host::Options::repository is the place, or lies in it
};

struct PackOptions {
  stream::Encoding encoding;
  std::vector<std::string>
      paths;  // only these and what is below them, relative; a missing one is a finding. Empty: all
  std::vector<std::string> exclude;  // globs over relative paths; what matches, and what is below it, is left out
  std::optional<DirectoryId> repository = {};  // left out, with a finding; set by Session from its host
};
struct PackResult {
  stream::Extent plain;
  stream::Extent stored;
  std::uint64_t entries = 0;
  std::vector<Finding> findings;  // `item` is left empty
};

struct StageOptions {
  stream::Codec codec = stream::Codec::zstd;
  stream::Extent plain;  // what must come out of it
  stream::Extent stored;
  // Empty: the archive becomes the whole contents of the place. Otherwise only these paths are replaced by what the
  // archive has of them, and everything beside them stays.
  std::vector<std::string> paths;
};
struct StageResult {
  std::uint64_t entries = 0;
  std::vector<Finding> findings;  // such as an attribute that this file system can't hold
};

// Makes helpers: decides once a run which image they have, and how the channel goes.
class Host {
 public:
  struct Options {
    std::string image;           // `--helper-image`; empty: busybox, or else an image imported from our own executable
    std::string self_container;  // override of the self-detection: id or name of the container that davit runs in
    bool attach_only = false;    // never the socket: for tests, and where the automatic choice is wrong
    std::string program;         // the static davit that helpers run; empty: our own executable
    // Where backups lie, if that is a directory of the Engine's host: it must not become part of a backup, nor be
    // replaced by one, and a path can't always tell (a bind, a volume's device, a symbolic link).
    std::optional<DirectoryId> repository = {};
  };
  Host(engine::Engine& engine, Options options);
  ~Host();
  Host(Host&&) = delete;
  [[nodiscard]] engine::Engine& engine() const;
  // The network mode of a container that is to see the network as davit does: "host", "container:<id>". Empty if there
  // is none: the Engine is elsewhere, or davit's own container can't be found.
  [[nodiscard]] std::string network() const;

 private:
  friend class Session;
  friend class Guard;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Session {
 public:
  // Starts a helper. `host` and `run` must outlive the session. Plain bytes that were read or written are told to the
  // run's reporter as progress of its current step. Labels it `davit.run=<run id>` and `davit.role=helper`. Fails with
  // what the Engine or the helper said.
  [[nodiscard]] static Result<Session> open(Host& host, const Place& place, Access access, RunContext& run);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  // Ends the channel (an unfinished restore that is not held is rolled back by the helper) and removes the container.
  ~Session();

  [[nodiscard]] Result<Probe> probe(const std::vector<std::string>& paths = {});
  // Writes the encoded archive to `stored` and finishes it. On return all bytes have arrived and agree with what the
  // helper counted and hashed.
  [[nodiscard]] Result<PackResult> pack(const PackOptions& options, stream::ByteSink& stored);
  // Unpacks beside the old contents, on the same file system, and verifies. The old contents are untouched.
  [[nodiscard]] Result<StageResult> stage(const StageOptions& options, stream::ByteSource& stored);
  // Puts the staged contents in place, and keeps the old ones aside. From here on nothing heeds the run's stop.
  [[nodiscard]] Result<> commit();
  // The end of this session, or of davit, changes nothing from here on: what was committed stays, and the old contents
  // stay aside, until a session's rollback(), seal() or recover(). Errc::failed if the old contents are back already.
  [[nodiscard]] Result<> hold();
  // Back to the old contents, from any state (a new helper does it, where this one has died); nothing of ours stays in
  // the place.
  [[nodiscard]] Result<> rollback();
  // From here on there is no way back, whatever happens to davit or the helper (a new one does it, where this one has
  // died). Errc::failed if the old contents are back already. After an error rollback() still leads back.
  [[nodiscard]] Result<> seal();
  // seal(), and removes the old contents (a new helper does it, where this one has died): the restore is done.
  [[nodiscard]] Result<> cleanup();
  // Rolls back what a dead run (an id of Probe::leftovers) left here; of what it had sealed, removes the old contents.
  [[nodiscard]] Result<> recover(const std::string& run_id);
  // Removes directories of the place (paths in it) that are empty; others stay.
  [[nodiscard]] Result<> remove_empty(const std::vector<std::string>& paths);
  // Ends the helper, waits for it and removes it. An unfinished restore that is not held is rolled back, as by the
  // destructor.
  [[nodiscard]] Result<> close();

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Removes helpers (`davit.role=helper`) of dead runs, and volumes davit's containers left. One that is rolling back
// is given half a minute to end. Returns a line for each container.
[[nodiscard]] Result<std::vector<std::string>> sweep(engine::Engine& engine, const engine::IsAlive& is_alive);

}  // namespace davit::helper
