#include "storage/s3/publication.hpp"

#include <algorithm>
#include <mutex>

#include "storage/s3/object_name.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

// Shared with the writers, which may outlive the publication.
struct SetState {
  std::mutex mutex;
  int writers = 0;                               // not yet committed or dropped
  std::size_t waiting_bytes = 0;                 // in memory
  std::vector<std::unique_ptr<Upload>> uploads;  // committed, to be stored by publish()
  bool ended = false;
  bool left_behind = false;  // an upload that was given up, and could not be aborted
};

class SetWriter : public ObjectWriter {
 public:
  SetWriter(std::shared_ptr<SetState> set, std::unique_ptr<Upload> upload, std::string key)
      : set_(std::move(set)), upload_(std::move(upload)), key_(std::move(key)) {}
  SetWriter(const SetWriter&) = delete;
  SetWriter& operator=(const SetWriter&) = delete;
  ~SetWriter() override {
    Result<> aborted;
    if (upload_) aborted = upload_->abort();
    if (!aborted) log_warning(aborted.error().message());
    const std::scoped_lock lock(set_->mutex);
    --set_->writers;
    if (!aborted) set_->left_behind = true;
  }

  Result<> write(std::span<const std::byte> bytes) override {
    if (state_ != State::open) return fail(Errc::bug, "write " + escape_for_display(key_) + ": it is finished");
    state_ = State::failed;
    TRY(upload_->write(bytes));
    state_ = State::open;
    return {};
  }

  Result<> finish() override {
    if (state_ != State::open) return fail(Errc::bug, "finish " + escape_for_display(key_) + ": it is finished");
    state_ = State::failed;
    TRY(upload_->finish());
    if (upload_->is_in_memory() && !may_wait()) TRY(upload_->leave_memory());
    state_ = State::finished;
    return {};
  }

  Result<ObjectInfo> commit() override {
    if (state_ != State::finished)
      return fail(Errc::bug, "commit " + escape_for_display(key_) + ": it is not finished, or committed");
    state_ = State::failed;
    const std::scoped_lock lock(set_->mutex);
    if (set_->ended) return fail(Errc::bug, "commit " + escape_for_display(key_) + ": the set has ended");
    if (std::ranges::contains(set_->uploads, upload_->name(), [](const auto& upload) { return upload->name(); }))
      return fail(Errc::exists, "store " + escape_for_display(key_) + ": it exists already");
    ObjectInfo info{key_, upload_->bytes(),
                    std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
    set_->uploads.push_back(std::move(upload_));
    state_ = State::committed;
    return info;
  }

 private:
  enum class State { open, failed, finished, committed };

  bool may_wait() {
    if (upload_->bytes() > kWaitingObject) return false;
    const std::scoped_lock lock(set_->mutex);
    if (set_->waiting_bytes + upload_->bytes() > kWaitingSet) return false;
    set_->waiting_bytes += upload_->bytes();
    upload_->shrink();
    return true;
  }
  std::shared_ptr<SetState> set_;
  std::unique_ptr<Upload> upload_;
  std::string key_;
  State state_ = State::open;
};

class S3Publication : public Publication {
 public:
  S3Publication(std::shared_ptr<const Client> client, std::string root, std::string prefix, std::string below,
                std::unique_ptr<Lease> lease, Replacing replacing)
      : client_(std::move(client)),
        root_(std::move(root)),
        prefix_(std::move(prefix)),
        below_(std::move(below)),
        lease_(std::move(lease)),
        replacing_(replacing) {}
  S3Publication(const S3Publication&) = delete;
  S3Publication& operator=(const S3Publication&) = delete;
  ~S3Publication() override {
    if (auto discarded = discard(); !discarded) log_warning(discarded.error().message());
  }

  Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    TRY(check_key(key));
    TRY_ASSIGN(name, name_of_key(root_, prefix_ + "/" + std::string(key)));
    const std::scoped_lock lock(state_->mutex);
    if (state_->ended) return fail(Errc::bug, "create " + escape_for_display(key) + ": the set has ended");
    ++state_->writers;
    return std::make_unique<SetWriter>(state_, std::make_unique<Upload>(client_, std::move(name)), std::string(key));
  }

