#include "storage/s3/requests.hpp"

#include <algorithm>

#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

constexpr std::size_t kReadLimit = std::size_t{1} << 20U;
// A listing that never ends is a server's fault, and must not be ours.
constexpr std::size_t kMostPages = 1'000'000;

// "Mine" or "exists" behind a refusal: the one that is there may be what we stored when an answer was lost. libcurl,
// too, sends a request again where a connection that it kept breaks, and doesn't say so: so this is looked for in any
// case.
Result<TimePoint> settle_refused(const Client& client, const std::string& name, std::size_t bytes,
                                 const std::string& writer, const Answer& answer, const std::string& doing) {
  TRY_ASSIGN(there, head_object(client, name));
  if (there && there->writer == writer && there->bytes == bytes) return there->modified;
  return std::unexpected(error_of(answer.response, doing));
}

}  // namespace

TimePoint time_of(const Client& client, const net::HttpResponse& response) {
  const auto date = parse_http_date(response.header("Date").value_or(""));
  return date ? *date : client.clock().now();
}

Result<std::optional<Head>> head_object(const Client& client, const std::string& name,
                                        std::optional<std::stop_token> stop) {
  const std::string doing = "look for " + client.show(name);
  TRY_ASSIGN(answer, client.send({.method = "HEAD", .object = name, .doing = doing, .stop = std::move(stop)}));
  const net::HttpResponse& response = answer.response;
  if (response.status == 404) return std::nullopt;
  if (!response.ok()) return std::unexpected(error_of(response, doing));
  const auto bytes = parse_number(response.header("Content-Length").value_or(""));
  if (!bytes) return fail(Errc::failed, doing + ": the server doesn't say how long it is");
  Head head;
  head.bytes = *bytes;
  head.at = time_of(client, response);
  head.modified = parse_http_date(response.header("Last-Modified").value_or("")).value_or(head.at);
  head.etag = response.header("ETag").value_or("");
  head.writer = response.header(kWriterHeader).value_or("");
  return head;
}

Result<Listing> list_objects(const Client& client, std::string_view prefix, std::optional<std::size_t> limit) {
  const std::string doing = "list " + client.show(prefix);
  Listing listing;
  std::string next;
  for (std::size_t pages = 0; pages < kMostPages; ++pages) {
    Call call{.method = "GET", .doing = doing};
    call.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", std::string(prefix)}};
    if (limit) call.query.emplace_back("max-keys", std::to_string(*limit));
    if (!next.empty()) call.query.emplace_back("continuation-token", next);
    TRY_ASSIGN(answer, client.demand(call));
    TRY_ASSIGN(page, in_context(parse_object_page(answer.response.body), doing));
    std::ranges::move(page.objects, std::back_inserter(listing.objects));
    listing.at = time_of(client, answer.response);
    if (page.next.empty() || limit) return listing;
    if (page.next == next) break;
    next = std::move(page.next);
  }
  return fail(Errc::failed, doing + ": the listing does not end");
}

Result<std::vector<ListedUpload>> list_uploads(const Client& client, std::string_view prefix) {
  const std::string doing = "list uploads of " + client.show(prefix);
  std::vector<ListedUpload> uploads;
  UploadPage page;
  for (std::size_t pages = 0; pages < kMostPages; ++pages) {
    Call call{.method = "GET", .doing = doing, .stop = std::stop_token()};
    call.query = {{"uploads", ""}, {"encoding-type", "url"}, {"prefix", std::string(prefix)}};
    if (!page.next_name.empty()) {
      call.query.emplace_back("key-marker", page.next_name);
      call.query.emplace_back("upload-id-marker", page.next_id);
    }
    TRY_ASSIGN(answer, client.demand(call));
    TRY_ASSIGN(more, in_context(parse_upload_page(answer.response.body), doing));
    std::ranges::move(more.uploads, std::back_inserter(uploads));
    if (more.next_name.empty()) {
      // What a server does with a prefix that ends within a name differs.
      std::erase_if(uploads, [&](const ListedUpload& upload) { return !upload.name.starts_with(prefix); });
      return uploads;
    }
    if (more.next_name == page.next_name && more.next_id == page.next_id) break;
    page = std::move(more);
  }
  return fail(Errc::failed, doing + ": the listing does not end");
}

Result<std::string> get_object(const Client& client, const std::string& name) {
  const std::string doing = "read " + client.show(name);
  TRY_ASSIGN(head, head_object(client, name));
  if (!head) return fail(Errc::not_found, doing + ": no such object");
  if (head->bytes > kReadLimit) return fail(Errc::failed, doing + ": it is too large");
  std::string text(head->bytes, '\0');
  if (!text.empty())
    TRY(client.fetch(name, head->etag, head->bytes, 0, std::as_writable_bytes(std::span(text)), client.options().stop,
                     doing));
  return text;
}

Result<> remove_object(const Client& client, const std::string& name) {
  const std::string doing = "remove " + client.show(name);
  TRY_ASSIGN(answer, client.send({.method = "DELETE", .object = name, .doing = doing, .stop = std::stop_token()}));
  if (is_success(answer.response)) return {};
  // A bucket that is gone says 404, too, and there nothing was removed.
  const auto error = parse_server_error(answer.response.body);
  if (answer.response.status == 404 && (!error || error->code == "NoSuchKey")) return {};
  return std::unexpected(error_of(answer.response, doing));
}

Result<> abort_upload(const Client& client, const ListedUpload& upload) {
  Call call{.method = "DELETE", .object = upload.name, .stop = std::stop_token()};
  call.doing = "abort the upload of " + client.show(upload.name);
  call.query = {{"uploadId", upload.id}};
  TRY_ASSIGN(answer, client.send(call));
  if (is_success(answer.response) || answer.response.status == 404) return {};
  return std::unexpected(error_of(answer.response, call.doing));
}

Result<TimePoint> put_object(const Client& client, const std::string& name, std::span<const std::byte> bytes,
                             Replacing replacing, const std::string& writer) {
  Call call{.method = "PUT", .object = name, .body = bytes, .doing = "store " + client.show(name)};
  call.headers.push_back({std::string(kWriterHeader), writer});
  if (replacing == Replacing::refused) call.headers.push_back({"If-None-Match", "*"});
  TRY_ASSIGN(answer, client.send(call));
  if (is_success(answer.response)) return time_of(client, answer.response);
  if (answer.response.status == 412 || answer.response.status == 409)
    return settle_refused(client, name, bytes.size(), writer, answer, call.doing);
  return std::unexpected(error_of(answer.response, call.doing));
}

Result<Replacing> probe_replacing(const Client& client, const std::string& directory) {
  const std::string writer = random_hex(8);
  const std::string name = directory + std::string(kProbe) + writer;
  bool stored = false;
  Replacing replacing = Replacing::not_checked;
  for (int round = 1; round <= 2; ++round) {
    Call call{.method = "PUT", .object = name, .doing = "write to " + client.show(directory)};
    call.headers = {{std::string(kWriterHeader), writer}, {"If-None-Match", "*"}};
    TRY_ASSIGN(answer, client.send(call));
    if (answer.response.status == 412 || answer.response.status == 409) {
      stored = true;  // by us: nobody else has this name
      replacing = Replacing::refused;
      break;
    }
    if (is_success(answer.response))
      stored = true;
    else if (answer.response.status != 400 && answer.response.status != 501)  // it may not know the header
      return std::unexpected(error_of(answer.response, call.doing));
  }
  if (stored)
    if (auto removed = remove_object(client, name); !removed) log_info(removed.error().message());
  return replacing;
}

}  // namespace davit::storage::s3
