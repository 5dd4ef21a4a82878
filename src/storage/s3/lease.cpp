#include "storage/s3/lease.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/s3/object_name.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

using nlohmann::json;
constexpr int kVersion = 1;

}  // namespace

std::string render_lease(const LeaseText& text) {
  json object{{"davit_lease", kVersion}, {text.is_set ? "set" : "object", text.name}};
  if (!text.last.empty()) {
    object["objects"] = text.objects;
    object["last"] = text.last;
  }
  // Names are UTF-8 but for a prefix that a user gave, which was checked to be.
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<LeaseText> parse_lease(std::string_view text) {
  try {
    const json object = json::parse(text);
    if (object.at("davit_lease").get<int>() != kVersion)
      return fail(Errc::failed, "lease is of a later version of davit");
    LeaseText lease;
    lease.is_set = object.contains("set");
    lease.name = object.at(lease.is_set ? "set" : "object").get<std::string>();
    lease.objects = object.value("objects", std::vector<std::string>());
    lease.last = object.value("last", "");
    return lease;
  } catch (const json::exception&) {
    return fail(Errc::failed, "lease is not one of davit");
  }
}

std::string lease_name(std::string_view root, std::string_view run) {
  return std::string(root) + std::string(kLeases) + encode_key(run);
}

Lease::Lease(std::shared_ptr<const Client> client, std::string name, LeaseText text)
    : client_(std::move(client)), name_(std::move(name)), writer_(random_hex(8)), text_(std::move(text)) {}

Result<std::unique_ptr<Lease>> Lease::take(std::shared_ptr<const Client> client, std::string name, LeaseText text,
                                           Replacing replacing) {
  std::unique_ptr<Lease> lease(new Lease(std::move(client), std::move(name), std::move(text)));
  if (replacing == Replacing::not_checked) {
    TRY_ASSIGN(there, head_object(*lease->client_, lease->name_));
    if (there) return fail(Errc::exists, "store " + lease->client_->show(lease->name_) + ": it exists already");
  }
  const std::string rendered = render_lease(lease->text_);
  lease->written_ = lease->client_->clock().steady();
  TRY(put_object(*lease->client_, lease->name_, std::as_bytes(std::span(rendered)), replacing, lease->writer_));
  try {
    lease->thread_ = std::jthread([self = lease.get()] { self->run(); });
  } catch (const std::system_error& error) {
    static_cast<void>(lease->end());
    return fail(Errc::failed, std::string("start a thread: ") + error.what());
  }
  return lease;
}

Lease::~Lease() { stop_writing(); }

void Lease::stop_writing() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Lease::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kLeaseInterval, [&] { return ended_ || lost_; }))
    if (auto kept = keep_locked(); !kept) log_info(kept.error().message());
}

Result<> Lease::keep_locked() {
  // A clock of ours may have stood while this machine slept, so the server's counts, too. Half the time is left for
  // what comes behind it.
  constexpr auto kLongest = kLeaseEnds / 2;
  TRY_ASSIGN(there, head_object(*client_, name_));
  lost_ = lost_ || !there || (!there->writer.empty() && there->writer != writer_) ||
          there->at - there->modified > kLongest || client_->clock().steady() - written_ > kLongest;
  if (lost_)
    return fail(Errc::failed, "this run was cut off from the server for so long that others may have taken it for dead",
                "run again");
  return write_locked();
}

Result<> Lease::write_locked() {
  const std::string rendered = render_lease(text_);
  const auto begun = client_->clock().steady();
  TRY(put_object(*client_, name_, std::as_bytes(std::span(rendered)), Replacing::not_checked, writer_));
  written_ = begun;
  return {};
}

Result<> Lease::change(LeaseText text) {
  const std::scoped_lock lock(mutex_);
  text_ = std::move(text);
  return keep_locked();
}

Result<> Lease::renew() {
  const std::scoped_lock lock(mutex_);
  return keep_locked();
}

Result<> Lease::end() {
  stop_writing();
  return remove_object(*client_, name_);
}

}  // namespace davit::storage::s3
