#include "storage/s3/object_source.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <system_error>

namespace davit::storage::s3 {

ObjectSource::ObjectSource(std::shared_ptr<const Client> client, std::string name, Head head, std::uint64_t offset)
    : client_(std::move(client)),
      name_(std::move(name)),
      doing_("read " + client_->show(name_)),
      head_(std::move(head)),
      range_bytes_(std::min(client_->options().part_bytes, kRangeBytes)),
      asked_(offset),
      at_(offset),
      passes_stop_on_(client_->options().stop, [this] { stop(); }) {}

ObjectSource::~ObjectSource() {
  stop();
  lanes_.clear();
}

void ObjectSource::stop() {
  stop_.request_stop();
  const std::scoped_lock lock(mutex_);
  changed_.notify_all();
}

ObjectSource::Range& ObjectSource::append_range() {
  auto range = std::make_unique<Range>();
  range->offset = asked_;
  range->bytes = static_cast<std::size_t>(std::min<std::uint64_t>(range_bytes_, head_.bytes - asked_));
  asked_ += range->bytes;
  if (!spare_.empty()) {
    range->buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  ranges_.push_back(std::move(range));
  return *ranges_.back();
}

void ObjectSource::fill(Range& range) {
  if (!range.buffer) range.buffer = std::make_unique_for_overwrite<std::byte[]>(range.bytes);
  auto fetched = client_->fetch(name_, head_.etag, head_.bytes, range.offset, {range.buffer.get(), range.bytes},
                                stop_.get_token(), doing_);
  const std::scoped_lock lock(mutex_);
  if (!fetched) range.error = std::move(fetched).error();
  range.ready = true;
  changed_.notify_all();
}

void ObjectSource::run_lane() {
  for (;;) {
    Range* range = nullptr;
    {
      std::unique_lock lock(mutex_);
      const std::size_t most = client_->options().parallel + 1;
      changed_.wait(lock, [&] { return stop_.stop_requested() || asked_ == head_.bytes || ranges_.size() < most; });
      if (stop_.stop_requested() || asked_ == head_.bytes) return;
      range = &append_range();
    }
    fill(*range);
  }
}

Result<> ObjectSource::start() {
  started_ = true;
  // What fits into one range needs no threads.
  if (head_.bytes - at_ <= range_bytes_) {
    Range* range = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      range = &append_range();
    }
    fill(*range);
    return {};
  }
  const std::size_t wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(client_->options().parallel, (head_.bytes - at_) / range_bytes_ + 1));
  try {
    for (std::size_t i = 0; i < wanted; ++i) lanes_.emplace_back([this] { run_lane(); });
  } catch (const std::system_error& error) {
    if (lanes_.empty()) return fail(Errc::failed, doing_ + ": start a thread: " + error.what());
  }
  return {};
}

Result<> ObjectSource::next_range() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ranges_.empty() ? stop_.stop_requested() : ranges_.front()->ready; });
  if (ranges_.empty()) return fail(Errc::cancelled, doing_ + ": cancelled");
  range_ = ranges_.front().get();
  taken_ = 0;
  if (range_->error) return std::unexpected(*range_->error);
  return {};
}

Result<std::size_t> ObjectSource::read(std::span<std::byte> into) {
  if (error_) return std::unexpected(*error_);
  if (at_ == head_.bytes) return 0;
  if (range_ == nullptr) {
    auto ready = started_ ? Result<>() : start();
    if (ready) ready = next_range();
    if (!ready) {
      error_ = std::move(ready).error();
      stop();
      return std::unexpected(*error_);
    }
  }
  const std::size_t size = std::min(into.size(), range_->bytes - taken_);
  std::memcpy(into.data(), range_->buffer.get() + taken_, size);
  taken_ += size;
  at_ += size;
  if (taken_ == range_->bytes) {
    const std::scoped_lock lock(mutex_);
    // Only whole ones are worth keeping: the last is shorter, and nothing comes behind it.
    if (range_->bytes == range_bytes_) spare_.push_back(std::move(range_->buffer));
    ranges_.pop_front();
    range_ = nullptr;
    changed_.notify_all();
  }
  return size;
}

}  // namespace davit::storage::s3
