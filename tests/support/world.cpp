#include "support/world.hpp"

#include <algorithm>
#include <format>

#include "catalog/catalog.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/source.hpp"
#include "support/tree.hpp"

namespace davit::test {

namespace fs = std::filesystem;
using model::ItemKind;

namespace {

constexpr const char* kVolumes[] = {"shop_data", "shop_uploads"};
constexpr const char* kDatabases[] = {"app", "zz"};

// What a place holds that has a mark: names and contents.
std::map<std::string, std::string> files_of(const std::string& mark) {
  return {{"one", mark}, {"only-" + mark, ""}, {"sub/two", mark + mark}};
}

std::map<std::string, std::string> files_in(const fs::path& directory) {
  std::map<std::string, std::string> files;
  if (!fs::exists(directory)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (!entry.is_directory())
      files[entry.path().lexically_relative(directory).string()] = read_file(entry.path());
    else if (entry.path().filename() != "sub")
      files[entry.path().lexically_relative(directory).string() + "/"] = "";
  return files;
}

std::string mark_in(const fs::path& directory) {
  const auto files = files_in(directory);
  const auto one = files.find("one");
  if (one != files.end() && files == files_of(one->second)) return one->second;
  std::string text = "a mix:";
  for (const auto& [name, contents] : files) text += std::format(" {}={}", name, contents.substr(0, 10));
  return text;
}

void empty(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) fs::remove_all(entry.path());
}

}  // namespace

World::World(Search with_search) : search_directory(project_ / "opensearch"), search(search_directory) {
  engine.exit_code_of_stop = 0;  // as a server that is asked to
  engine.add_image("busybox");
  write_file(project_ / "davit", "what helpers run");
  engine.add_network("shop_default",
                     {{"com.docker.compose.project", "shop"}, {"com.docker.compose.network", "default"}});
  for (const char* volume : kVolumes)
    engine.add_volume(
        volume, {{"com.docker.compose.project", "shop"}, {"com.docker.compose.volume", std::string(volume).substr(5)}});
  fs::create_directories(project_ / "shop/config");
  const auto mount = [](const std::string& name, const std::string& destination) {
    return engine::Mount{"volume", name, "", destination, "local", true};
  };
  add_service(
      "app", "app:1", "running",
      {mount("shop_uploads", "/uploads"), {"bind", "", (project_ / "shop/config").string(), "/config", "", true}},
      {{"davit.before", R"(["freeze"])"}, {"davit.after", R"(["thaw"])"}});
  add_service("db", "postgres:17", "running", {mount("shop_pgdata", "/var/lib/postgresql/data")});
  add_service("idle", "app:1", "exited", {mount("shop_data", "/data")});
  add_service("worker", "app:1", "running", {mount("shop_uploads", "/uploads"), mount("shop_data", "/data")},
              {{"davit.quiesce", "stop"}});
  if (with_search == Search::running) {
    fs::create_directories(search_directory);
    add_service("search", "opensearchproject/opensearch:2", "running",
                {mount("shop_search", "/usr/share/opensearch/data"),
                 {"bind", "", search_directory.string(), FakeSearch::kMount, "", true}});
  }
  engine.on_command = [this](const FakeCommand& command) {
    // Both send scripts that must arrive whole.
    if (command.container.starts_with("shop-search"))
      if (auto answer = search.answer(command)) return *answer;
    if (command.argv[0] != "freeze" && command.argv[0] != "thaw") return server.answer(command);
    frozen = command.argv[0] == "freeze";
    return FakeOutcome{};
  };
}

void World::add_service(const std::string& name, const std::string& image, const std::string& status,
                        std::vector<engine::Mount> mounts, const engine::Labels& labels) {
  engine::ContainerInfo info;
  info.name = "shop-" + name + "-1";
  info.image = image;
  info.labels = {{"com.docker.compose.project", "shop"},
                 {"com.docker.compose.service", name},
                 {"com.docker.compose.container-number", "1"},
                 {"com.docker.compose.oneoff", "False"},
                 {"com.docker.compose.project.working_dir", (project_ / "shop").string()},
                 {"com.docker.compose.project.config_files", (project_ / "shop/compose.yaml").string()}};
  info.labels.insert(labels.begin(), labels.end());
  info.mounts = std::move(mounts);
  info.state.status = status;
  const engine::ContainerId id = engine.add_container(info);
  static_cast<void>(engine.connect_network("shop_default", id, {{"Aliases", {name}}}));
}

fs::path World::place(const std::string& name) const {
  if (name == "config") return project_ / "shop/config";
  const auto directory = engine.volume_directory(name);
  return directory ? *directory : fs::path("/nonexistent");
}

void World::fill(const std::string& mark) {
  empty(project_ / "shop");
  fs::create_directories(place("config"));
  write_file(project_ / "shop/compose.yaml", mark);
  for (const char* name : {"config", kVolumes[0], kVolumes[1]}) {
    empty(place(name));
    for (const auto& [file, contents] : files_of(mark)) {
      fs::create_directories((place(name) / file).parent_path());
      write_file(place(name) / file, contents);
    }
  }
  server.reset();
  for (const char* database : kDatabases) server.fill(database, mark);
}

std::string World::mark() const {
  std::map<std::string, std::string> marks;
  for (const char* name : {"config", kVolumes[0], kVolumes[1]}) marks[name] = mark_in(place(name));
  for (const auto& [name, text] : server.contents())
    if (!sources::stage_of(name)) marks["database " + name] = text;
  for (const auto& entry : fs::directory_iterator(project_ / "shop"))
    if (entry.path().filename() != "config")
      marks["file " + entry.path().filename().string()] =
          entry.is_directory() ? "a directory" : read_file(entry.path());
  const std::string first = marks.begin()->second;
  const bool same =
      marks.size() == 6 && std::ranges::all_of(marks, [&](const auto& each) { return each.second == first; });
  if (same) return first;
  std::string text;
  for (const auto& [what, found] : marks) text += std::format("\n  {}: {}", what, found);
  return text;
}

std::string World::half_restored_databases() const {
  std::string names;
  for (const auto& [name, text] : server.contents())
    if (sources::stage_of(name)) names += " " + name;
  return names;
}

void World::destroy() {
  for (const std::string& name : engine.container_names())
    if (name.starts_with("shop-")) engine.forget_container({name});
  for (const std::string& name : engine.volume_names())
    if (name.starts_with("shop_")) static_cast<void>(engine.remove_volume(name));
  for (const std::string& name : engine.network_names()) static_cast<void>(engine.remove_network(name));
  fs::remove_all(project_ / "shop");
  server.reset();
}

bool World::destroyed() const {
  return !fs::exists(project_ / "shop") && engine.network_names().empty() &&
         std::ranges::none_of(engine.volume_names(),
                              [](const std::string& name) { return name.starts_with("shop_"); }) &&
         std::ranges::none_of(engine.container_names(),
                              [](const std::string& name) { return name.starts_with("shop-"); });
}

std::string World::state() const {
  std::string text;
  for (const std::string& name : engine.container_names())
    text += std::format("\n  {}: {}", name, engine.status_of(name));
  for (const std::string& name : engine.volume_names()) text += "\n  volume " + name;
  for (const std::string& name : engine.network_names()) text += "\n  network " + name;
  return text;
}

Davit::Davit(World& world)
    : world_(world),
      self_(std::format("self-{}", ++world.davits_)),
      run{.run_id = std::format("{:016x}", 0xda000000 + world.davits_),
          .clock = clock_,
          .reporter = reporter,
          .stop = stop.get_token(),
          .owner = "container/" +
                   [&] {
                     engine::ContainerInfo self;
                     self.name = self_;
                     return world.engine.add_container(self).value;
                   }()},
      host(
          world.engine,
          {.image = {}, .self_container = self_, .attach_only = true, .program = (world.project_ / "davit").string()}) {
  clock_.nap = std::chrono::microseconds(100);
  sources.add({ItemKind::stack}, sources::make_stack_source(world.engine));
  sources.add({ItemKind::files}, sources::make_files_source(host, {}));
  sources.add({ItemKind::postgres}, sources::make_postgres_source(host));
  const auto kept = [&world](const std::string& stack) -> Result<std::vector<std::string>> {
    TRY_ASSIGN(entries, catalog::list(*world.storage, stack));
    std::vector<std::string> ids;
    for (const catalog::Entry& entry : entries) ids.push_back(entry.id);
    return ids;
  };
  sources.add({ItemKind::search}, sources::make_search_source(host, {.kept = kept}));
  sources.add({ItemKind::volume, ItemKind::bind}, sources::make_volume_source(host, {}));
}

Davit::~Davit() { world_.engine.forget_container({self_}); }

}  // namespace davit::test
