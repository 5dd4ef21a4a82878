#include <map>
#include <memory>

#include "sources/assemble.hpp"
#include "sources/host_path.hpp"
#include "sources/mount_item.hpp"
#include "sources/plan_services.hpp"
#include "sources/postgres/detect.hpp"
#include "sources/rabbitmq/broker.hpp"
#include "sources/rabbitmq/definitions.hpp"
#include "sources/rabbitmq/node_name.hpp"
#include "sources/rabbitmq/restore.hpp"
#include "sources/source.hpp"
#include "stream/encoding.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using namespace std::chrono_literals;

// Whether the services that write a volume are stopped while it is read.
bool is_stopped(const Service& service, const Volume* volume) {
  const auto quiesce =
      volume != nullptr && volume->settings.quiesce ? volume->settings.quiesce : service.settings.quiesce;
  return quiesce == Settings::Quiesce::stop;
}

// A broker that the plan has found, and what is to be said of it.
struct PlannedBroker {
  Broker broker;
  std::vector<std::string> findings;
};

std::string hostname_finding(const Service& service, const BrokerNode& node) {
  return "service " + service.name + " has no hostname, so its node is " + escape_for_display(node.name) +
         ", and one that is made anew has another name and finds no queue of this one: write \"hostname: " +
         service.name + "\" for it in the compose file";
}

// What becomes of the messages; empty: they are in the backup as they should be.
std::string messages_finding(const Stack& stack, const Service& service, const engine::Mount* mount,
                             const std::optional<model::ItemId>& data, const Takes& takes) {
  if (mount == nullptr || mount->type == "tmpfs")
    return "queued messages are not in the backup: the node keeps them in the container itself; mount a volume at its "
           "data directory";
  if (mount->type == "volume" && is_anonymous(mount->name))
    return "queued messages are not in the backup: the node keeps them in a volume without a name; name one for " +
           mount->destination + " in the compose file";
  if (!data) return "queued messages are not in the backup: " + mount->source + " is no item of it";
  const Volume* volume = mount->type == "volume" ? stack.find_volume(mount->name) : nullptr;
  if (!takes(*data) || is_stopped(service, volume)) return {};
  return data->text() +
         " is read while the node lives, so queued messages may not come back from it: set the label "
         "davit.quiesce=stop on service " +
         service.name + ", or on the volume";
}

class RabbitmqSource : public Source {
 public:
  explicit RabbitmqSource(helper::Host& host) : host_(host) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes& takes,
                    RunContext& run) override {
    brokers_.clear();
    return plan_services(stack, model::ItemKind::rabbitmq, looks_like_rabbitmq, takes,
                         [&](const Service& service, model::Item item, Plan& plan) {
                           return plan_service(stack, service, std::move(item), encoding, takes, plan, run);
                         });
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    const auto planned = brokers_.find(item.id.name);
    if (planned == brokers_.end()) return fail(Errc::bug, "it was never planned");
    TRY_ASSIGN(text, planned->second.broker.export_definitions(run));
    TRY_ASSIGN(definitions, Definitions::parse(text));
    stream::Encoder encoder(encoding, stored);
    TRY(encoder.write(std::as_bytes(std::span(text))));
    TRY(encoder.finish());
    run.reporter.progress(text.size());
    artefact.codec = encoding.codec;
    artefact.plain = encoder.plain();
    artefact.stored = encoder.stored();
    artefact.entries = definitions.count();
    std::vector<Finding> findings;
    for (const std::string& what : planned->second.findings) findings.push_back({"", "", what});
    return findings;
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    return check_rabbitmq(host_.engine(), item, target, run);
  }

  Result<> verify(const model::Item&, const model::Artefact& artefact, stream::ByteSource& stored, const Stack&,
                  RunContext&) override {
    stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
    TRY_ASSIGN(text, stream::read_all(plain, kDefinitionsLimit));
    TRY_ASSIGN(definitions, Definitions::parse(text));
    if (definitions.count() != artefact.entries)
      return fail(Errc::corrupt, "it has " + std::to_string(definitions.count()) +
                                     " definitions, and the manifest says " + std::to_string(artefact.entries));
    return {};
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target, RunContext&) override {
    return restore_rabbitmq(host_.engine(), item, target);
  }

 private:
  Result<> plan_service(const Stack& stack, const Service& service, model::Item item, const stream::Encoding& encoding,
                        const Takes& takes, Plan& plan, RunContext& run) {
    const engine::ContainerInfo* container = service.running_container();
    if (container == nullptr || container->state.paused) {
      plan.not_covered.push_back(
          {item.id.text(), "its service " + std::string(container == nullptr ? "doesn't run" : "is paused") +
                               ", so its definitions can't be exported; its volumes are backed up as they are"});
      return {};
    }
    auto broker = Broker::find(host_.engine(), container->id, 15s, run);
    if (!broker)
      return std::unexpected(std::move(broker).error().hint_if_none(
          "set the label davit.rabbitmq=off on the service to back up its volumes only"));
    const BrokerNode node = broker->node();
    item.attributes["version"] = node.version;
    item.attributes["image"] = container->image;
    item.attributes["node"] = node.name;
    const engine::Mount* mount = mount_of(*container, node.data);
    const auto data = mount == nullptr ? std::nullopt : item_of_mount(stack, *mount);
    if (data) item.attributes["data"] = data->text();
    PlannedBroker planned{*std::move(broker), {}};
    // Whatever else it is called by, such as Bitnami's RABBITMQ_NODE_NAME, is that of a new container as well.
    const bool by_host = node.name.ends_with("@" + container->hostname);
    if (has_chance_hostname(*container) && by_host) planned.findings.push_back(hostname_finding(service, node));
    if (std::string finding = messages_finding(stack, service, mount, data, takes); !finding.empty())
      planned.findings.push_back(std::move(finding));
    model::Artefact artefact;
    artefact.path = "rabbitmq/" + artefact_name(service.name) + ".definitions.json" +
                    std::string(stream::file_suffix(encoding.codec));
    artefact.content = model::Content::json;
    artefact.codec = encoding.codec;
    item.artefacts.push_back(std::move(artefact));
    brokers_.emplace(service.name, std::move(planned));
    plan.items.push_back(std::move(item));
    return {};
  }

  helper::Host& host_;
  std::map<std::string, PlannedBroker, std::less<>> brokers_;  // by service, as plan() has found them
};

}  // namespace

std::unique_ptr<Source> make_rabbitmq_source(helper::Host& host) { return std::make_unique<RabbitmqSource>(host); }

}  // namespace davit::sources
