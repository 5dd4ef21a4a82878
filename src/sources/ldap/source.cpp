#include <algorithm>
#include <map>
#include <memory>

#include "engine/command.hpp"
#include "sources/host_path.hpp"
#include "sources/ldap/check.hpp"
#include "sources/ldap/config.hpp"
#include "sources/ldap/ldif.hpp"
#include "sources/ldap/load.hpp"
#include "sources/ldap/restoration.hpp"
#include "sources/ldap/server.hpp"
#include "sources/plan_services.hpp"
#include "sources/source.hpp"
#include "stream/encoding.hpp"
#include "stream/memory_stream.hpp"
#include "stream/reporting_stream.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kDumped = "mdb";  // the backend that a restore knows the files of

// A slapd that the plan has found, and what its configuration said then.
struct PlannedServer {
  engine::ContainerId container;
  LdapServer server;
  std::vector<LdapDatabase> databases;
};

engine::Command slapcat(const LdapServer& server, int number) {
  return ldap_tool({"slapcat", "-g", "-F", server.config, "-n", std::to_string(number)}, server.user);
}

Result<std::string> read_config(engine::Engine& engine, const engine::ContainerId& container, const LdapServer& server,
                                RunContext& run) {
  TRY_ASSIGN(answer, engine::run_command_for_text(engine, container, slapcat(server, 0), run, kConfigLimit));
  if (answer.outcome.exit_code != 0)
    return std::unexpected(ldap_error("read the configuration of slapd", "slapcat", answer.outcome));
  return std::move(answer.out);
}

bool same_databases(const std::vector<LdapDatabase>& one, const std::vector<LdapDatabase>& other) {
  return std::ranges::equal(one, other, [](const LdapDatabase& a, const LdapDatabase& b) {
    return a.number == b.number && a.type == b.type && a.directory == b.directory;
  });
}

// A throwaway container for verify --deep, kept for the other artefacts of its item.
struct LdapTrial {
  std::string item;
  std::string image_id;
  LdapSite site;
};

