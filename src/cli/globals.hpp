#pragma once
// Options that every command takes, and what a command is made of: built here, once, and handed down as references.

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/source_set.hpp"
#include "cli/progress.hpp"
#include "engine/engine.hpp"
#include "helper/guard/guard.hpp"
#include "helper/session.hpp"
#include "storage/s3/options.hpp"
#include "storage/storage.hpp"
#include "util/env.hpp"
#include "util/run_context.hpp"

namespace davit::cli {

struct Globals {
  Environment environment;
  std::stop_token stop;
  std::string repository;
  std::string stack;
  std::string helper_image;
  std::string self;
  std::string channel;
  storage::s3::Settings s3;
  bool verbose = false;
  bool quiet = false;
  bool json = false;

  // The flag, or else the variable.
  [[nodiscard]] std::string value(const std::string& flag, std::string_view variable) const;
  // The same for a flag without a value. Errc::usage for a variable that is none of 1, true, 0, false.
  [[nodiscard]] Result<bool> enabled(bool flag, std::string_view variable) const;
};

// Everything that one run of a command works with.
class Workbench {
 public:
  // REQUIRES: `globals` outlives it.
  explicit Workbench(const Globals& globals);
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  [[nodiscard]] RunContext& run() { return run_; }
  [[nodiscard]] Progress& progress() { return *progress_; }
  // Connects at the first call. Errc::unavailable and the like, see HttpEngine.
  [[nodiscard]] Result<engine::Engine*> engine();
  // A directory, or a place in S3; empty: none was named.
  [[nodiscard]] const std::string& repository() const { return repository_; }
  // Where nobody has named one, takes the one that the stack's `.env` names, if there is such: that of --stack, or of
  // the only stack. Errc::usage if it names one that can't be told or reached.
  [[nodiscard]] Result<> find_repository();
  enum class Use { read, write };
  // Errc::usage if no repository was named. For reading it must exist; a bucket must exist in any case.
  [[nodiscard]] Result<storage::Storage*> storage(Use use);
  // What makes containers on the Engine, which is connected to where it wasn't yet.
  [[nodiscard]] Result<helper::Host*> host();
  // Those of the Engine, which is connected to where it wasn't yet. `files` are the value of `--files`.
  [[nodiscard]] Result<app::SourceSet*> sources(const std::vector<std::string>& files = {}, bool allow_hooks = false,
                                                const std::string& pgbackrest_type = {},
                                                sources::SearchOptions search = {});
  // `--lock-wait`, or else its variable, or else `otherwise`. Errc::usage.
  [[nodiscard]] Result<std::chrono::seconds> lock_wait(const std::string& flag, const char* otherwise) const;
  // Guards for runs of `command`; `flag` is the value of `--lock-wait`. Connects as sources() does.
  [[nodiscard]] Result<helper::AcquireGuard> guards(const std::string& command, const std::string& flag);
  // Errc::usage if the repository would go with davit's own container. REQUIRES: storage(Use::write) succeeded.
  [[nodiscard]] Result<> check_repository_outlives();
  // The same for a command that needs no Engine: without one it is a warning.
  [[nodiscard]] Result<> check_repository_outlives_without_engine();
  // The backup is restored from this file, which must not go with the old contents of a place.
  // REQUIRES: called before the first host() and sources().
  void restore_from(const std::string& file) { file_ = file; }
  // What dead runs have left in the repository is removed. One that was not named, or can't be written to, is no error
  // of a command that only reads.
  void sweep_repository();
  // For a command that needs no Engine: clears away what dead runs have left in the repository and, where an Engine
  // answers on this machine, on that one. Errc::cancelled only.
  [[nodiscard]] Result<> sweep();
  // `--stack`, or the only stack that runs. Errc::usage, naming them, if there are more.
  [[nodiscard]] Result<std::string> stack();

 private:
  [[nodiscard]] Result<std::unique_ptr<storage::Storage>> open_s3() const;
  // An Engine of this machine; nothing where none answers.
  [[nodiscard]] Result<engine::Engine*> engine_nearby();
  [[nodiscard]] Result<std::unique_ptr<storage::Storage>> open_repository(Use use) const;
  [[nodiscard]] Result<helper::Host::Options> host_options() const;
  // The stack whose `.env` counts; empty if it can't be told.
  [[nodiscard]] std::string stack_of_repository();
  // The repository as a path of this process; empty if it is none.
  [[nodiscard]] std::string repository_directory() const;

  const Globals& globals_;
  std::unique_ptr<Progress> progress_;
  Clock clock_;
  RunContext run_;
  std::string repository_;  // a directory, or a place in S3; empty: none was named
  std::string file_;        // that is restored from; empty: none
  std::string named_by_;    // "BACKUP_ROOT of /srv/shop/.env"; empty: the command line, or a variable
  bool looked_for_ = false;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<storage::Storage> storage_;
  std::unique_ptr<helper::Host> host_;
  std::unique_ptr<app::SourceSet> sources_;
};

// "a,b" and repeated flags alike: one list.
[[nodiscard]] std::vector<std::string> split_list(const std::vector<std::string>& values);

}  // namespace davit::cli
