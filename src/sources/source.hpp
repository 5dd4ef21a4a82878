#pragma once
// What is backed up. A source finds its items in a stack, dumps each of their artefacts into a sink, and brings them
// back. It never sees where the bytes rest.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "helper/session.hpp"
#include "model/item.hpp"
#include "sources/pgbackrest/pgbackrest.hpp"
#include "sources/pgbackrest/server_control.hpp"
#include "sources/stack.hpp"
#include "stream/byte_stream.hpp"
#include "util/journal.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

struct Plan {
  std::vector<model::Item> items;              // with their artefacts planned
  std::vector<model::NotCovered> not_covered;  // what this source saw and leaves out, and why
  std::vector<std::string> needs;              // what a restore will need that is not captured
  // Whose contents an item of this plan stands for, such as the data volume of a cluster that is dumped: the Engine's
  // names of volumes, and, beginning with a slash, host paths of bind mounts. `app` drops the items of these (attribute
  // "volume" of a volume, "path" of a bind) and puts them under not_covered: "data of postgres:db, which is dumped".
  std::map<std::string, model::ItemId, std::less<>> covered_volumes;
};

// Something that stands in the way of a restore. `replaceable`: `--replace` permits it.
struct Conflict {
  std::string what;  // "volume shop_uploads holds data (1,204 entries)"
  std::string remedy;
  bool replaceable = false;
};

// Bringing back one item, in steps whose order is: stage (once an artefact, in the order of the item), commit, hold,
// seal, finish. Until seal(), rollback() leads to the old contents, from any step and after any error. With a journal
// (Target::journal) each thing that must be put right if the run dies is recorded there before it is done, and struck
// when it is finished or rolled back; undo_restore.hpp reads what a dead run has left.
class Restoration {
 public:
  virtual ~Restoration() = default;
  // Reads the stored bytes (encoded as the artefact says) to their verified end, and makes the new contents beside the
  // old.
  [[nodiscard]] virtual Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                                           RunContext& run) = 0;
  // The new contents take the place of the old ones, which are kept aside.
  [[nodiscard]] virtual Result<> commit(RunContext& run) = 0;
  // All items are committed: from here on the death of davit or of a helper leads nowhere by itself, and what the
  // journal says decides. After an error it may be rolled back.
  [[nodiscard]] virtual Result<> hold(RunContext& run) = 0;
  // It was decided: from here on nothing leads back to the old contents. After an error finish() tries once more.
  [[nodiscard]] virtual Result<> seal(RunContext& run) = 0;
  // Removes the old contents, and whatever was made only for the restore. An error says what of it is left where.
  [[nodiscard]] virtual Result<> finish(RunContext& run) = 0;
  [[nodiscard]] virtual Result<> rollback(RunContext& run) = 0;
  // Behind hold(): leaves everything as it is to whoever reads the journal, helpers and containers included.
  virtual void leave() = 0;
};

// Whether a run takes an item.
using Takes = std::function<bool(const model::ItemId&)>;

// What a restore works with: the stack as it was at the backup, and where its items go.
struct Target {
  std::string stack;
  std::string project_dir;  // where files and bind mounts go
  const Stack* recorded;    // from the backup's stack artefact; containers are as they were then
  const Stack* present;     // what the Engine has now of that stack (may have no services at all)
  bool replace = false;
  bool allow_version_change = false;
  Journal* journal = nullptr;  // of the run; null: nobody puts right what a death of davit leaves, but its helpers
  Takes takes = {};            // the items that are restored along; null: none is known
  std::function<bool(std::string_view service)> starts = {};  // services that this restore will have started before it
                                                              // restores what needs them running; null: none
};

