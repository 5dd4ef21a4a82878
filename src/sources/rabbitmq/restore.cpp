#include "sources/rabbitmq/restore.hpp"

#include "sources/mount_item.hpp"
#include "sources/place_restore.hpp"
#include "sources/postgres/seat.hpp"
#include "sources/rabbitmq/broker.hpp"
#include "sources/rabbitmq/definitions.hpp"
#include "sources/rabbitmq/node_name.hpp"
#include "stream/encoding.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;
using model::attribute;

constexpr std::size_t kNamed = 10;

// The item with the broker's data, if it is restored along.
std::optional<model::ItemId> data_restored_along(const model::Item& item, const Takes& takes) {
  const std::string text = attribute(item.attributes, "data");
  if (text.empty()) return std::nullopt;
  const auto id = model::parse_item_id(text);
  return id ? restored_with(*id, takes) : std::nullopt;
}

// The container that the broker had at the backup; null if that isn't known.
const engine::ContainerInfo* container_then(const model::Item& item, const Target& target) {
  const Service* service = target.recorded == nullptr ? nullptr : target.recorded->find_service(item.id.name);
  return service == nullptr || service->containers.empty() ? nullptr : &service->containers.front();
}

// A node finds only what one of its own name has stored.
std::vector<Conflict> check_node(const Seating& seating, const model::Item& item, const Target& target,
                                 const model::ItemId& data) {
  const std::string was = attribute(item.attributes, "node");
  if (was.empty() || seating.container == nullptr) return {};
  const bool exists = !seating.recorded;
  const std::string will = node_name_of(*seating.container, exists);
  if (will == was) return {};
  const std::string service = "service " + item.id.name;
  const std::string node = escape_for_display(was);
  const std::string anew = " in the compose file, and make its container: docker compose -p " + target.stack +
                           " up --no-start " + item.id.name +
                           "; or restore its definitions only, into the running broker: --exclude " + data.text();
  const engine::ContainerInfo* then = container_then(item, target);
  if (then != nullptr && node_name_of(*then, true) != was) {
    const std::string differs = naming_difference(was, *then, *seating.container, exists);
    if (differs.empty()) return {};
    return {{"the queues of " + item.id.text() + " are of node " + node + ", and nothing says that the node of " +
                 service + " would have that name: " + differs + " is not that of the backup",
             "give " + service + " what it had" + anew, false}};
  }
  const std::string as = will.empty() ? "a name made of its new container's id: it has no hostname"
                                      : "the name " + escape_for_display(will);
  return {{"the queues of " + item.id.text() + " are of node " + node + ", and the node of " + service +
               " would have " + as + " and find none of them",
           "write \"hostname: " + was.substr(was.find('@') + 1) + "\" for " + service + anew, false}};
}

// Definitions may say what an older broker doesn't know.
std::optional<Conflict> check_version(const model::Item& item, const Target& target, const Broker& broker) {
  const std::string version = attribute(item.attributes, "version");
  const std::string& present = broker.node().version;
  if (target.allow_version_change || !is_older_series(present, version)) return std::nullopt;
  return Conflict{"the broker of service " + item.id.name + " is RabbitMQ " + escape_for_display(present) +
                      ", and the definitions are of " + escape_for_display(version),
                  "use the version that the backup was made with, or pass --allow-version-change", false};
}

std::string first_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i == 0 ? "" : "; ") + names[i];
  if (names.size() > kNamed) text += "; and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

Result<Definitions> definitions_of(const Broker& broker, RunContext& run) {
  TRY_ASSIGN(text, broker.export_definitions(run));
  return Definitions::parse(text);
}

// The definitions are in the data that is restored along: they are only looked at.
class NothingToImport : public Restoration {
 public:
  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext&) override {
    stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
    TRY_ASSIGN(text, stream::read_all(plain, kDefinitionsLimit));
    TRY(Definitions::parse(text));
    return std::vector<Finding>{};
  }
  Result<> commit(RunContext&) override { return {}; }
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext&) override { return {}; }
  Result<> rollback(RunContext&) override { return {}; }
  void leave() override {}
};

