#include "helper/session.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "helper/session_impl.hpp"
#include "util/log.hpp"

namespace davit::helper {

namespace {

// "/srv/shop/" is "/srv/shop": what is behind the last slash is a name.
Place without_trailing_slash(Place place) {
  while (place.kind == Place::Kind::directory && place.source.size() > 1 && place.source.ends_with('/'))
    place.source.pop_back();
  return place;
}

Result<std::unique_ptr<HelperContainer>> start_helper(HostState& host, const Place& place, Access access,
                                                      RunContext& run) {
  if (place.kind == Place::Kind::volume) {
    // The Engine would make a volume that isn't there.
    TRY(host.engine().inspect_volume(place.source));
    return HelperContainer::start(host, {place, access, {}}, run);
  }
  if (!place.source.starts_with('/')) return fail(Errc::usage, "the path is not absolute");
  TRY_ASSIGN(helper, HelperContainer::start(host, {place, access, {}}, run));
  if (helper || access == Access::read) return helper;
  if (!place.create) return fail(Errc::not_found, "no such directory on the Engine's host");
  TRY_ASSIGN(maker,
             HelperContainer::start(host, {place, access, place.source.substr(place.source.rfind('/') + 1)}, run));
  if (!maker) return fail(Errc::not_found, "the directory that it belongs into does not exist on the Engine's host");
  return maker;
}

}  // namespace

Result<Session> Session::open(Host& host, const Place& place, Access access, RunContext& run) {
  auto impl = std::make_unique<Impl>(*host.impl_, without_trailing_slash(place), access, run);
  TRY_ASSIGN(helper, in_context(start_helper(*host.impl_, impl->place, access, run), place.text()));
  impl->missing = helper == nullptr;
  impl->helper = std::move(helper);
  return Session(std::move(impl));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&& other) noexcept {
  // The old one ends as by its destructor.
  const Session old(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

Session::~Session() {
  if (!impl_) return;
  if (auto closed = close(); !closed) log_warning(closed.error().message());
}

Result<> Session::close() { return in_context(impl_->end(), impl_->place.text()); }

Result<Probe> Session::probe(const std::vector<std::string>& paths) {
  Probe none;
  none.exists = false;
  if (impl_->missing) return none;
  Job job;
  job.kind = Job::Kind::probe;
  job.paths = paths;
  job.pack.repository = impl_->host.repository();
  TRY_ASSIGN(result, impl_->call(job, impl_->run.stop));
  return probe_from(result);
}

Result<PackResult> Session::pack(const PackOptions& options, stream::ByteSink& stored) {
  return in_context(impl_->pack(options, stored), impl_->place.text());
}

Result<StageResult> Session::stage(const StageOptions& options, stream::ByteSource& stored) {
  return in_context(impl_->stage(options, stored), impl_->place.text());
}

Result<> Session::commit() {
  TRY(impl_->run.check());
  TRY(impl_->call({.kind = Job::Kind::commit}));
  return {};
}

Result<> Session::hold() { return impl_->hold(); }
Result<> Session::rollback() { return impl_->rollback(); }

Result<> Session::seal() { return impl_->seal(); }
Result<> Session::cleanup() { return impl_->cleanup(); }

Result<> Session::recover(const std::string& run_id) {
  TRY(impl_->call({.kind = Job::Kind::recover, .run = run_id}));
  return {};
}

Result<> Session::remove_empty(const std::vector<std::string>& paths) {
  TRY(impl_->call({.kind = Job::Kind::remove, .paths = paths}));
  return {};
}

}  // namespace davit::helper
