#include "storage/memory_storage.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

#include "util/text.hpp"

namespace davit::storage {
namespace {

struct Object {
  std::shared_ptr<const std::string> bytes;
  TimePoint modified;
};
using Objects = std::map<std::string, Object, std::less<>>;

TimePoint now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

ObjectInfo info_of(const std::string& key, const Object& object) {
  return {key, object.bytes->size(), object.modified};
}

std::unexpected<Error> taken(std::string_view key) {
  return fail(Errc::exists, "store " + escape_for_display(key) + ": it exists already");
}

}  // namespace

struct MemoryStorage::State {
  std::mutex mutex;
  Objects objects;
  std::set<std::string, std::less<>> runs;
};

namespace {

using State = MemoryStorage::State;

class Source : public stream::ByteSource {
 public:
  Source(std::shared_ptr<const std::string> bytes, std::size_t offset) : bytes_(std::move(bytes)), at_(offset) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), bytes_->size() - at_);
    std::memcpy(into.data(), bytes_->data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::shared_ptr<const std::string> bytes_;  // stays whole if the object is removed meanwhile, as an open file does
  std::size_t at_;
};

// Where the objects of a publication wait.
struct Staged {
  Objects objects;
  int writers = 0;  // not yet committed or dropped
};

class Writer : public ObjectWriter {
 public:
  Writer(std::shared_ptr<State> state, std::shared_ptr<Staged> staged, std::string key)
      : state_(std::move(state)), staged_(std::move(staged)), key_(std::move(key)) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() override { release(); }

  Result<> write(std::span<const std::byte> bytes) override {
    if (finished_) return fail(Errc::bug, "write " + key_ + ": it is finished");
    bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<> finish() override {
    if (finished_) return fail(Errc::bug, "finish " + key_ + ": it is finished");
    finished_ = true;
    return {};
  }
  Result<ObjectInfo> commit() override {
    if (!finished_ || committed_) return fail(Errc::bug, "commit " + key_ + ": it is not finished, or committed");
    committed_ = true;
    const std::lock_guard lock(state_->mutex);
    Objects& objects = staged_ ? staged_->objects : state_->objects;
    const auto [place, added] =
        objects.try_emplace(key_, Object{std::make_shared<const std::string>(std::move(bytes_)), now()});
    if (staged_) --staged_->writers;
    if (!added) return taken(key_);
    return info_of(place->first, place->second);
  }

 private:
  void release() {
    if (!staged_ || committed_) return;
    const std::lock_guard lock(state_->mutex);
    --staged_->writers;
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Staged> staged_;  // nothing: the object goes to the storage itself
  std::string key_;
  std::string bytes_;
  bool finished_ = false;
  bool committed_ = false;
};

class MemoryPublication : public Publication {
 public:
  MemoryPublication(std::shared_ptr<State> state, std::string prefix, std::string run)
      : state_(std::move(state)), prefix_(std::move(prefix)), run_(std::move(run)) {}
  MemoryPublication(const MemoryPublication&) = delete;
  MemoryPublication& operator=(const MemoryPublication&) = delete;
  ~MemoryPublication() override { end(); }

  Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    TRY(check_key(key));
    TRY(check_key(prefix_ + "/" + std::string(key)));
    if (ended_) return fail(Errc::bug, "create " + escape_for_display(key) + ": the set has ended");
    const std::lock_guard lock(state_->mutex);
    if (staged_->objects.contains(key)) return taken(key);
    ++staged_->writers;
    return std::make_unique<Writer>(state_, staged_, std::string(key));
  }

  Result<> publish(std::string_view last_key, std::string_view bytes) override {
    TRY_ASSIGN(last, create(last_key));
    TRY(last->write(std::as_bytes(std::span(bytes))));
    TRY(last->finish());
    TRY(last->commit());
    const std::lock_guard lock(state_->mutex);
    if (staged_->writers != 0) return fail(Errc::bug, "publish " + prefix_ + ": an object is still being written");
    const std::string below = prefix_ + "/";
    const auto found = state_->objects.lower_bound(below);
    if (found != state_->objects.end() && found->first.starts_with(below)) return taken(prefix_);
    for (auto& [key, object] : staged_->objects) state_->objects.emplace(below + key, std::move(object));
    end_locked();
    return {};
  }

  Result<> discard() override {
    end();
    return {};
  }

 private:
  void end() {
    const std::lock_guard lock(state_->mutex);
    end_locked();
  }
  void end_locked() {
    if (ended_) return;
    ended_ = true;
    staged_->objects.clear();
    state_->runs.erase(run_);
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Staged> staged_ = std::make_shared<Staged>();
  std::string prefix_;
  std::string run_;
  bool ended_ = false;
};

}  // namespace

MemoryStorage::MemoryStorage() : state_(std::make_shared<State>()) {}
MemoryStorage::~MemoryStorage() = default;

std::string MemoryStorage::describe() const { return "memory"; }

Result<std::unique_ptr<stream::ByteSource>> MemoryStorage::open(std::string_view key, std::uint64_t offset) const {
  TRY(check_key(key));
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->objects.find(key);
  if (found == state_->objects.end())
    return fail(Errc::not_found, "open " + escape_for_display(key) + ": no such object");
  if (offset > found->second.bytes->size())
    return fail(Errc::usage, "open " + escape_for_display(key) + ": the offset is behind its end");
  return std::make_unique<Source>(found->second.bytes, static_cast<std::size_t>(offset));
}

Result<ObjectInfo> MemoryStorage::stat(std::string_view key) const {
  TRY(check_key(key));
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->objects.find(key);
  if (found == state_->objects.end())
    return fail(Errc::not_found, "stat " + escape_for_display(key) + ": no such object");
  return info_of(found->first, found->second);
}

Result<std::vector<ObjectInfo>> MemoryStorage::list(std::string_view prefix) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<ObjectInfo> found;
  for (auto at = state_->objects.lower_bound(prefix); at != state_->objects.end() && at->first.starts_with(prefix);
       ++at)
    found.push_back(info_of(at->first, at->second));
  return found;
}

Result<std::unique_ptr<ObjectWriter>> MemoryStorage::create(std::string_view key) {
  TRY(check_key(key));
  const std::lock_guard lock(state_->mutex);
  if (state_->objects.contains(key)) return taken(key);
  return std::make_unique<Writer>(state_, nullptr, std::string(key));
}

Result<std::unique_ptr<Publication>> MemoryStorage::stage(std::string_view prefix, std::string_view run) {
  TRY(check_key(prefix));
  TRY(check_run(run));
  const std::lock_guard lock(state_->mutex);
  if (!state_->runs.emplace(run).second)
    return fail(Errc::exists, "stage " + escape_for_display(prefix) + ": run " + std::string(run) + " stages already");
  return std::make_unique<MemoryPublication>(state_, std::string(prefix), std::string(run));
}

Result<> MemoryStorage::remove(std::string_view key) {
  TRY(check_key(key));
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->objects.find(key); found != state_->objects.end()) state_->objects.erase(found);
  return {};
}

Result<std::vector<std::string>> MemoryStorage::sweep(const std::vector<std::string>&) {
  return std::vector<std::string>{};
}

}  // namespace davit::storage
