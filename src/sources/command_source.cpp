#include "engine/command.hpp"
#include "sources/host_path.hpp"
#include "sources/postgres/archive.hpp"
#include "sources/source.hpp"
#include "stream/encoding.hpp"
#include "stream/reporting_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kNotAllowed = "--allow-hooks is not set";

std::string shown(const std::string& service) { return "service " + escape_for_display(service); }

Result<> check_outcome(const engine::CommandOutcome& outcome, std::string_view label) {
  if (outcome.exit_code == 0) return {};
  return fail(Errc::failed, std::string(label) + " ended with exit code " + std::to_string(outcome.exit_code) +
                                (outcome.errors.empty() ? "" : ": " + outcome.errors));
}

// A container of the service in which a command can be run now.
const engine::ContainerInfo* running_in(const Service& service) {
  for (const engine::ContainerInfo& container : service.containers)
    if (container.state.running && !container.state.paused) return &container;
  return nullptr;
}

struct RestoreCommand {
  engine::ContainerId container;
  engine::Command command;
};
Result<> check_allowed(const model::Item& item, bool allowed) {
  if (allowed) return {};
  return fail(Errc::exists, "davit.command.restore of " + shown(item.id.name) + " may not be run",
              "set --allow-hooks, or leave it out with --exclude " + item.id.text());
}

Result<> check_label(const model::Item& item, const Settings& settings) {
  if (!settings.command_restore.empty()) return {};
  return fail(Errc::exists, shown(item.id.name) + " has no label davit.command.restore",
              "set it, or restore by hand as RESTORE.md says");
}

// Errc::exists with what stands in the way.
Result<RestoreCommand> restore_command(const model::Item& item, const Target& target, bool allowed) {
  const std::string& name = item.id.name;
  TRY(check_allowed(item, allowed));
  const Service* service = target.present != nullptr ? target.present->find_service(name) : nullptr;
  const engine::ContainerInfo* container = service != nullptr ? running_in(*service) : nullptr;
  if (container == nullptr)
    return fail(Errc::exists, "no container of " + shown(name) + " runs to restore into",
                "restore the rest with --exclude " + item.id.text() + ", start the service, then restore with --only " +
                    item.id.text());
  const Service* recorded = target.recorded != nullptr ? target.recorded->find_service(name) : nullptr;
  // What the stack says now is what its program takes now.
  const Settings& settings =
      service->settings.command_restore.empty() && recorded != nullptr ? recorded->settings : service->settings;
  TRY(check_label(item, settings));
  return RestoreCommand{container->id,
                        {.argv = settings.command_restore, .env = {}, .user = settings.hook_user, .setup = {}}};
}

// Of a service that the restore makes and starts, so that its command changes nothing that anybody has seen.
Result<> check_made(const model::Item& item, const Target& target, bool allowed) {
  TRY(check_allowed(item, allowed));
  const Service* recorded = target.recorded != nullptr ? target.recorded->find_service(item.id.name) : nullptr;
  return check_label(item, recorded != nullptr ? recorded->settings : Settings{});
}

// A command can't be led back: so it comes last, when everything else stands.
class CommandRestoration : public Restoration {
 public:
  CommandRestoration(engine::Engine& engine, std::string service, RestoreCommand command)
      : engine_(engine), service_(std::move(service)), command_(std::move(command)) {}

  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext& run) override {
    stream::Decoder decoder(artefact.codec, stored, artefact.plain, artefact.stored);
    stream::ReportingSource plain(decoder, run);
    ran_ = true;
    TRY_ASSIGN(done, engine::feed_command(engine_, command_.container, command_.command, plain, run));
    TRY(check_outcome(done.outcome, "davit.command.restore"));
    return {};
  }
  Result<> commit(RunContext&) override { return {}; }
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext&) override { return {}; }
  Result<> rollback(RunContext&) override {
    if (!ran_) return {};
    return fail(Errc::failed,
                "davit.command.restore has run in " + shown(service_) + ", and nothing leads back from that");
  }
  void leave() override {}

 private:
  engine::Engine& engine_;
  std::string service_;
  RestoreCommand command_;
  bool ran_ = false;
};

class CommandSource : public Source {
 public:
  CommandSource(engine::Engine& engine, CommandOptions options) : engine_(engine), options_(options) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes&, RunContext&) override {
    Plan plan;
    containers_.clear();
    for (const Service& service : stack.services) {
      if (service.settings.command.empty() || !service.settings.enable) continue;
      const model::ItemId id{model::ItemKind::command, service.name};
      const engine::ContainerInfo* container = running_in(service);
      if (!options_.allowed) {
        plan.not_covered.push_back({id.text(), "davit.command is not run: " + std::string(kNotAllowed)});
      } else if (container == nullptr) {
        plan.not_covered.push_back({id.text(), "its service doesn't run, so its davit.command can't"});
      } else {
        model::Item item;
        item.id = id;
        item.consistency = model::Consistency::dump;
        item.services = {service.name};
        model::Artefact artefact;
        artefact.path = "commands/" + artefact_name(service.name) + std::string(file_suffix(encoding.codec));
        artefact.content = model::Content::raw;
        artefact.codec = encoding.codec;
        item.artefacts.push_back(std::move(artefact));
        plan.items.push_back(std::move(item));
        containers_.emplace(
            service.name,
            RestoreCommand{
                container->id,
                {.argv = service.settings.command, .env = {}, .user = service.settings.hook_user, .setup = {}}});
      }
    }
    return plan;
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    const auto planned = containers_.find(item.id.name);
    if (planned == containers_.end()) return fail(Errc::bug, "it was never planned");
    stream::Encoder encoder(encoding, stored);
    stream::ReportingSink plain(encoder, run);
    TRY_ASSIGN(outcome, engine::run_command(engine_, planned->second.container, planned->second.command, plain, run));
    // Good bytes may come before the failure: nothing is finished, so nothing is stored.
    TRY(check_outcome(outcome, "davit.command"));
    TRY(plain.finish());
    artefact.codec = encoding.codec;
    artefact.plain = encoder.plain();
    artefact.stored = encoder.stored();
    return {};
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext&) override {
    if (target.starts && target.starts(item.id.name)) {
      if (const auto made = check_made(item, target, options_.allowed); !made)
        return std::vector<Conflict>{{made.error().message(), made.error().hint(), false}};
      return {};
    }
    const auto command = restore_command(item, target, options_.allowed);
    if (!command) return std::vector<Conflict>{{command.error().message(), command.error().hint(), false}};
    return std::vector<Conflict>{
        {"davit.command.restore changes " + shown(item.id.name) + ", at the end, without a way back", "use --replace",
         true}};
  }

  Result<> verify(const model::Item&, const model::Artefact& artefact, stream::ByteSource& stored, const Stack&,
                  RunContext& run) override {
    stream::Decoder decoder(artefact.codec, stored, artefact.plain, artefact.stored);
    stream::ReportingSource plain(decoder, run);
    return drain(plain);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target, RunContext&) override {
    TRY_ASSIGN(command, restore_command(item, target, options_.allowed));
    return std::make_unique<CommandRestoration>(engine_, item.id.name, std::move(command));
  }

 private:
  engine::Engine& engine_;
  CommandOptions options_;
  std::map<std::string, RestoreCommand, std::less<>> containers_;  // by service, as plan() has found them
};

}  // namespace

std::unique_ptr<Source> make_command_source(engine::Engine& engine, CommandOptions options) {
  return std::make_unique<CommandSource>(engine, options);
}

}  // namespace davit::sources