class Source {
 public:
  virtual ~Source() = default;
  // Read-only. Items come in a fixed order. `encoding` is the one that dump() will be given: a planned artefact has its
  // codec, and its path the codec's suffix. Items that the run doesn't take are planned, too, so that they can be
  // named, but without their artefacts where these would have to be asked for.
  [[nodiscard]] virtual Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes& takes,
                                          RunContext& run) = 0;
  // A backup of this id begins: what a source makes beside its artefacts may be called after it.
  virtual void begin_backup(const std::string& /*id*/) {}
  // Dumps one planned artefact, encoded, into `stored`, finishes it, and fills in extents and entries. May correct the
  // item (its consistency, server version). Findings have no item name yet.
  [[nodiscard]] virtual Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact,
                                                          const stream::Encoding& encoding, stream::ByteSink& stored,
                                                          RunContext& run) = 0;
  // Read-only: what stands in the way, versions and space included.
  [[nodiscard]] virtual Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target,
                                                                    RunContext& run) = 0;
  // The deep check of one artefact: reads the stored bytes to their verified end, decodes them, and runs them through
  // the tool that would restore them (pg_restore in a throwaway container of the image that `recorded` names, without
  // network). Errc::corrupt: it would not restore. Errc::unavailable: it could not be tried (the image is missing).
  [[nodiscard]] virtual Result<> verify(const model::Item& item, const model::Artefact& artefact,
                                        stream::ByteSource& stored, const Stack& recorded, RunContext& run) = 0;
  // Begins to restore an item; makes what is missing (a volume with its labels, a directory, a one-off container).
  [[nodiscard]] virtual Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                                                     RunContext& run) = 0;
};

// The sources davit has. Each takes the items of its kinds.
struct VolumeOptions {
  // Paths on the Engine's host that never go into a backup, nor what is below them: the repository and its `.db`.
  // A bind mount that is one of them or lies below is not covered; one that holds one of them is packed without it.
  std::vector<std::string> skip_paths = {};
};
[[nodiscard]] std::unique_ptr<Source> make_volume_source(helper::Host& host, VolumeOptions options);  // volume, bind
struct FilesOptions {
  std::vector<std::string> paths =
      {};  // `--files`: beside the labels and the defaults; absolute or below the project directory
  std::vector<std::string> skip_paths = {};  // as for volumes
};
[[nodiscard]] std::unique_ptr<Source> make_files_source(helper::Host& host, FilesOptions options);
struct PostgresOptions {
  ControlOf control = {};                      // for restoring clusters as files; without it that is Errc::bug
  std::optional<BackupType> backup_type = {};  // of pgBackRest; nothing: as the service's label says, or incr
};
[[nodiscard]] std::unique_ptr<Source> make_postgres_source(helper::Host& host, PostgresOptions options = {});
struct SearchOptions {
  // The ids of a stack's backups: snapshots in `.opensearch` that none of them holds are deleted. Null: none is.
  std::function<Result<std::vector<std::string>>(const std::string& stack)> kept = {};
  std::vector<std::string> restore_indices = {};  // `--indices`: patterns; empty: all
  std::string restore_prefix = {};                // `--indices-prefix`: of the names that they get
};
[[nodiscard]] std::unique_ptr<Source> make_search_source(helper::Host& host, SearchOptions options = {});  // search
[[nodiscard]] std::unique_ptr<Source> make_ldap_source(helper::Host& host);                                // ldap
[[nodiscard]] std::unique_ptr<Source> make_rabbitmq_source(helper::Host& host);                            // rabbitmq
struct CommandOptions {
  bool allowed = false;  // `--allow-hooks`: commands of the stack's labels may be run
};
[[nodiscard]] std::unique_ptr<Source> make_command_source(engine::Engine& engine, CommandOptions options);  // command
[[nodiscard]] std::unique_ptr<Source> make_stack_source(engine::Engine& engine);  // stack:definition

inline constexpr std::size_t kDefinitionLimit = 256U << 20U;  // bytes; a larger definition is not read
// The artefact of the stack source, back as a Stack. Errc::corrupt if it is none.
[[nodiscard]] Result<Stack> parse_definition(std::string_view json);

}  // namespace davit::sources
