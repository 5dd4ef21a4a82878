#include "storage/s3/upload.hpp"

#include <algorithm>
#include <cstring>
#include <format>
#include <system_error>

#include "storage/s3/part_plan.hpp"
#include "storage/s3/xml.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {

Upload::Upload(std::shared_ptr<const Client> client, std::string name, std::function<Result<>()> before_first)
    : client_(std::move(client)),
      name_(std::move(name)),
      before_first_(std::move(before_first)),
      writer_(random_hex(8)),
      doing_("store " + client_->show(name_)),
      passes_stop_on_(client_->options().stop, [this] { stop(); }) {}

Upload::~Upload() {
  if (stored_) return;
  if (auto aborted = abort(); !aborted) log_warning(aborted.error().message());
}

void Upload::stop() {
  stop_.request_stop();
  const std::scoped_lock lock(mutex_);
  changed_.notify_all();
}

Result<> Upload::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (current_.buffer && current_.bytes == current_.capacity) TRY(hand_over());
    if (!current_.buffer) {
      current_.capacity = part_size(current_.number + 1, client_->options().part_bytes);
      ++current_.number;
      {
        const std::scoped_lock lock(mutex_);
        // Once parts are larger, the memory of the first ones is theirs.
        if (current_.capacity != client_->options().part_bytes) {
          spare_.clear();
        } else if (!spare_.empty()) {
          current_.buffer = std::move(spare_.back());
          spare_.pop_back();
        }
      }
      if (!current_.buffer) current_.buffer = std::make_unique_for_overwrite<std::byte[]>(current_.capacity);
    }
    const std::size_t size = std::min(bytes.size(), current_.capacity - current_.bytes);
    std::memcpy(current_.buffer.get() + current_.bytes, bytes.data(), size);
    current_.bytes += size;
    bytes_ += size;
    bytes = bytes.subspan(size);
  }
  return {};
}

Result<> Upload::begin() {
  if (before_first_) TRY(before_first_());
  // Sent twice, it begins two uploads.
  Call call{.method = "POST", .object = name_, .doing = doing_, .own_connection = true};
  call.query = {{"uploads", ""}};
  call.headers = {{std::string(kWriterHeader), writer_}};
  auto answer = client_->demand(call);
  // Where no answer came the upload may have been begun nevertheless, and abort() looks for it.
  maybe_more_uploads_ = answer ? answer->maybe_done_before
                               : answer.error().code() == Errc::unavailable || answer.error().code() == Errc::cancelled;
  if (!answer) return std::unexpected(std::move(answer).error());
  auto id = parse_upload_id(answer->response.body);
  if (!id) {
    maybe_more_uploads_ = true;
    return std::unexpected(std::move(id).error().context(doing_));
  }
  id_ = *std::move(id);
  return {};
}

Result<> Upload::hand_over() {
  if (id_.empty()) TRY(begin());
  if (current_.number > kMostParts)
    return fail(Errc::failed, doing_ + ": it is longer than " + render_bytes(bytes_) + ", which 10,000 parts hold",
                "raise the size of parts");
  TRY(start_lane());
  const std::size_t budget = client_->options().parallel * client_->options().part_bytes;
  std::unique_lock lock(mutex_);
  etags_.resize(current_.number);
  in_flight_bytes_ += current_.capacity;
  const std::uint32_t number = current_.number;
  waiting_.push_back(std::move(current_));
  current_ = Part{};
  current_.number = number;
  changed_.notify_all();
  // What is being sent and the next part, together, are what the options allow, or one part.
  changed_.wait(
      lock, [&] { return error_ || stop_.stop_requested() || in_flight_bytes_ == 0 || in_flight_bytes_ <= budget; });
  if (error_) return std::unexpected(*error_);
  if (stop_.stop_requested()) return fail(Errc::cancelled, doing_ + ": cancelled");
  return {};
}

Result<> Upload::start_lane() {
  if (lanes_.size() >= client_->options().parallel) return {};
  try {
    lanes_.emplace_back([this] { run_lane(); });
  } catch (const std::system_error& error) {
    if (lanes_.empty()) return fail(Errc::failed, doing_ + ": start a thread: " + error.what());
  }
  return {};
}

void Upload::run_lane() {
  for (;;) {
    Part part;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_.stop_requested() || error_ || no_more_ || !waiting_.empty(); });
      if (stop_.stop_requested() || error_ || waiting_.empty()) return;
      part = std::move(waiting_.front());
      waiting_.pop_front();
    }
    auto etag = send_part(part);
    const std::scoped_lock lock(mutex_);
    in_flight_bytes_ -= part.capacity;
    if (etag)
      etags_[part.number - 1] = *std::move(etag);
    else if (!error_)
      error_ = std::move(etag).error();
    if (part.capacity == client_->options().part_bytes) spare_.push_back(std::move(part.buffer));
    changed_.notify_all();
  }
}

Result<std::string> Upload::send_part(const Part& part) const {
  Call call{.method = "PUT", .object = name_, .body = {part.buffer.get(), part.bytes}, .stop = stop_.get_token()};
  call.doing = std::format("{}: part {}", doing_, part.number);
  call.query = {{"partNumber", std::to_string(part.number)}, {"uploadId", id_}};
  TRY_ASSIGN(answer, client_->demand(call));
  std::string etag(answer.response.header("ETag").value_or(""));
  if (etag.empty()) return fail(Errc::failed, call.doing + ": the server's answer has no ETag");
  return etag;
}