  Result<> publish(std::string_view last_key, std::string_view bytes) override {
    const std::string what = "publish " + client_->show(below_);
    TRY(check_key(last_key));
    TRY_ASSIGN(last, name_of_key(root_, prefix_ + "/" + std::string(last_key)));
    {
      const std::scoped_lock lock(state_->mutex);
      if (state_->ended || state_->writers != 0)
        return fail(Errc::bug, what + ": the set has ended or is still being written");
    }
    TRY_ASSIGN(there, list_objects(*client_, below_, 1));
    if (!there.objects.empty()) return fail(Errc::exists, what + ": it exists already");
    // From here on a later run knows what to remove, and by which object it sees that there is nothing to remove.
    LeaseText text{.is_set = true, .name = below_.substr(0, below_.size() - 1), .objects = {}, .last = last};
    for (const auto& upload : state_->uploads) text.objects.push_back(upload->name());
    TRY(in_context(lease_->change(std::move(text)), what));
    for (const auto& upload : state_->uploads) {
      TRY(in_context(upload->store(replacing_), what));
      stored_.push_back(upload->name());
    }
    TRY(in_context(lease_->renew(), what));
    last_ = std::make_unique<Upload>(client_, last);
    TRY(in_context(last_->write(std::as_bytes(std::span(bytes))), what));
    TRY(in_context(last_->finish(), what));
    auto stored = last_->store(replacing_);
    if (!stored) return settle_last(std::move(stored).error().context(what));
    end();
    // It is published, and a sweep sees that.
    if (!state_->left_behind)
      if (auto ended = lease_->end(); !ended) log_info(ended.error().message());
    return {};
  }

  Result<> discard() override {
    if (state_->ended) return {};
    end();
    return in_context(remove_all(), "discard unfinished set");
  }

 private:
  // Whether the last object was stored nobody knows: it must not be, and then nothing is seen.
  std::unexpected<Error> settle_last(Error error) {
    if (last_->abort()) return std::unexpected(std::move(error));
    // It can't be reached. If it is there, the set is whole, and must stay so.
    end();
    stored_.clear();
    return fail(error.code(), error.message() + "; it may stand there nevertheless", error.hint());
  }

  void end() {
    const std::scoped_lock lock(state_->mutex);
    state_->ended = true;
  }

  Result<> remove_all() {
    std::optional<Error> first;
    const auto note = [&](Result<> result) {
      if (!result && !first) first = std::move(result).error();
    };
    // The last one first: without it nobody takes the rest for complete.
    if (last_) note(last_->abort());
    if (!first)
      for (const std::string& name : stored_) note(remove_object(*client_, name));
    for (const auto& upload : state_->uploads) note(upload->abort());
    // What could not be removed is found by its lease later.
    if (!first && !state_->left_behind) note(lease_->end());
    if (first) return std::unexpected(std::move(*first));
    return {};
  }

  std::shared_ptr<const Client> client_;
  std::string root_;
  std::string prefix_;
  std::string below_;  // the name of the prefix, with a slash
  std::unique_ptr<Lease> lease_;
  Replacing replacing_;
  std::shared_ptr<SetState> state_ = std::make_shared<SetState>();
  std::vector<std::string> stored_;
  std::unique_ptr<Upload> last_;
};

}  // namespace

Result<std::string> name_of_key(std::string_view root, std::string_view key) {
  TRY(check_key(key));
  std::string name = std::string(root) + encode_key(key);
  if (name.size() > kMaxNameBytes)
    return fail(Errc::usage, "key \"" + escape_for_display(key) + "\" has a name longer than 1,024 bytes in S3",
                "take a shorter prefix for the repository");
  return name;
}

Result<std::unique_ptr<Publication>> begin_publication(std::shared_ptr<const Client> client, std::string root,
                                                       std::string_view prefix, std::string_view run,
                                                       Replacing replacing) {
  TRY(check_run(run));
  TRY_ASSIGN(name, name_of_key(root, prefix));
  TRY_ASSIGN(lease, in_context(Lease::take(client, lease_name(root, run),
                                           {.is_set = true, .name = name, .objects = {}, .last = {}}, replacing),
                               "stage " + client->show(name)));
  return std::make_unique<S3Publication>(std::move(client), std::move(root), std::string(prefix), name + "/",
                                         std::move(lease), replacing);
}

}  // namespace davit::storage::s3
