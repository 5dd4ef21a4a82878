#include "cli/globals.hpp"

#include <algorithm>
#include <utility>

#include "app/backup_root.hpp"
#include "app/guarded.hpp"
#include "app/own_paths.hpp"
#include "app/owner.hpp"
#include "app/pgbackrest/control.hpp"
#include "app/sweep.hpp"
#include "catalog/catalog.hpp"
#include "cli/s3_access.hpp"
#include "engine/address.hpp"
#include "engine/http_engine.hpp"
#include "storage/local/local_storage.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::cli {

std::string Globals::value(const std::string& flag, std::string_view variable) const {
  return flag.empty() ? environment.get(variable).value_or("") : flag;
}

Result<bool> Globals::enabled(bool flag, std::string_view variable) const {
  const std::string value = environment.get(variable).value_or("false");
  if (value != "1" && value != "true" && value != "0" && value != "false")
    return fail(Errc::usage,
                "variable " + std::string(variable) + " has the value \"" + escape_for_display(value) + "\"",
                "it takes true or false");
  return flag || value == "1" || value == "true";
}

std::vector<std::string> split_list(const std::vector<std::string>& values) {
  std::vector<std::string> list;
  for (const std::string& value : values)
    for (const std::string& part : split(value, ','))
      if (const std::string_view word = trim(part); !word.empty()) list.emplace_back(word);
  return list;
}

Workbench::Workbench(const Globals& globals)
    : globals_(globals),
      progress_(make_progress(style_for_terminal(globals.quiet, globals.environment.get("TERM").value_or("")), clock_)),
      run_{random_hex(6), clock_, *progress_, globals.stop, app::process_owner()},
      repository_(globals.value(globals.repository, "DAVIT_REPOSITORY")) {
  if (repository_.empty()) repository_ = globals.environment.get("BACKUP_ROOT").value_or("");
}

Result<engine::Engine*> Workbench::engine() {
  if (engine_) return engine_.get();
  TRY_ASSIGN(address, engine::parse_address(globals_.environment));
  TRY_ASSIGN(connected, engine::HttpEngine::connect(std::move(address)));
  engine_ = std::move(connected);
  run_.owner = app::own_owner(*engine_, globals_.value(globals_.self, "DAVIT_SELF"));
  return engine_.get();
}

std::string Workbench::repository_directory() const {
  return storage::s3::is_location(repository_) ? std::string() : repository_;
}

Result<std::unique_ptr<storage::Storage>> Workbench::open_s3() const {
  TRY_ASSIGN(location, storage::s3::parse_location(repository_));
  return cli::open_s3(globals_, location, globals_.s3, clock_);
}

std::string Workbench::stack_of_repository() {
  if (std::string named = globals_.value(globals_.stack, "DAVIT_STACK"); !named.empty()) return named;
  auto stacks = engine().and_then([](engine::Engine* api) { return sources::list_stacks(*api); });
  if (!stacks) {
    log_info("look for BACKUP_ROOT in the .env of a stack: " + stacks.error().message());
    return {};
  }
  const auto runs = [](const sources::StackSummary& stack) { return stack.running > 0; };
  if (std::ranges::count_if(*stacks, runs) == 1) return std::ranges::find_if(*stacks, runs)->name;
  return stacks->size() == 1 ? stacks->front().name : std::string();
}

Result<> Workbench::find_repository() {
  if (!repository_.empty() || std::exchange(looked_for_, true)) return {};
  const std::string stack = stack_of_repository();
  if (stack.empty()) return {};
  auto api = engine();
  if (!api) {
    log_info("look for BACKUP_ROOT in the .env of stack " + stack + ": " + api.error().message());
    return {};
  }
  TRY_ASSIGN(options, host_options());
  // One of its own: the one that makes all other helpers must know where the repository is.
  helper::Host reader(**api, options);
  TRY_ASSIGN(found, app::find_backup_root(reader, options.self_container, stack, run_));
  if (!found) return {};
  repository_ = std::move(found->location);
  named_by_ = std::move(found->source);
  run_.reporter.note("repository " + escape_for_display(repository_) + " (" + named_by_ + ")");
  return {};
}