class LdapSource : public Source {
 public:
  explicit LdapSource(helper::Host& host) : host_(host) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes& takes,
                    RunContext& run) override {
    servers_.clear();
    return plan_services(stack, model::ItemKind::ldap, looks_like_ldap, takes,
                         [&](const Service& service, model::Item item, Plan& plan) {
                           return plan_service(service, std::move(item), encoding, plan, run);
                         });
  }

  Result<std::vector<Finding>> dump(model::Item& item, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    const auto planned = servers_.find(item.id.name);
    if (planned == servers_.end()) return fail(Errc::bug, "it was never planned");
    TRY_ASSIGN(number, ldap_number(artefact));
    stream::Encoder encoder(encoding, stored);
    stream::ReportingSink reporting(encoder, run);
    LdifScanner scanner;
    LdifSink plain(scanner, reporting);
    if (number == 0) {
      TRY_ASSIGN(config, read_config(host_.engine(), planned->second.container, planned->second.server, run));
      TRY_ASSIGN(databases, databases_of(config));
      if (!same_databases(databases, planned->second.databases))
        return fail(Errc::failed, "the databases of slapd were changed since the backup was planned", "run it again");
      TRY(plain.write(std::as_bytes(std::span(config))));
    } else {
      TRY_ASSIGN(outcome, engine::run_command(host_.engine(), planned->second.container,
                                              slapcat(planned->second.server, number), plain, run));
      // What came before a failure is worth nothing: it isn't finished, so it isn't stored.
      if (outcome.exit_code != 0)
        return std::unexpected(ldap_error("dump database {" + std::to_string(number) + "}", "slapcat", outcome));
    }
    TRY(plain.finish());
    artefact.codec = encoding.codec;
    artefact.plain = encoder.plain();
    artefact.stored = encoder.stored();
    artefact.entries = scanner.entries();
    return std::vector<Finding>{};
  }

  Result<std::vector<Conflict>> check_restore(const model::Item& item, const Target& target, RunContext& run) override {
    return check_ldap(host_, item, target, run);
  }

  // slapadd takes it, in a container with empty volumes.
  Result<> verify(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                  const Stack& recorded, RunContext& run) override {
    TRY_ASSIGN(number, ldap_number(artefact));
    const Service* service = recorded.find_service(item.id.name);
    if (service == nullptr || service->containers.empty())
      return fail(Errc::unavailable, "the backup's definition has no service " + item.id.name);
    const engine::ContainerInfo& container = service->containers.front();
    if (number == 0) {
      trial_.reset();
      TRY_ASSIGN(site, open_trial(item, container, recorded, run));
      trial_.emplace(item.id.name, container.image_id, std::move(site));
    } else if (!trial_ || trial_->item != item.id.name || trial_->image_id != container.image_id) {
      return fail(Errc::unavailable, "it loads by its configuration only, which did not");
    }
    auto loaded = load_ldap(trial_->site, artefact, stored, run);
    if (!loaded) {
      if (number == 0) trial_.reset();
      Error error = std::move(loaded).error();
      return std::unexpected(error.code() == Errc::failed ? std::move(error).as(Errc::corrupt) : std::move(error));
    }
    return {};
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item& item, const Target& target,
                                               RunContext& run) override {
    return LdapRestoration::begin(host_, item, target, run);
  }

 private:
  Result<> plan_service(const Service& service, model::Item item, const stream::Encoding& encoding, Plan& plan,
                        RunContext& run) {
    const bool asked_for = service.settings.ldap == Settings::Ldap::dump;
    const engine::ContainerInfo* container = service.running_container();
    const auto leave_out = [&](std::string why) {
      plan.not_covered.push_back({item.id.text(), std::move(why) + "; its volumes are backed up as they are"});
      return Result<>();
    };
    if (container == nullptr || container->state.paused)
      return leave_out("its service " + std::string(container == nullptr ? "doesn't run" : "is paused") +
                       ", so there is no dump");
    TRY_ASSIGN(server, find_ldap_server(host_.engine(), container->id, service.settings.ldap_config, run));
    if (!server && asked_for)
      return fail(Errc::not_found, "no slapd runs in the container of service " + service.name,
                  "set the label davit.ldap=off on the service to back up its volumes only");
    if (!server) return leave_out("no slapd runs in its container, so there is no dump");
    if (server->config.empty())
      return leave_out("its slapd has a slapd.conf, and is dumped only with a configuration directory (cn=config)");
    TRY_ASSIGN(config, read_config(host_.engine(), container->id, *server, run));
    TRY_ASSIGN(databases, databases_of(config));
    TRY_ASSIGN(version, ask_ldap_version(host_.engine(), container->id, run));
    item.attributes["version"] = version;
    item.attributes["image"] = container->image;
    item.attributes["user"] = server->user;
    item.attributes["config"] = server->config;
    const std::string stem = "ldap/" + artefact_name(service.name);
    const auto add = [&](const std::string& name, int number) -> model::Artefact& {
      model::Artefact artefact;
      artefact.path = stem + "." + name + ".ldif" + std::string(stream::file_suffix(encoding.codec));
      artefact.content = model::Content::ldif;
      artefact.codec = encoding.codec;
      artefact.attributes["database"] = std::to_string(number);
      return item.artefacts.emplace_back(std::move(artefact));
    };
    add("config", 0);
    for (const LdapDatabase& database : databases) {
      const std::string what = item.id.text() + " database {" + std::to_string(database.number) + "}" + database.type +
                               (database.suffix.empty() ? "" : " " + escape_for_display(database.suffix));
      if (database.type != kDumped || !database.directory.starts_with('/')) {
        plan.not_covered.push_back(
            {what, database.type != kDumped
                       ? "davit dumps databases of the backend mdb only; what it has in a volume is "
                         "backed up with that"
                       : "its configuration names no directory"});
        continue;
      }
      model::Artefact& artefact = add("data-" + std::to_string(database.number), database.number);
      artefact.attributes["suffix"] = database.suffix;
      artefact.attributes["directory"] = database.directory;
    }
    servers_.emplace(service.name, PlannedServer{container->id, *std::move(server), std::move(databases)});
    plan.items.push_back(std::move(item));
    return {};
  }

  Result<LdapSite> open_trial(const model::Item& item, const engine::ContainerInfo& container, const Stack& recorded,
                              RunContext& run) {
    TRY_ASSIGN(layout, layout_of(item));
    OneOffOptions options;
    options.purpose = "verify " + item.id.text();
    options.mounts = OneOffOptions::Mounts::throwaway;
    if (const auto image = recorded.images.find(container.image); image != recorded.images.end())
      options.repo_digests = image->second.repo_digests;
    const auto open = [&]() -> Result<LdapSite> {
      TRY_ASSIGN(site, LdapSite::open(host_.engine(), container, options, std::move(layout), run));
      TRY(site.begin({}, {}, run));
      return site;
    };
    auto opened = open();
    if (opened) return opened;
    // Whatever the reason, it says nothing about the dump.
    Error error = std::move(opened).error();
    return std::unexpected(error.code() == Errc::cancelled ? std::move(error) : std::move(error).as(Errc::unavailable));
  }

  helper::Host& host_;
  std::map<std::string, PlannedServer, std::less<>> servers_;  // by service, as plan() has found them
  std::optional<LdapTrial> trial_;
};

}  // namespace

std::unique_ptr<Source> make_ldap_source(helper::Host& host) { return std::make_unique<LdapSource>(host); }

}  // namespace davit::sources
