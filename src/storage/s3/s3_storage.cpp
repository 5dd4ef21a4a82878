#include "storage/s3/s3_storage.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include "storage/s3/lease.hpp"
#include "storage/s3/object_name.hpp"
#include "storage/s3/object_source.hpp"
#include "storage/s3/publication.hpp"
#include "storage/s3/sweep.hpp"
#include "storage/s3/upload.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

// An object outside of a set. Its lease, taken only if it is large, leads to its upload.
class SingleWriter : public ObjectWriter {
 public:
  SingleWriter(const std::shared_ptr<const Client>& client, const std::string& root, std::string key,
               const std::string& name, Replacing replacing)
      : key_(std::move(key)), replacing_(replacing) {
    upload_ = std::make_unique<Upload>(client, name, [this, client, root, name]() -> Result<> {
      TRY_ASSIGN(lease, Lease::take(client, lease_name(root, "object-" + random_hex(6)),
                                    {.is_set = false, .name = name, .objects = {}, .last = {}}, replacing_));
      lease_ = std::move(lease);
      return {};
    });
  }
  SingleWriter(const SingleWriter&) = delete;
  SingleWriter& operator=(const SingleWriter&) = delete;
  ~SingleWriter() override {
    if (!upload_) return;
    auto aborted = upload_->abort();
    if (!aborted) log_warning(aborted.error().message());
    if (aborted) end_lease();
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
    state_ = State::finished;
    return {};
  }
  Result<ObjectInfo> commit() override {
    if (state_ != State::finished)
      return fail(Errc::bug, "commit " + escape_for_display(key_) + ": it is not finished, or committed");
    state_ = State::failed;
    TRY_ASSIGN(head, upload_->store(replacing_));
    state_ = State::committed;
    upload_.reset();
    end_lease();
    return ObjectInfo{key_, head.bytes, head.modified};
  }

 private:
  enum class State { open, failed, finished, committed };
  void end_lease() {
    if (auto lease = std::exchange(lease_, nullptr))
      if (auto ended = lease->end(); !ended) log_info(ended.error().message());
  }

  std::string key_;
  Replacing replacing_;
  std::unique_ptr<Lease> lease_;
  std::unique_ptr<Upload> upload_;
  State state_ = State::open;
};

class S3Storage : public Storage {
 public:
  S3Storage(std::shared_ptr<const Client> client, std::string root)
      : client_(std::move(client)), root_(std::move(root)) {}

  [[nodiscard]] std::string describe() const override { return s3::describe(client_->options().location); }

  [[nodiscard]] Result<std::unique_ptr<stream::ByteSource>> open(std::string_view key,
                                                                 std::uint64_t offset) const override {
    TRY_ASSIGN(name, name_of_key(root_, key));
    TRY_ASSIGN(head, head_object(*client_, name));
    if (!head) return fail(Errc::not_found, "open " + client_->show(name) + ": no such object");
    if (offset > head->bytes)
      return fail(Errc::usage,
                  "open " + client_->show(name) + ": offset " + std::to_string(offset) + " is behind its end");
    return std::make_unique<ObjectSource>(client_, std::move(name), *std::move(head), offset);
  }

  [[nodiscard]] Result<ObjectInfo> stat(std::string_view key) const override {
    TRY_ASSIGN(name, name_of_key(root_, key));
    TRY_ASSIGN(head, head_object(*client_, name));
    if (!head) return fail(Errc::not_found, "stat " + client_->show(name) + ": no such object");
    return ObjectInfo{std::string(key), head->bytes, head->modified};
  }

  [[nodiscard]] Result<std::vector<ObjectInfo>> list(std::string_view prefix) const override {
    const std::string beginning(plain_beginning(prefix));
    if (root_.size() + beginning.size() > kMaxNameBytes) return std::vector<ObjectInfo>{};
    TRY_ASSIGN(listing, list_objects(*client_, root_ + beginning));
    std::vector<ObjectInfo> found;
    for (const ListedObject& object : listing.objects) {
      if (!object.name.starts_with(root_)) continue;
      auto key = decode_key(std::string_view(object.name).substr(root_.size()));
      if (key && key->starts_with(prefix)) found.push_back({*std::move(key), object.bytes, object.modified});
    }
    std::ranges::sort(found, {}, &ObjectInfo::key);
    return found;
  }

  [[nodiscard]] Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    TRY_ASSIGN(name, name_of_key(root_, key));
    TRY_ASSIGN(replacing, replacing_checked());
    return std::make_unique<SingleWriter>(client_, root_, std::string(key), name, replacing);
  }

  [[nodiscard]] Result<std::unique_ptr<Publication>> stage(std::string_view prefix, std::string_view run) override {
    TRY(check_key(prefix));
    TRY(check_run(run));
    TRY_ASSIGN(replacing, replacing_checked());
    return begin_publication(client_, root_, prefix, run, replacing);
  }

  [[nodiscard]] Result<> remove(std::string_view key) override {
    TRY_ASSIGN(name, name_of_key(root_, key));
    return remove_object(*client_, name);
  }

  [[nodiscard]] Result<std::vector<std::string>> sweep(const std::vector<std::string>& alive) override {
    return sweep_leases(*client_, root_, alive);
  }

 private:
  // Before the first object is written.
  Result<Replacing> replacing_checked() {
    const std::scoped_lock lock(mutex_);
    if (!replacing_) {
      TRY_ASSIGN(replacing, probe_replacing(*client_, root_ + std::string(kLeases)));
      replacing_ = replacing;
      if (replacing == Replacing::not_checked)
        log_info(describe() +
                 ": the server ignores If-None-Match, so of two runs that store the same name at the same moment the "
                 "later one wins");
    }
    return *replacing_;
  }

  std::shared_ptr<const Client> client_;
  std::string root_;
  std::mutex mutex_;
  std::optional<Replacing> replacing_;
};

}  // namespace

Result<std::unique_ptr<Storage>> open(Options options, const Clock& clock) {
  const Location location = options.location;
  auto client = std::make_shared<const Client>(std::move(options), clock);
  std::string root = location.prefix.empty() ? "" : location.prefix + "/";
  if (auto listed = list_objects(*client, root, 1); !listed) {
    Error error = std::move(listed).error().context("open " + describe(location));
    const bool unavailable = error.code() == Errc::unavailable;
    return std::unexpected(
        unavailable ? std::move(error).hint_if_none("check the address of the endpoint: --endpoint or AWS_ENDPOINT_URL")
                    : std::move(error));
  }
  return std::make_unique<S3Storage>(std::move(client), std::move(root));
}

}  // namespace davit::storage::s3