Result<std::unique_ptr<storage::Storage>> Workbench::open_repository(Use use) const {
  if (storage::s3::is_location(repository_)) return open_s3();
  if (repository_.contains("://") || repository_.starts_with("s3:"))
    return fail(Errc::usage, "repository " + escape_for_display(repository_) + " is neither a directory nor in S3",
                "name a directory, or s3://bucket/prefix");
  using Access = storage::LocalStorage::Access;
  auto local = storage::LocalStorage::open(repository_, use == Use::write ? Access::write : Access::read);
  if (!local && local.error().code() == Errc::not_found)
    return std::unexpected(std::move(local).error().hint_if_none("check its path; the first backup makes it"));
  if (!local) return std::unexpected(std::move(local).error());
  return *std::move(local);
}

Result<storage::Storage*> Workbench::storage(Use use) {
  if (storage_) return storage_.get();
  TRY(find_repository());
  if (repository_.empty())
    return fail(
        Errc::usage, "no repository was named",
        "set --repository, DAVIT_REPOSITORY or BACKUP_ROOT to a directory or to s3://bucket/prefix; BACKUP_ROOT "
        "may stand in the .env of the stack's project, too");
  auto opened = open_repository(use);
  if (!opened && !named_by_.empty()) return std::unexpected(std::move(opened).error().context(named_by_));
  if (!opened) return std::unexpected(std::move(opened).error());
  storage_ = *std::move(opened);
  return storage_.get();
}

Result<helper::Host::Options> Workbench::host_options() const {
  const std::string channel = globals_.value(globals_.channel, "DAVIT_CHANNEL");
  if (!channel.empty() && channel != "auto" && channel != "attach")
    return fail(Errc::usage, "channel \"" + escape_for_display(channel) + "\" is unknown", "write auto or attach");
  helper::Host::Options options;
  options.image = globals_.value(globals_.helper_image, "DAVIT_HELPER_IMAGE");
  options.self_container = globals_.value(globals_.self, "DAVIT_SELF");
  options.attach_only = channel == "attach";
  return options;
}

Result<helper::Host*> Workbench::host() {
  if (host_) return host_.get();
  TRY_ASSIGN(api, engine());
  TRY_ASSIGN(options, host_options());
  const std::string directory = repository_directory();
  if (!directory.empty()) options.repository = app::directory_id(*api, directory);
  if (!file_.empty()) options.repository = app::directory_id(*api, file_);
  host_ = std::make_unique<helper::Host>(*api, options);
  return host_.get();
}

Result<app::SourceSet*> Workbench::sources(const std::vector<std::string>& files, bool allow_hooks,
                                           const std::string& pgbackrest_type, sources::SearchOptions search) {
  if (sources_) return sources_.get();
  TRY_ASSIGN(api, engine());
  TRY(host());
  std::optional<sources::BackupType> type;
  if (const std::string named = globals_.value(pgbackrest_type, "DAVIT_PGBACKREST_TYPE"); !named.empty()) {
    TRY_ASSIGN(parsed, in_context(sources::parse_backup_type(named),
                                  pgbackrest_type.empty() ? "variable DAVIT_PGBACKREST_TYPE" : "--pgbackrest-type"));
    type = parsed;
  }
  std::vector<std::string> skip_paths;
  for (const std::string& path : {repository_directory(), file_}) {
    if (path.empty()) continue;
    TRY_ASSIGN(on_host, app::path_on_host(*api, globals_.value(globals_.self, "DAVIT_SELF"), path));
    if (on_host) skip_paths.push_back(*on_host);
  }
  sources_ = std::make_unique<app::SourceSet>();
  using model::ItemKind;
  sources_->add({ItemKind::stack}, sources::make_stack_source(*api));
  sources_->add({ItemKind::files}, sources::make_files_source(*host_, {split_list(files), skip_paths}));
  sources_->add({ItemKind::postgres}, sources::make_postgres_source(*host_, {app::control_of, type}));
  if (!repository_.empty() && !search.kept)
    search.kept = [this](const std::string& stack) -> Result<std::vector<std::string>> {
      TRY_ASSIGN(repository, storage(Use::read));
      TRY_ASSIGN(entries, catalog::list(*repository, stack));
      std::vector<std::string> ids;
      for (catalog::Entry& entry : entries) ids.push_back(std::move(entry.id));
      return ids;
    };
  sources_->add({ItemKind::search}, sources::make_search_source(*host_, std::move(search)));
  sources_->add({ItemKind::ldap}, sources::make_ldap_source(*host_));
  sources_->add({ItemKind::rabbitmq}, sources::make_rabbitmq_source(*host_));
  sources_->add({ItemKind::command}, sources::make_command_source(*api, {allow_hooks}));
  sources_->add({ItemKind::volume, ItemKind::bind}, sources::make_volume_source(*host_, {skip_paths}));
  return sources_.get();
}

