#include "storage/s3/client.hpp"

#include <algorithm>
#include <cstring>
#include <format>
#include <optional>

#include "net/url.hpp"
#include "stream/digest.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

net::HttpOptions http_options(const Options& options, bool reuse_connections) {
  net::HttpOptions http;
  http.reuse_connections = reuse_connections;
  http.tls.ca_file = options.ca_file;
  return http;
}

// The bytes of a range, into memory that is there already.
class RangeSink : public stream::ByteSink {
 public:
  explicit RangeSink(std::span<std::byte> into) : into_(into) {}
  Result<> write(std::span<const std::byte> bytes) override {
    if (bytes.size() > into_.size() - filled_) return fail(Errc::failed, "the server sends more than was asked for");
    std::memcpy(into_.data() + filled_, bytes.data(), bytes.size());
    filled_ += bytes.size();
    return {};
  }
  Result<> finish() override { return {}; }
  [[nodiscard]] std::size_t filled() const { return filled_; }

 private:
  std::span<std::byte> into_;
  std::size_t filled_ = 0;
};

constexpr std::string_view kReplaced = "it was replaced or removed while it was read";

// Whether this answer holds the bytes from `offset` on, of the object of `total` bytes that was opened.
Result<> check_range(const net::HttpResponse& response, std::string_view etag, std::uint64_t offset, std::uint64_t end,
                     std::uint64_t total) {
  // Not every server heeds If-Match.
  if (!etag.empty() && response.header("ETag").value_or(etag) != etag)
    return fail(Errc::corrupt, std::string(kReplaced));
  if (response.status == 206) {
    const std::string expected = std::format("bytes {}-{}/{}", offset, end - 1, total);
    const std::string_view range = response.header("Content-Range").value_or("");
    if (range == expected) return {};
    return fail(Errc::failed, "the server sends another range than was asked for: " + escape_for_display(range));
  }
  // An error may come behind a 200, too, and has none.
  if (!etag.empty() && !response.header("ETag")) return fail(Errc::failed, "the server's answer has no ETag");
  if (offset == 0 && end == total) {
    const auto length = parse_number(response.header("Content-Length").value_or(""));
    if (length && *length == total) return {};
    return fail(Errc::failed, "the server sends another object than was asked for: " +
                                  (length ? std::to_string(*length) + " bytes" : std::string("of no length")) +
                                  ", not " + std::to_string(total));
  }
  return fail(Errc::failed, "the server does not send parts of objects");
}

}  // namespace

Client::Client(Options options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      http_(http_options(options_, true)),
      own_connections_(http_options(options_, false)),
      random_(std::random_device()()) {
  // resolve() has checked the endpoint.
  auto parsed = net::parse_url(options_.endpoint);
  net::Url url = parsed ? *std::move(parsed) : net::Url{};
  if (!options_.path_style) url.host = options_.location.bucket + "." + url.host;
  // What clients send for a scheme's own port is only the name, and the signature covers it.
  if (url.port == (url.scheme == "https" ? 443 : 80)) url.port.reset();
  host_ = net::render_authority(url);
  base_path_ = url.path + (options_.path_style ? "/" + options_.location.bucket : "");
  base_ = url.scheme + "://" + host_;
}

std::string Client::show(std::string_view object) const {
  return "s3://" + options_.location.bucket + (object.empty() ? "" : "/" + escape_for_display(object));
}

Result<net::HttpRequest> Client::make_request(const Call& call) const {
  const TimePoint now = clock_.now();
  Unsigned request;
  request.method = call.method;
  request.path = base_path_ + "/" + net::percent_encode(call.object, "/");
  request.query = render_query(call.query);
  TRY_ASSIGN(body, stream::extent_of(call.body));
  request.body_sha256 = std::move(body.sha256);
  request.headers = call.headers;
  request.headers.push_back({"Host", host_});
  request.headers.push_back({"X-Amz-Content-Sha256", request.body_sha256});
  request.headers.push_back({"X-Amz-Date", render_amz_date(now)});
  if (!options_.credentials.session_token.empty())
    request.headers.push_back({"X-Amz-Security-Token", options_.credentials.session_token});
  TRY_ASSIGN(authorization, sign(request, options_.credentials, {options_.region}, now));

  net::HttpRequest http;
  http.method = call.method;
  http.url = base_ + request.path + (request.query.empty() ? "" : "?" + request.query);
  http.headers = std::move(request.headers);
  http.headers.push_back({"Authorization", std::move(authorization)});
  if (call.method == "PUT" || call.method == "POST") http.body = call.body;
  http.idle_timeout = options_.idle_timeout;
  return http;
}

int Client::attempts() const {
  const Retries& retries = options_.retries;
  return answered_ ? retries.attempts : std::min(retries.attempts, retries.first_attempts);
}

void Client::tell(const std::string& what, int attempt, std::chrono::steady_clock::time_point began) const {
  constexpr std::chrono::seconds kLong{10};
  const auto now = clock_.steady();
  const std::string text = what + "; trying again";
  const std::scoped_lock lock(mutex_);
  if ((attempt < 3 && now - began < kLong) || (told_ && now - *told_ < kLong)) {
    log_info(text);
    return;
  }
  told_ = now;
  log_warning(text);
}

Result<> Client::wait(int attempt, const net::HttpResponse* response, const std::stop_token& stop) const {
  const Retries& retries = options_.retries;
  auto longest = retries.first_delay;
  for (int i = 1; i < attempt && longest < retries.longest_delay; ++i) longest *= 2;
  longest = std::min(longest, retries.longest_delay);
  std::chrono::milliseconds delay{};
  {
    // Anywhere between half and all of it, so that many clients don't come back at once.
    const std::scoped_lock lock(mutex_);
    delay = std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(longest.count() / 2, longest.count())(random_));
  }
  if (response != nullptr)
    if (const auto after = parse_number(response->header("Retry-After").value_or("")))
      delay = std::clamp(std::chrono::milliseconds(std::chrono::seconds(std::min<std::uint64_t>(*after, 3600))), delay,
                         std::max(delay, retries.longest_delay));
  constexpr std::chrono::milliseconds kStep{100};  // so long it takes to notice that somebody wants us to stop
  while (delay.count() > 0) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    clock_.sleep_for(std::min(delay, kStep));
    delay -= kStep;
  }
  return {};
}