// An import can't be led back: what it adds stays. So it is done late, and only when everything about it is known.
class Import : public Restoration {
 public:
  Import(engine::Engine& engine, const model::Item& item, const Target& target)
      : engine_(engine), item_(item), target_(target) {}

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override {
    stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
    TRY_ASSIGN(text, stream::read_all(plain, kDefinitionsLimit));
    TRY_ASSIGN(wanted, Definitions::parse(text));
    const Seating seating = find_seating(item_, target_);
    if (!seating.running)
      return fail(Errc::unavailable, "service " + item_.id.name + " doesn't run, so nothing can be imported into it");
    TRY_ASSIGN(broker, Broker::find(engine_, seating.container->id, 120s, run));
    // One that didn't run when the restore was planned could not be asked.
    if (auto older = check_version(item_, target_, broker)) return fail(Errc::failed, older->what, older->remedy);
    TRY_ASSIGN(before, definitions_of(broker, run));
    const auto changed = wanted.changed(before);
    if (!changed.empty() && !before.is_fresh()) {
      const std::string what =
          "the import changes in the broker of service " + item_.id.name + ": " + first_of(changed);
      if (!target_.replace) return fail(Errc::exists, what, "pass --replace to have them as in the backup");
      run.reporter.note(what);
    }
    imported_ = true;
    TRY(broker.import_definitions(text, run));
    TRY_ASSIGN(after, definitions_of(broker, run));
    auto left = wanted.missing(after);
    const auto differing = wanted.changed(after);
    left.insert(left.end(), differing.begin(), differing.end());
    if (!left.empty())
      return fail(Errc::failed,
                  "the broker took the definitions, and does not have them as in the backup: " + first_of(left),
                  "a queue or exchange that exists keeps its own properties: delete it first, or restore into an empty "
                  "broker");
    return std::vector<Finding>{};
  }
  Result<> commit(RunContext&) override { return {}; }
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext&) override { return {}; }
  Result<> rollback(RunContext&) override {
    if (!imported_) return {};
    return fail(Errc::failed, "definitions were imported into the broker of service " + item_.id.name +
                                  ", and nothing leads back from that");
  }
  void leave() override {}

 private:
  engine::Engine& engine_;
  const model::Item item_;
  const Target target_;
  bool imported_ = false;
};

}  // namespace

bool imports_definitions(const model::Item& item, const Takes& takes) { return !data_restored_along(item, takes); }

Result<std::vector<Conflict>> check_rabbitmq(engine::Engine& engine, const model::Item& item, const Target& target,
                                             RunContext& run) {
  const Seating seating = find_seating(item, target);
  if (const auto data = data_restored_along(item, target.takes)) return check_node(seating, item, target, *data);
  std::vector<Conflict> conflicts;
  const std::string service = "service " + item.id.name;
  if (!seating.running) {
    if (target.starts && target.starts(item.id.name)) return conflicts;
    conflicts.push_back({service + " doesn't run, and definitions are imported into a running broker",
                         "restore the rest with --exclude " + item.id.text() +
                             ", start the service, then restore with --only " + item.id.text(),
                         false});
    return conflicts;
  }
  TRY_ASSIGN(broker, Broker::find(engine, seating.container->id, 15s, run));
  if (auto older = check_version(item, target, broker)) conflicts.push_back(*std::move(older));
  TRY_ASSIGN(present, definitions_of(broker, run));
  if (!present.is_fresh())
    conflicts.push_back({"the broker of " + service + " has " + present.summary() +
                             ", and the definitions of the backup are merged into that, without a way back",
                         "--replace has those of the same names as in the backup; others stay", true});
  return conflicts;
}

Result<std::unique_ptr<Restoration>> restore_rabbitmq(engine::Engine& engine, const model::Item& item,
                                                      const Target& target) {
  if (data_restored_along(item, target.takes)) return std::make_unique<NothingToImport>();
  return std::make_unique<Import>(engine, item, target);
}

}  // namespace davit::sources
