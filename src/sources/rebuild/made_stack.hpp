#pragma once
// What a restore makes of a stack: each thing is in the journal before it is made, goes again in reverse order if the
// restore fails, and stays as the restore does.

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sources/rebuild/container_body.hpp"
#include "sources/rebuild/rebuild_entry.hpp"
#include "util/journal.hpp"
#include "util/run_context.hpp"

namespace davit::sources {

class MadeStack {
 public:
  struct Container {
    const engine::ContainerInfo* recorded;
    ContainerEntry entry;
    bool started = false;
  };

  // Without a journal nobody removes what a death of davit leaves.
  MadeStack(engine::Engine& engine, std::string project, Journal* journal)
      : engine_(&engine), project_(std::move(project)), journal_(journal) {}

  // A tag is given to the image, and taken from the one `old_id`.
  [[nodiscard]] Result<> move_tag(const std::string& reference, const std::string& old_id, const std::string& image_id,
                                  RunContext& run);
  [[nodiscard]] Result<> make_network(const std::string& name, const nlohmann::json& body, RunContext& run);
  // Only if the Engine has none of its name.
  [[nodiscard]] Result<> make_volume(const engine::VolumeInfo& recorded, RunContext& run);
  // Connected to its networks, not started.
  [[nodiscard]] Result<> make_container(const std::string& service, const engine::ContainerInfo& recorded,
                                        const ContainerBody& body, RunContext& run);
  // From here on the death of davit starts what isn't started yet, once the restore was decided.
  [[nodiscard]] Result<> hold_starts(const StartEntry& entry);
  // Or stops what runs of these.
  [[nodiscard]] Result<> hold_stops(const StopEntry& entry);

  [[nodiscard]] const std::vector<Container>& containers() const { return containers_; }
  [[nodiscard]] std::vector<Container*> containers_of(std::string_view service);

  // It all goes, containers that run included. An error names what is left; whoever calls again tries that again.
  [[nodiscard]] Result<> remove(RunContext& run);
  // It stays, and nobody puts anything right any more.
  void keep(RunContext& run);
  // As it is, to whoever reads the journal.
  void leave();

 private:
  template <class Entry>
  [[nodiscard]] Result<> record(const std::string& key, const Entry& entry) const;
  template <class Made>
  [[nodiscard]] Result<> given_up(std::vector<Made>& made, const std::string& key, Error error, RunContext& run) const;
  [[nodiscard]] Result<> struck(const std::string& key, Result<std::vector<std::string>> undone, RunContext& run) const;
  [[nodiscard]] Result<> remove_volume(const std::string& name, RunContext& run) const;

  engine::Engine* engine_;
  std::string project_;
  Journal* journal_;
  // In the order of their making, which may have failed.
  std::vector<TagEntry> tags_;
  std::vector<NetworkEntry> networks_;
  std::vector<std::string> volumes_;
  std::vector<Container> containers_;
  std::vector<std::string> held_;  // keys of what is held
};

}  // namespace davit::sources
