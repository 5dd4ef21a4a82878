#include "net/http_transfer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <exception>

#include "util/text.hpp"

namespace davit::net {
namespace {

constexpr std::size_t kErrorBodyLimit = std::size_t{1} << 20U;
constexpr long kBufferBytes = 256L << 10U;

bool has_header(const Headers& headers, std::string_view name) { return find_header(headers, name).has_value(); }

}  // namespace

HttpTransfer::HttpTransfer(CURL* curl, const HttpOptions& options, const HttpRequest& request, stream::ByteSink* sink,
                           std::size_t limit, std::stop_token stop)
    : curl_(curl), options_(options), request_(request), sink_(sink), limit_(limit), stop_(std::move(stop)) {}

template <class Step>
std::size_t HttpTransfer::guarded(std::size_t abort_code, Step step) noexcept {
  try {
    Result<std::size_t> done = step();
    if (done) return *done;
    error_ = std::move(done).error();
  } catch (const std::exception& exception) {
    try {
      error_.emplace(Errc::failed, std::string("transfer a body: ") + exception.what());
    } catch (...) {  // no memory even for the message: libcurl's own error is returned
    }
  } catch (...) {
  }
  return abort_code;
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  return transfer.guarded(CURL_WRITEFUNC_ERROR, [&]() -> Result<std::size_t> {
    transfer.take_header(std::string_view(data, size * count));
    return size * count;
  });
}

std::size_t HttpTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  return transfer.guarded(CURL_WRITEFUNC_ERROR, [&]() -> Result<std::size_t> {
    TRY(transfer.take_body(std::as_bytes(std::span(data, size * count))));
    return size * count;
  });
}

std::size_t HttpTransfer::on_upload(char* into, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  return transfer.guarded(CURL_READFUNC_ABORT,
                          [&] { return transfer.give_body(std::as_writable_bytes(std::span(into, size * count))); });
}

int HttpTransfer::on_seek(void* self, curl_off_t offset, int origin) noexcept {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (origin != SEEK_SET || offset < 0 || !transfer.body_in_memory()) return CURL_SEEKFUNC_CANTSEEK;
  transfer.sent_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int HttpTransfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<HttpTransfer*>(self)->stop_.stop_requested() ? 1 : 0;
}