Result<Answer> Client::send(const Call& call) const {
  const std::stop_token stop = call.stop.value_or(options_.stop);
  bool maybe_done = false;
  const auto began = clock_.steady();
  for (int attempt = 1;; ++attempt) {
    TRY_ASSIGN(request, in_context(make_request(call), call.doing));
    auto response = (call.own_connection ? own_connections_ : http_).send(request, stop);
    if (response) answered_ = true;
    const bool last = attempt >= attempts();
    if (!response) {
      if (response.error().code() != Errc::unavailable || last)
        return std::unexpected(std::move(response).error().context(call.doing));
      maybe_done = true;
      tell(call.doing + ": " + response.error().message(), attempt, began);
      TRY(wait(attempt, nullptr, stop));
      continue;
    }
    if (!is_worth_repeating(*response)) return Answer{*std::move(response), maybe_done};
    if (last) return std::unexpected(error_of(*response, call.doing));
    // A server that fails inside may have done it, and a proxy that got no answer says so with such a status, too.
    maybe_done = maybe_done || response->status != 429;
    tell(error_of(*response, call.doing).message(), attempt, began);
    TRY(wait(attempt, &*response, stop));
  }
}

Result<Answer> Client::demand(const Call& call) const {
  TRY_ASSIGN(answer, send(call));
  if (!is_success(answer.response)) return std::unexpected(error_of(answer.response, call.doing));
  return answer;
}

Result<> Client::fetch(const std::string& object, const std::string& etag, std::uint64_t total, std::uint64_t offset,
                       std::span<std::byte> into, const std::stop_token& stop, std::string_view doing) const {
  std::size_t done = 0;
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t from = offset + done;
    const std::uint64_t end = offset + into.size();
    Call call{.method = "GET", .object = object};
    call.headers.push_back({"Range", std::format("bytes={}-{}", from, end - 1)});
    if (!etag.empty()) call.headers.push_back({"If-Match", etag});
    TRY_ASSIGN(request, in_context(make_request(call), doing));
    // Before a byte of it counts: what comes may be cut, and then the rest is asked for.
    request.check_head = [&](const net::HttpResponse& head) { return check_range(head, etag, from, end, total); };
    RangeSink sink(into.subspan(done));
    auto response = http_.send(request, sink, stop);
    if (response && response->ok()) {
      if (sink.filled() == into.size() - done) return {};
      response = fail(Errc::unavailable, "the answer ends after " + std::to_string(done + sink.filled()) + " of " +
                                             std::to_string(into.size()) + " bytes");
    }
    const bool passing = response ? is_worth_repeating(*response) : response.error().code() == Errc::unavailable;
    if (!passing && response && (response->status == 412 || response->status == 404))
      return fail(Errc::corrupt, std::string(doing) + ": " + std::string(kReplaced));
    if (!passing && response) return std::unexpected(error_of(*response, doing));
    if (!passing) return std::unexpected(std::move(response).error().context(doing));
    if (sink.filled() > 0) attempt = 1;
    done += sink.filled();
    if (attempt >= options_.retries.attempts)
      return std::unexpected(response ? error_of(*response, doing) : std::move(response).error().context(doing));
    TRY(wait(attempt, response ? &*response : nullptr, stop));
  }
}

}  // namespace davit::storage::s3
