#include "sources/rebuild/made_stack.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

#include "sources/injected_files.hpp"
#include "sources/rebuild/settle_rebuild.hpp"
#include "sources/recorded_volume.hpp"
#include "sources/restore_entry.hpp"

namespace davit::sources {
namespace {

// Each is tried; gives the first error, with the others in its message.
class Failures {
 public:
  void add(Result<> result) {
    if (result) return;
    first_ = first_ ? Error(first_->code(), first_->message() + "; " + result.error().message(), first_->hint())
                    : std::move(result).error();
  }
  [[nodiscard]] Result<> result() const {
    if (first_) return std::unexpected(*first_);
    return {};
  }

 private:
  std::optional<Error> first_;
};

// From the last to the first. What isn't undone is kept, for another try.
template <class Made, class Undo>
void undo_all(std::vector<Made>& made, Failures& failures, Undo undo) {
  std::vector<Made> left;
  for (const Made& each : made | std::views::reverse) {
    auto undone = undo(each);
    if (!undone) left.insert(left.begin(), each);
    failures.add(std::move(undone));
  }
  made = std::move(left);
}

}  // namespace

template <class Entry>
Result<> MadeStack::record(const std::string& key, const Entry& entry) const {
  if (journal_ == nullptr) return {};
  return journal_->record(key, to_json(entry));
}

// The last one of `made` was not made. Of a name that is taken the owner is somebody else: that must not be undone.
template <class Made>
Result<> MadeStack::given_up(std::vector<Made>& made, const std::string& key, Error error, RunContext& run) const {
  if (error.code() == Errc::exists) {
    made.pop_back();
    strike(journal_, key, run);
  }
  return std::unexpected(std::move(error));
}

Result<> MadeStack::move_tag(const std::string& reference, const std::string& old_id, const std::string& image_id,
                             RunContext& run) {
  tags_.push_back({run.run_id, reference, old_id});
  TRY(record(tag_key(reference), tags_.back()));
  return engine_->tag_image(image_id, reference);
}

Result<> MadeStack::make_network(const std::string& name, const nlohmann::json& body, RunContext& run) {
  networks_.push_back({run.run_id, name, project_, {}});
  NetworkEntry& entry = networks_.back();
  TRY(record(network_key(name), entry));
  auto id = engine_->create_network(body);
  if (!id) return given_up(networks_, network_key(name), std::move(id).error(), run);
  entry.id = *std::move(id);
  return record(network_key(name), entry);
}

Result<> MadeStack::make_volume(const engine::VolumeInfo& recorded, RunContext& run) {
  const auto record_it = [&](bool filled) {
    return record(volume_key(recorded.name), VolumeEntry{run.run_id, recorded.name, filled});
  };
  // Until it is ours, somebody else may make it and fill it: where this fails, the guard sees to what the journal has.
  TRY_ASSIGN(made, sources::make_volume(*engine_, recorded, [&] { return record_it(false); }));
  if (!made) return {};
  volumes_.push_back(recorded.name);
  return record_it(true);
}

Result<> MadeStack::make_container(const std::string& service, const engine::ContainerInfo& recorded,
                                   const ContainerBody& body, RunContext& run) {
  containers_.push_back({&recorded, {run.run_id, body.name, project_, service, {}}});
  ContainerEntry& entry = containers_.back().entry;
  TRY(record(container_key(entry.name), entry));
  auto id = engine_->create_container(body.name, body.body);
  if (!id) return given_up(containers_, container_key(entry.name), std::move(id).error(), run);
  entry.id = id->value;
  TRY(record(container_key(entry.name), entry));
  TRY(put_injected_files(*engine_, *id, recorded));
  for (const auto& [network, endpoint] : body.networks) TRY(engine_->connect_network(network, *id, endpoint));
  return {};
}

Result<> MadeStack::hold_starts(const StartEntry& entry) {
  // Struck in the end also where the answer was lost.
  held_.push_back(start_key(project_));
  return record(held_.back(), entry);
}

Result<> MadeStack::hold_stops(const StopEntry& entry) {
  held_.push_back(stop_key(project_));
  return record(held_.back(), entry);
}

std::vector<MadeStack::Container*> MadeStack::containers_of(std::string_view service) {
  std::vector<Container*> found;
  for (Container& container : containers_)
    if (container.entry.service == service) found.push_back(&container);
  return found;
}

Result<> MadeStack::struck(const std::string& key, Result<std::vector<std::string>> undone, RunContext& run) const {
  if (!undone) return std::unexpected(std::move(undone).error());
  strike(journal_, key, run);
  return {};
}

Result<> MadeStack::remove_volume(const std::string& name, RunContext& run) const {
  if (auto removed = engine_->remove_volume(name); !removed && removed.error().code() != Errc::not_found)
    return in_context(std::move(removed), "remove volume " + name);
  strike(journal_, volume_key(name), run);
  return {};
}

Result<> MadeStack::remove(RunContext& run) {
  Failures failures;
  for (const std::string& key : std::exchange(held_, {})) strike(journal_, key, run);
  undo_all(containers_, failures, [&](const Container& made) {
    return struck(container_key(made.entry.name), undo_container(*engine_, made.entry, run), run);
  });
  undo_all(volumes_, failures, [&](const std::string& name) { return remove_volume(name, run); });
  undo_all(networks_, failures, [&](const NetworkEntry& entry) {
    return struck(network_key(entry.name), undo_network(*engine_, entry, run), run);
  });
  undo_all(tags_, failures,
           [&](const TagEntry& entry) { return struck(tag_key(entry.reference), undo_tag(*engine_, entry), run); });
  return failures.result();
}

void MadeStack::keep(RunContext& run) {
  for (const std::string& key : held_) strike(journal_, key, run);
  for (const Container& made : containers_) strike(journal_, container_key(made.entry.name), run);
  for (const std::string& volume : volumes_) strike(journal_, volume_key(volume), run);
  for (const NetworkEntry& network : networks_) strike(journal_, network_key(network.name), run);
  for (const TagEntry& tag : tags_) strike(journal_, tag_key(tag.reference), run);
  leave();
}

void MadeStack::leave() {
  containers_.clear();
  volumes_.clear();
  networks_.clear();
  tags_.clear();
  held_.clear();
}

}  // namespace davit::sources
