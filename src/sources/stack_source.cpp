#include <nlohmann/json.hpp>

#include "engine/own_labels.hpp"
#include "sources/compose_labels.hpp"
#include "sources/definition.hpp"
#include "sources/injected_files.hpp"
#include "sources/path_need.hpp"
#include "sources/recorded_volume.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr const char* kPath = "stack/definition.json";

Result<> check_definition(const model::Artefact& artefact, stream::ByteSource& stored) {
  stream::Decoder decoder(artefact.codec, stored, artefact.plain, artefact.stored);
  TRY_ASSIGN(text, stream::read_all(decoder, kDefinitionLimit));
  TRY(parse_definition(text));
  return {};
}

// Compose makes containers and networks from its compose file; the definition is what their makers are compared with,
// and what one-off containers are made of. So nothing is put anywhere: only the bytes are read and checked.
class DefinitionRestoration : public Restoration {
 public:
  Result<std::vector<Finding>> stage(const model::Artefact& artefact, stream::ByteSource& stored,
                                     RunContext&) override {
    TRY(check_definition(artefact, stored));
    return {};
  }
  Result<> commit(RunContext&) override { return {}; }
  Result<> hold(RunContext&) override { return {}; }
  Result<> seal(RunContext&) override { return {}; }
  Result<> finish(RunContext&) override { return {}; }
  Result<> rollback(RunContext&) override { return {}; }
  void leave() override {}
};

// To look into a container, the Engine mounts what it has mounted, and makes an empty directory where the source of a
// bind is gone: whoever plans a backup then takes that for the contents. Making a container of ours with the same
// binds, which is never started, is refused instead, with the path.
Result<> check_binds(engine::Engine& engine, const engine::ContainerInfo& container, const RunContext& run) {
  nlohmann::json mounts = nlohmann::json::array();
  for (const engine::Mount& mount : container.mounts)
    if (mount.type == "bind")
      mounts.push_back({{"Type", "bind"},
                        {"Source", mount.source},
                        {"Target", "/bind/" + std::to_string(mounts.size())},
                        {"ReadOnly", true}});
  if (mounts.empty()) return {};
  const nlohmann::json body{{"Image", container.image_id},
                            {"Cmd", {"true"}},
                            {"Labels", engine::own_labels(run, "one-off")},
                            {"HostConfig", {{"NetworkMode", "none"}, {"Mounts", std::move(mounts)}}}};
  const auto made = engine.create_container("davit-one-off-" + run.run_id.substr(0, 12) + "-binds", body);
  if (made) return engine.remove_container(*made, true);
  // Whatever else it has against it says nothing of the binds.
  if (!made.error().message().contains("bind source path does not exist")) return {};
  return std::unexpected(Error(made.error()).context("a directory that it has mounted is gone"));
}

// What the Engine doesn't tell of a container, and what couldn't be looked for.
Result<Stack> with_injected_files(engine::Engine& engine, Stack stack, std::vector<model::NotCovered>& not_covered,
                                  RunContext& run) {
  for (Service& service : stack.services)
    for (engine::ContainerInfo& container : service.containers) {
      TRY(run.check());
      const std::string what = "configs and secrets that Compose has written into " + container.name;
      const auto found =
          check_binds(engine, container, run).and_then([&] { return find_injected_files(engine, container); });
      if (!found) {
        not_covered.push_back({what, found.error().message()});
        continue;
      }
      TRY(record_injected_files(container, found->files));
      for (const std::string& path : found->too_large)
        not_covered.push_back({what, escape_for_display(path) + " is larger than 1 MB: put it into a file"});
      if (found->unseen > 0)
        not_covered.push_back({what, "it has written so many files into itself that " + std::to_string(found->unseen) +
                                         " of them were not looked at: give it a volume for them"});
    }
  return stack;
}

class StackSource : public Source {
 public:
  explicit StackSource(engine::Engine& engine) : engine_(engine) {}

  Result<Plan> plan(const Stack& stack, const stream::Encoding& encoding, const Takes&, RunContext& run) override {
    Plan plan;
    TRY_ASSIGN(whole, with_injected_files(engine_, stack, plan.not_covered, run));
    text_ = render_definition(whole);
    model::Item item;
    item.id = {model::ItemKind::stack, "definition"};
    item.consistency = model::Consistency::snapshot;
    for (const Service& service : stack.services) item.services.push_back(service.name);
    model::Artefact artefact;
    artefact.path = kPath + std::string(file_suffix(encoding.codec));
    artefact.content = model::Content::json;
    artefact.codec = encoding.codec;
    item.artefacts.push_back(std::move(artefact));
    plan.items.push_back(std::move(item));
    plan.needs = needs_of(stack);
    return plan;
  }

  Result<std::vector<Finding>> dump(model::Item&, model::Artefact& artefact, const stream::Encoding& encoding,
                                    stream::ByteSink& stored, RunContext& run) override {
    TRY(run.check());
    stream::Encoder encoder(encoding, stored);
    TRY(encoder.write(std::as_bytes(std::span(text_))));
    TRY(encoder.finish());
    artefact.plain = encoder.plain();
    artefact.stored = encoder.stored();
    run.reporter.progress(artefact.plain.bytes);
    return {};
  }

  Result<std::vector<Conflict>> check_restore(const model::Item&, const Target&, RunContext&) override { return {}; }

  Result<> verify(const model::Item&, const model::Artefact& artefact, stream::ByteSource& stored, const Stack&,
                  RunContext&) override {
    return check_definition(artefact, stored);
  }

  Result<std::unique_ptr<Restoration>> restore(const model::Item&, const Target&, RunContext&) override {
    return std::make_unique<DefinitionRestoration>();
  }

 private:
  engine::Engine& engine_;
  std::string text_;  // of the stack that was planned last
};

}  // namespace

std::vector<std::string> needs_of(const Stack& stack) {
  std::vector<std::string> needs;
  for (const engine::NetworkInfo& network : stack.networks)
    if (compose::label(network.labels, compose::kProject) != stack.name)
      needs.push_back("network " + network.name + " (external)");
  for (const Volume& volume : stack.volumes)
    if (const auto device = bound_directory(volume.info))
      needs.push_back(path_need(*device, "device of volume " + volume.info.name));
  for (const auto& [reference, image] : stack.images)
    if (image.repo_digests.empty())
      needs.push_back("image " + reference + " (built or loaded here: no registry is known to have it)");
  return needs;
}

std::unique_ptr<Source> make_stack_source(engine::Engine& engine) { return std::make_unique<StackSource>(engine); }

}  // namespace davit::sources