void HttpTransfer::take_header(std::string_view line) {
  line = trim(line);
  if (line.starts_with("HTTP/")) {  // also a "100 Continue" before the answer: only the last one counts
    response_.headers.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response_.headers.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
}

Result<> HttpTransfer::take_body(std::span<const std::byte> bytes) {
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  const bool ok = status >= 200 && status < 300;
  if (ok && sink_ != nullptr) {
    if (request_.check_head && !head_checked_) {
      response_.status = static_cast<int>(status);
      TRY(request_.check_head(response_));
    }
    head_checked_ = true;
    return sink_->write(bytes);
  }
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (ok) {
    if (text.size() > limit_ - response_.body.size())
      return fail(Errc::failed, "answer is longer than " + render_bytes(limit_));
  } else {
    text = text.substr(0, kErrorBodyLimit - std::min(response_.body.size(), kErrorBodyLimit));
  }
  response_.body += text;
  return {};
}

std::optional<std::span<const std::byte>> HttpTransfer::body_in_memory() const {
  if (const auto* text = std::get_if<std::string>(&request_.body)) return std::as_bytes(std::span(*text));
  if (const auto* bytes = std::get_if<std::span<const std::byte>>(&request_.body)) return *bytes;
  return std::nullopt;
}

Result<std::size_t> HttpTransfer::give_body(std::span<std::byte> into) {
  if (const auto bytes = body_in_memory()) {
    const auto rest = bytes->subspan(std::min<std::uint64_t>(sent_, bytes->size()));
    const std::size_t size = std::min(rest.size(), into.size());
    std::ranges::copy(rest.first(size), into.begin());
    sent_ += size;
    return size;
  }
  const auto& body = std::get<StreamedBody>(request_.body);
  if (!body.length) return body.source->read(into);
  const std::uint64_t left = *body.length - sent_;
  if (left == 0) return 0;
  TRY_ASSIGN(size, body.source->read(into.first(std::min<std::uint64_t>(left, into.size()))));
  if (size == 0)
    return fail(Errc::failed,
                "body ends after " + std::to_string(sent_) + " of " + std::to_string(*body.length) + " bytes");
  sent_ += size;
  if (sent_ == *body.length) {
    // libcurl won't ask again, but only a source that has said "end" has checked what it gave: ask before the last
    // bytes go out.
    std::array<std::byte, 1> more{};
    TRY_ASSIGN(extra, body.source->read(more));
    if (extra != 0) return fail(Errc::failed, "body is longer than its length of " + std::to_string(*body.length));
  }
  return size;
}

Result<> HttpTransfer::set_body() {
  const auto upload = [&](curl_off_t length) {
    curl_easy_setopt(curl_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl_, CURLOPT_INFILESIZE_LARGE, length);
    curl_easy_setopt(curl_, CURLOPT_READFUNCTION, &HttpTransfer::on_upload);
    curl_easy_setopt(curl_, CURLOPT_READDATA, this);
    curl_easy_setopt(curl_, CURLOPT_SEEKFUNCTION, &HttpTransfer::on_seek);
    curl_easy_setopt(curl_, CURLOPT_SEEKDATA, this);
  };
  if (const auto bytes = body_in_memory()) {
    upload(static_cast<curl_off_t>(bytes->size()));
  } else if (const auto* body = std::get_if<StreamedBody>(&request_.body)) {
    if (body->source == nullptr) return fail(Errc::bug, "streamed body has no source");
    if (body->length == 0) {  // nothing will be asked for, but the source must still say that this is its end
      std::array<std::byte, 1> more{};
      TRY_ASSIGN(extra, body->source->read(more));
      if (extra != 0) return fail(Errc::failed, "body is longer than its length of 0");
    }
    upload(body->length ? static_cast<curl_off_t>(*body->length) : -1);
  } else if (request_.method == "HEAD") {
    curl_easy_setopt(curl_, CURLOPT_NOBODY, 1L);
  } else if (request_.method == "POST" || request_.method == "PUT") {
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, 0L);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, "");
  } else {
    curl_easy_setopt(curl_, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  return {};
}

Result<> HttpTransfer::set_request() {
  TRY(set_connection(curl_, options_, request_.url));
  TRY(set_body());

  Headers headers = request_.headers;
  std::vector<std::string> lines;
  for (const Header& header : headers) {
    if ((header.name + header.value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return fail(Errc::usage, "header " + escape_for_display(header.name) + " has a line break in it");
    lines.push_back(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  // What libcurl would add of its own, unless the caller has said something about it: a signature covers what is sent.
  for (const std::string_view name : {"Expect", "Content-Type", "Accept"})
    if (!has_header(headers, name)) lines.push_back(std::string(name) + ":");
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return fail(Errc::failed, "set up a request: out of memory");
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  }
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_.get());

  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl_, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl_, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl_, CURLOPT_XFERINFOFUNCTION, &HttpTransfer::on_progress);
  curl_easy_setopt(curl_, CURLOPT_XFERINFODATA, this);
  if (request_.timeout) curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout->count()));
  if (request_.idle_timeout) {
    curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.idle_timeout->count()));
  }
  if (!options_.reuse_connections) {
    curl_easy_setopt(curl_, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl_, CURLOPT_FORBID_REUSE, 1L);
  }
  return {};
}

Result<HttpResponse> HttpTransfer::perform() {
  TRY(set_request());
  std::array<char, CURL_ERROR_SIZE> text{};
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, text.data());
  const CURLcode code = curl_easy_perform(curl_);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, nullptr);
  if (error_) return std::unexpected(*std::move(error_));
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  if (code != CURLE_OK) return std::unexpected(curl_error(curl_, code, options_, request_.url, text.data()));
  if (status == 0) return fail(Errc::unavailable, "server closed the connection without an answer");
  return std::move(response_);
}

}  // namespace davit::net