Result<std::chrono::seconds> Workbench::lock_wait(const std::string& flag, const char* otherwise) const {
  const std::string wait = globals_.value(flag, "DAVIT_LOCK_WAIT");
  TRY_ASSIGN(seconds, in_context(parse_duration_seconds(wait.empty() ? otherwise : wait),
                                 flag.empty() ? "variable DAVIT_LOCK_WAIT" : "--lock-wait"));
  constexpr std::uint64_t kLongest =
      std::uint64_t{365} * 24 * 60 * 60;  // what is longer is for ever, and would overflow
  return std::chrono::seconds(std::min(seconds, kLongest));
}

Result<helper::AcquireGuard> Workbench::guards(const std::string& command, const std::string& flag) {
  TRY_ASSIGN(wait, lock_wait(flag, "0"));
  TRY(sources());
  return app::guards_of(*host_, command, wait, globals_.environment.get("DAVIT_ENGINE_SOCKET").value_or(""),
                        globals_.value(globals_.self, "DAVIT_SELF"));
}

Result<> Workbench::check_repository_outlives() {
  const std::string directory = repository_directory();
  if (directory.empty()) return {};  // in S3, or not named, which is said elsewhere
  TRY_ASSIGN(api, engine());
  return app::check_outlives_container(*api, globals_.value(globals_.self, "DAVIT_SELF"), directory);
}

Result<> Workbench::check_repository_outlives_without_engine() {
  if (engine_nearby()) return check_repository_outlives();
  const std::string directory = repository_directory();
  if (!directory.empty() && app::lies_in_container(directory))
    run_.reporter.warning("repository " + escape_for_display(directory) +
                          " is in the container that davit runs in, and goes with it");
  return {};
}

Result<engine::Engine*> Workbench::engine_nearby() {
  TRY_ASSIGN(address, engine::parse_address(globals_.environment));
  // One on another machine might keep us waiting for nothing.
  if (address.unix_socket.empty()) return fail(Errc::unavailable, "the Engine is on another machine");
  return engine();
}

void Workbench::sweep_repository() {
  auto swept = [&]() -> Result<> {
    TRY_ASSIGN(repository, storage(Use::read));
    return app::sweep_staging(*repository, run_);
  }();
  if (!swept) log_info(swept.error().message());
}

Result<> Workbench::sweep() {
  sweep_repository();
  auto swept = [&]() -> Result<> {
    TRY_ASSIGN(api, engine_nearby());
    return app::sweep_dead_runs(*api, nullptr, run_);
  }();
  if (swept || swept.error().code() == Errc::cancelled) return swept;
  log_info(swept.error().message());
  return {};
}

Result<std::string> Workbench::stack() {
  std::string named = globals_.value(globals_.stack, "DAVIT_STACK");
  if (!named.empty()) return named;
  TRY_ASSIGN(api, engine());
  TRY_ASSIGN(stacks, sources::list_stacks(*api));
  std::erase_if(stacks, [](const sources::StackSummary& stack) { return stack.running == 0; });
  if (stacks.size() == 1) return stacks.front().name;
  std::string names;
  for (const sources::StackSummary& stack : stacks)
    names += (names.empty() ? "" : ", ") + escape_for_display(stack.name);
  if (stacks.empty()) return fail(Errc::usage, "no stack was named, and none runs", "name one with --stack");
  return fail(Errc::usage, "no stack was named, and several run: " + names, "name one with --stack");
}

}  // namespace davit::cli
