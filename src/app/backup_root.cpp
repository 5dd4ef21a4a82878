#include "app/backup_root.hpp"

#include "app/own_paths.hpp"
#include "sources/compose_labels.hpp"
#include "sources/dotenv.hpp"
#include "sources/file_links.hpp"
#include "sources/host_path.hpp"
#include "sources/listed_paths.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"
#include "util/text.hpp"
#include "util/whole_file.hpp"

namespace davit::app {
namespace {

constexpr const char* kName = "BACKUP_ROOT";
constexpr const char* kElsewhere = "name the repository with --repository or DAVIT_REPOSITORY";
constexpr std::size_t kLargest = 4U << 20U;  // bytes of a file that somebody has written by hand

constexpr int kMostLinks = 16;  // that lead to it

// Where Compose has the project and its variables.
struct Project {
  std::string directory;
  std::vector<std::string> env_files;  // absolute
};

Result<Project> project_of(engine::Engine& engine, const std::string& stack) {
  namespace compose = sources::compose;
  Project project;
  TRY_ASSIGN(containers,
             engine.list_containers({.labels = {std::string(compose::kProject) + "=" + stack}, .names = {}}));
  for (const engine::ContainerSummary& container : containers) {
    if (project.directory.empty()) project.directory = compose::label(container.labels, compose::kWorkingDir);
    if (!project.env_files.empty()) continue;
    for (std::string& file : sources::listed_paths(compose::label(container.labels, compose::kEnvFiles)))
      if (file.starts_with('/')) project.env_files.push_back(std::move(file));
  }
  if (project.env_files.empty() && project.directory.starts_with('/'))
    project.env_files.push_back(sources::normal_path(".env", project.directory));
  return project;
}

// One that the tar holds, if it is a plain file.
Result<std::optional<std::string>> file_in_tar(std::string_view tar) {
  stream::MemorySource source(std::as_bytes(std::span(tar)));
  stream::TarReader reader(source);
  std::optional<std::string> text;
  while (true) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return text;
    if (entry->type != stream::TarType::file || entry->size > kLargest) continue;
    text.emplace(entry->size, '\0');
    while (true) {
      TRY_ASSIGN(data, reader.read_data());
      if (data.bytes.empty()) break;
      text->replace(data.offset, data.bytes.size(), reinterpret_cast<const char*>(data.bytes.data()),
                    data.bytes.size());
    }
  }
}

// What a helper finds at a path.
struct Seen {
  std::optional<std::string> text;  // of a plain file
  std::string leads_to;             // where a symbolic link does
};

Result<Seen> look_by_helper(helper::Host& host, const std::string& path, RunContext& run) {
  const helper::Place place{helper::Place::Kind::directory, sources::parent_of(path), false};
  const std::string name = sources::last_part(path);
  TRY_ASSIGN(session, helper::Session::open(host, place, helper::Access::read, run));
  TRY_ASSIGN(seen, session.probe({name}));
  Seen found;
  // As Compose has it, a directory is no such file.
  if (!seen.exists || seen.present.empty() || !seen.directories.empty()) return found;
  if (!seen.links.empty()) {
    TRY_ASSIGN(targets, sources::link_targets(session, place.source, {name}));
    if (!targets.empty()) found.leads_to = targets.begin()->second;
  } else if (seen.used_bytes > kLargest) {
    return fail(Errc::usage, escape_for_display(path) + " has more than 4 MiB", kElsewhere);
  } else {
    stream::MemorySink tar;
    TRY_ASSIGN(packed, session.pack({{.codec = stream::Codec::none}, {name}, {}}, tar));
    TRY_ASSIGN(text, file_in_tar(tar.contents()));
    if (!text) return fail(Errc::usage, escape_for_display(path) + " is no plain file", kElsewhere);
    found.text = std::move(text);
  }
  TRY(session.close());
  return found;
}

Result<std::optional<std::string>> read_by_helper(helper::Host& host, std::string path, RunContext& run) {
  for (int links = 0; links <= kMostLinks; ++links) {
    TRY_ASSIGN(seen, look_by_helper(host, path, run));
    if (seen.leads_to.empty()) return std::move(seen.text);
    path = std::move(seen.leads_to);
  }
  return fail(Errc::usage, "too many symbolic links lead on to " + escape_for_display(path), kElsewhere);
}

// Nothing if there is no such file.
Result<std::optional<std::string>> read_on_host(helper::Host& host, const std::string& self, const std::string& path,
                                                RunContext& run) {
  TRY_ASSIGN(here, path_here(host.engine(), self, path));
  if (!here) return read_by_helper(host, path, run);
  auto text = read_whole_file(*here);
  if (text) return *std::move(text);
  if (text.error().code() == Errc::not_found) return std::nullopt;
  // Who may use the Engine may read everything through it.
  return read_by_helper(host, path, run);
}

}  // namespace

Result<std::optional<BackupRoot>> find_backup_root(helper::Host& host, const std::string& self,
                                                   const std::string& stack, RunContext& run) {
  TRY_ASSIGN(project, project_of(host.engine(), stack));
  sources::Dotenv variables;
  std::string source;
  for (const std::string& file : project.env_files) {
    const std::string named = std::string(kName) + " of " + escape_for_display(file);
    TRY_ASSIGN(text, in_context(read_on_host(host, self, file, run), "look for " + named));
    if (!text) continue;
    sources::Dotenv alone;
    const auto explained = [&](Error error) {
      return std::unexpected(std::move(error).context(named).hint_if_none(kElsewhere));
    };
    if (auto added = variables.add(*text); !added) return explained(std::move(added).error());
    if (auto added = alone.add(*text); !added) return explained(std::move(added).error());
    const auto here = alone.get(kName);
    if (!here || *here) source = named;
  }
  auto value = variables.get(kName);
  if (!value) return std::unexpected(std::move(value).error().context(source).hint_if_none(kElsewhere));
  if (!*value || (*value)->empty()) return std::nullopt;
  const std::string& location = **value;
  if (location.contains("://")) return BackupRoot{location, source};
  const std::string shown = "repository " + escape_for_display(location) + " (" + source + ")";
  if (location.starts_with('~'))
    return fail(Errc::usage, shown + " begins with ~, and whose home that is nobody knows but a shell", kElsewhere);
  // As Compose takes a path of a bind mount.
  const std::string path = sources::normal_path(location, project.directory);
  TRY_ASSIGN(here, path_here(host.engine(), self, path));
  if (here) return BackupRoot{*here, source};
  if (!host.engine().is_local())
    return fail(Errc::usage, shown + " is a directory of the Engine's host, which is another machine", kElsewhere);
  return fail(Errc::usage, shown + " is not mounted in davit's container",
              "run it with -v " + escape_for_display(path) + ":" + escape_for_display(path));
}

}  // namespace davit::app