Result<> Upload::wait_for_parts() {
  {
    std::unique_lock lock(mutex_);
    no_more_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return error_ || stop_.stop_requested() || in_flight_bytes_ == 0; });
  }
  lanes_.clear();
  const std::scoped_lock lock(mutex_);
  spare_.clear();
  if (error_) return std::unexpected(*error_);
  if (in_flight_bytes_ != 0) return fail(Errc::cancelled, doing_ + ": cancelled");
  if (std::ranges::contains(etags_, std::string())) return fail(Errc::bug, doing_ + ": a part was never sent");
  return {};
}

Result<> Upload::finish() {
  if (is_in_memory()) return {};
  if (current_.bytes > 0) TRY(hand_over());
  return wait_for_parts();
}

Result<> Upload::leave_memory() {
  if (!is_in_memory()) return {};
  if (!current_.buffer) {  // an object of no bytes is one empty part
    current_.buffer = std::make_unique_for_overwrite<std::byte[]>(1);
    current_.capacity = 1;
    current_.number = 1;
  }
  TRY(hand_over());
  return wait_for_parts();
}

void Upload::shrink() {
  if (!is_in_memory() || !current_.buffer || current_.bytes == current_.capacity) return;
  auto fitting = std::make_unique_for_overwrite<std::byte[]>(current_.bytes);
  std::memcpy(fitting.get(), current_.buffer.get(), current_.bytes);
  current_.buffer = std::move(fitting);
  current_.capacity = current_.bytes;
}

Result<Head> Upload::store(Replacing replacing) {
  if (is_in_memory()) {
    if (replacing == Replacing::not_checked) {
      TRY_ASSIGN(there, head_object(*client_, name_));
      if (there) return fail(Errc::exists, doing_ + ": it exists already");
    }
    maybe_stored_ = true;
    TRY(put_object(*client_, name_, {current_.buffer.get(), current_.bytes}, replacing, writer_));
    // Whatever stands between us and the server can say 200.
    TRY_ASSIGN(head, check_stored());
    stored_ = true;
    return head;
  }
  TRY(complete(replacing));
  TRY_ASSIGN(head, check_stored());
  stored_ = true;
  if (auto cleared = abort_strays(); !cleared) log_warning(cleared.error().message());
  return head;
}

Result<Head> Upload::check_stored() {
  auto looked = head_object(*client_, name_);
  if (!looked) {
    // The server has said that it is stored. That it can't be asked any more takes nothing back.
    log_info(looked.error().message());
    Head head;
    head.bytes = bytes_;
    head.at = head.modified = client_->clock().now();
    head.writer = writer_;
    return head;
  }
  const std::optional<Head>& there = *looked;
  if (!there) return fail(Errc::failed, doing_ + ": the server says that it was stored, and it is not there");
  // Two may have stored at once where the server lets them: the later one has won.
  if (!there->writer.empty() && there->writer != writer_)
    return fail(Errc::exists, doing_ + ": another one was stored there at the same time");
  if (there->bytes != bytes_)
    return fail(Errc::corrupt, std::format("{}: the server has {} of {} bytes", doing_, there->bytes, bytes_));
  return *there;
}

std::string Upload::render_parts() const {
  std::string text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < etags_.size(); ++i)
    text += std::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1, escape_xml(etags_[i]));
  return text + "</CompleteMultipartUpload>";
}

Result<> Upload::complete(Replacing replacing) {
  // Not every server that checks this for an object sent at once does so here: so it is looked for, too.
  TRY_ASSIGN(there, head_object(*client_, name_));
  if (there && there->writer != writer_) return fail(Errc::exists, doing_ + ": it exists already");
  maybe_stored_ = true;
  const std::string parts = render_parts();
  Call call{.method = "POST", .object = name_, .body = std::as_bytes(std::span(parts)), .doing = doing_};
  call.query = {{"uploadId", id_}};
  call.headers = {{"Content-Type", "application/xml"}};
  if (replacing == Replacing::refused) call.headers.push_back({"If-None-Match", "*"});
  auto answer = client_->send(call);
  if (answer && answer->response.ok()) {
    const auto result = parse_xml(answer->response.body);
    if (result && result->name == "CompleteMultipartUploadResult") return {};
  }
  // An answer that was lost, cut or is an error may belong to an upload that was completed: the object itself tells.
  auto stored = head_object(*client_, name_);
  if (stored && *stored && (*stored)->writer == writer_) return {};
  if (!answer) return std::unexpected(std::move(answer).error());
  return std::unexpected(error_of(answer->response, doing_));
}

Result<> Upload::abort_strays() {
  if (!std::exchange(maybe_more_uploads_, false)) return {};
  TRY_ASSIGN(uploads, list_uploads(*client_, name_));
  for (const ListedUpload& upload : uploads)
    if (upload.name == name_) TRY(abort_upload(*client_, upload));
  return {};
}

Result<> Upload::abort() {
  stop();
  lanes_.clear();
  if (stored_) return {};
  Result<> aborted;
  if (!id_.empty()) aborted = abort_upload(*client_, {name_, std::exchange(id_, {})});
  if (auto strays = abort_strays(); aborted) aborted = std::move(strays);
  if (!std::exchange(maybe_stored_, false)) return aborted;
  // It failed without an answer, or its length was wrong.
  TRY_ASSIGN(there, head_object(*client_, name_, std::stop_token()));
  if (there && there->writer == writer_) TRY(remove_object(*client_, name_));
  return aborted;
}

}  // namespace davit::storage::s3
