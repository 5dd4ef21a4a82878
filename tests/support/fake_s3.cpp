#include "support/fake_s3.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "net/url.hpp"
#include "storage/s3/signature.hpp"
#include "storage/s3/xml.hpp"
#include "stream/digest.hpp"
#include "util/text.hpp"

namespace davit::test {
namespace {

namespace s3 = storage::s3;
constexpr std::string_view kBucket = "bucket";
const s3::Credentials kKeys{"ACCESS", "SECRET", ""};
constexpr std::string_view kRegion = "fake-1";

std::string sha256(std::string_view text) { return stream::extent_of(std::as_bytes(std::span(text)))->sha256; }

std::string decode_url(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      unsigned value = 0;
      std::from_chars(text.data() + at + 1, text.data() + at + 3, value, 16);
      out += static_cast<char>(value);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string http_date(TimePoint time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return std::format("{:%a, %d %b %Y %H:%M:%S} GMT", seconds);
}

Answer error(int status, std::string_view code, std::string_view message = "as the test said") {
  Answer answer;
  answer.status = status;
  answer.body = std::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>", code, message);
  return answer;
}

struct Parsed {
  std::string name;  // of the object; empty: the bucket
  std::map<std::string, std::string> query;
};

}  // namespace

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::internal_error:
      return "500";
    case Fault::internal_error_after:
      return "500 when done";
    case Fault::unavailable:
      return "503";
    case Fault::slow_down:
      return "429";
    case Fault::reset:
      return "reset";
    case Fault::reset_after:
      return "reset when done";
    case Fault::stall:
      return "stall";
    case Fault::cut_body:
      return "cut";
    case Fault::hidden_error:
      return "200 with an error";
    case Fault::wrong_etag:
      return "wrong ETag";
  }
  return "?";
}

struct FakeS3::State {
  struct Upload {
    std::string name;
    std::string writer;
    std::map<int, std::pair<std::string, std::string>> parts;  // ETag and bytes
  };

  Rules rules;
  mutable std::mutex mutex;
  std::map<std::string, Object> objects;
  std::map<std::string, Upload> uploads;
  std::vector<std::size_t> part_sizes;
  int next_upload = 1;
  std::chrono::seconds ahead{0};
  std::optional<std::size_t> fail_at;
  bool fail_on = false;
  Fault fault = Fault::internal_error;
  bool failed = false;
  std::size_t requests = 0;
  std::function<std::optional<Answer>(const SeenRequest&)> hook;

  TimePoint now() const {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) + ahead;
  }

  Answer answer(const SeenRequest& request) {
    const std::scoped_lock lock(mutex);
    const std::size_t index = requests++;
    if (hook)
      if (auto said = hook(request)) return *said;
    const bool fails = fail_at && (index == *fail_at || (fail_on && index > *fail_at));
    if (!fails) return dated(serve(request));
    failed = true;
    return dated(fail(request));
  }

  Answer dated(Answer answer) const {
    answer.headers.push_back({"Date", http_date(now())});
    return answer;
  }

  Answer fail(const SeenRequest& request) {
    Answer nothing;
    nothing.status = 0;
    switch (fault) {
      case Fault::internal_error:
        return error(500, "InternalError");
      case Fault::internal_error_after:
        serve(request);
        return error(500, "InternalError");
      case Fault::unavailable: {
        Answer answer;
        answer.status = 503;
        answer.body = "<html>busy";
        return answer;
      }
      case Fault::slow_down: {
        Answer answer = error(429, "SlowDown");
        answer.headers.push_back({"Retry-After", "1"});
        return answer;
      }
      case Fault::reset:
        nothing.reset = true;
        return nothing;
      case Fault::reset_after:
        serve(request);
        nothing.reset = true;
        return nothing;
      case Fault::stall:
        nothing.gate = std::make_shared<Gate>();
        return nothing;
      case Fault::cut_body: {
        Answer answer = serve(request);
        answer.cut_after = answer.body.size() / 2;
        return answer;
      }
      case Fault::hidden_error:
        if (request.method == "GET" || request.method == "HEAD") return error(500, "InternalError");
        {
          Answer answer = error(200, "InternalError");
          return answer;
        }
      case Fault::wrong_etag: {
        Answer answer = serve(request);
        for (net::Header& header : answer.headers)
          if (header.name == "ETag") header.value = "\"00000000000000000000000000000000\"";
        return answer;
      }
    }
    return nothing;
  }

  // What the request asks for, if it was signed by who may ask.
  std::optional<Answer> check(const SeenRequest& request, Parsed& parsed) const {
    const auto header = [&](std::string_view name) {
      return std::string(net::find_header(request.headers, name).value_or(""));
    };
    const std::size_t mark = std::min(request.target.find('?'), request.target.size());
    const std::string path = request.target.substr(0, mark);
    const std::string query = mark < request.target.size() ? request.target.substr(mark + 1) : "";

    const std::string authorization = header("Authorization");
    const std::string begin = "AWS4-HMAC-SHA256 Credential=" + kKeys.access_key + "/";
    if (!authorization.starts_with(begin)) return error(403, "InvalidAccessKeyId");
    const std::size_t from = authorization.find("SignedHeaders=") + 14;
    const std::string names = authorization.substr(from, authorization.find(',', from) - from);
    s3::Unsigned unsigned_request{request.method, path, query, {}, header("X-Amz-Content-Sha256")};
    for (const std::string& name : split(names, ';')) unsigned_request.headers.push_back({name, header(name)});
    const std::string date = header("X-Amz-Date");
    auto time = parse_rfc3339(std::format("{}-{}-{}T{}:{}:{}Z", date.substr(0, 4), date.substr(4, 2), date.substr(6, 2),
                                          date.substr(9, 2), date.substr(11, 2), date.substr(13, 2)));
    if (!time) return error(403, "AccessDenied");
    if (*time > now() + std::chrono::minutes(15) + ahead || *time < now() - std::chrono::minutes(15) - ahead)
      return error(403, "RequestTimeTooSkewed");
    for (const std::string_view name : {"host", "x-amz-content-sha256", "x-amz-date"})
      if (!std::ranges::contains(split(names, ';'), name)) return error(403, "AccessDenied");
    const auto expected = s3::sign(unsigned_request, kKeys, {std::string(kRegion)}, *time);
    if (!expected || *expected != authorization) return error(403, "SignatureDoesNotMatch");
    if (sha256(request.body) != header("X-Amz-Content-Sha256")) return error(400, "XAmzContentSHA256Mismatch");

    const std::string whole =
        (header("Host").starts_with(std::string(kBucket) + ".") ? "/" + std::string(kBucket) : "") + decode_url(path);
    const std::string bucket = "/" + std::string(kBucket) + "/";
    if (!whole.starts_with(bucket)) return error(404, "NoSuchBucket");
    parsed.name = whole.substr(bucket.size());
    for (const std::string& pair : split(query, '&')) {
      const std::size_t equals = std::min(pair.find('='), pair.size() - 1);
      parsed.query[decode_url(pair.substr(0, equals))] = decode_url(pair.substr(equals + 1));
    }
    return std::nullopt;
  }

  Answer serve(const SeenRequest& request) {
    Parsed parsed;
    if (auto refused = check(request, parsed)) return *refused;
    const auto& query = parsed.query;
    if (parsed.name.size() > 1024 || !is_utf8(parsed.name)) return error(400, "KeyTooLongError");
    if (parsed.name.empty()) return query.contains("uploads") ? list_uploads(query) : list(query);
    if (query.contains("uploadId")) return serve_upload(request, parsed);
    if (request.method == "POST" && query.contains("uploads")) return begin(request, parsed.name);
    if (request.method == "PUT") return store(request, parsed.name);
    if (request.method == "DELETE") {
      objects.erase(parsed.name);
      Answer answer;
      answer.status = 204;
      return answer;
    }
    return read(request, parsed.name);
  }

  std::string writer_of(const SeenRequest& request) const {
    return std::string(net::find_header(request.headers, "x-amz-meta-davit-writer").value_or(""));
  }

  bool taken(const SeenRequest& request, const std::string& name, bool honoured) const {
    return honoured && net::find_header(request.headers, "If-None-Match") == "*" && objects.contains(name);
  }

  Answer store(const SeenRequest& request, const std::string& name) {
    if (taken(request, name, rules.conditional_put)) return error(412, "PreconditionFailed");
    Object& object = objects[name];
    object = {request.body, "\"" + sha256(request.body).substr(0, 32) + "\"", writer_of(request), now()};
    Answer answer;
    answer.headers.push_back({"ETag", object.etag});
    return answer;
  }

  Answer read(const SeenRequest& request, const std::string& name) const {
    const auto found = objects.find(name);
    const bool head = request.method == "HEAD";
    if (found == objects.end()) {
      Answer answer = error(404, "NoSuchKey");
      if (head) answer.body.clear();
      return answer;
    }
    const Object& object = found->second;
    if (const auto match = net::find_header(request.headers, "If-Match"); match && *match != object.etag)
      return error(412, "PreconditionFailed");
    Answer answer;
    answer.headers = {{"ETag", object.etag}, {"Last-Modified", http_date(object.modified)}};
    if (!object.writer.empty()) answer.headers.push_back({"x-amz-meta-davit-writer", object.writer});
    answer.body = object.bytes;
    std::size_t first = 0;
    std::size_t last = 0;
    if (const auto range = net::find_header(request.headers, "Range");
        rules.ranges && range && std::sscanf(std::string(*range).c_str(), "bytes=%zu-%zu", &first, &last) == 2) {
      if (first >= object.bytes.size()) return error(416, "InvalidRange");
      last = std::min(last, object.bytes.size() - 1);
      answer.status = 206;
      answer.body = object.bytes.substr(first, last - first + 1);
      answer.headers.push_back({"Content-Range", std::format("bytes {}-{}/{}", first, last, object.bytes.size())});
    }
    if (head) {
      answer.headers.push_back({"Content-Length", std::to_string(object.bytes.size())});
      answer.body.clear();
    }
    return answer;
  }

  static bool wants_url(const std::map<std::string, std::string>& query) {
    return query.contains("encoding-type") && query.at("encoding-type") == "url";
  }
  static std::string spelled(const std::string& name, bool url) {
    return url ? net::percent_encode(name, "/") : s3::escape_xml(name);
  }

  Answer list(const std::map<std::string, std::string>& query) const {
    const auto value = [&](const char* name) { return query.contains(name) ? query.at(name) : ""; };
    const bool url = wants_url(query);
    const std::string prefix = value("prefix");
    std::size_t limit = rules.page;
    if (query.contains("max-keys")) limit = std::min<std::size_t>(limit, std::stoul(value("max-keys")));
    std::string entries;
    std::string last;
    std::size_t count = 0;
    bool more = false;
    for (auto at = objects.upper_bound(value("continuation-token")); at != objects.end(); ++at) {
      if (!at->first.starts_with(prefix)) continue;
      if (count == limit) {
        more = true;
        break;
      }
      ++count;
      last = at->first;
      entries +=
          std::format("<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                      spelled(at->first, url), render_rfc3339(at->second.modified), s3::escape_xml(at->second.etag),
                      at->second.bytes.size());
    }
    Answer answer;
    answer.body = std::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Name>{}</Name><KeyCount>{}</KeyCount>{}<IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>",
        kBucket, count, url ? "<EncodingType>url</EncodingType>" : "", more,
        more ? "<NextContinuationToken>" + s3::escape_xml(last) + "</NextContinuationToken>" : "", entries);
    return answer;
  }

  Answer list_uploads(const std::map<std::string, std::string>& query) const {
    const bool url = wants_url(query);
    const auto value = [&](const char* name) { return query.contains(name) ? query.at(name) : ""; };
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [id, upload] : uploads)
      if (upload.name.starts_with(value("prefix"))) all.emplace_back(upload.name, id);
    std::ranges::sort(all);
    const std::pair after{value("key-marker"), value("upload-id-marker")};
    std::erase_if(all, [&](const auto& entry) { return !after.first.empty() && entry <= after; });
    const bool more = all.size() > rules.page;
    if (more) all.resize(rules.page);
    std::string body = "<ListMultipartUploadsResult>";
    if (url) body += "<EncodingType>url</EncodingType>";
    if (more)
      body += std::format("<NextKeyMarker>{}</NextKeyMarker><NextUploadIdMarker>{}</NextUploadIdMarker>",
                          spelled(all.back().first, url), all.back().second);
    body += std::format("<IsTruncated>{}</IsTruncated>", more);
    for (const auto& [name, id] : all)
      body += std::format("<Upload><Key>{}</Key><UploadId>{}</UploadId></Upload>", spelled(name, url), id);
    Answer answer;
    answer.body = body + "</ListMultipartUploadsResult>";
    return answer;
  }

  Answer begin(const SeenRequest& request, const std::string& name) {
    const std::string id = std::format("upload-{:05}", next_upload++);
    uploads[id] = {name, writer_of(request), {}};
    Answer answer;
    answer.body = std::format(
        "<InitiateMultipartUploadResult><Key>{}</Key><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
        s3::escape_xml(name), id);
    return answer;
  }

  Answer serve_upload(const SeenRequest& request, const Parsed& parsed) {
    const auto found = uploads.find(parsed.query.at("uploadId"));
    if (found == uploads.end() || found->second.name != parsed.name) return error(404, "NoSuchUpload");
    Upload& upload = found->second;
    Answer answer;
    if (request.method == "DELETE") {
      uploads.erase(found);
      answer.status = 204;
      return answer;
    }
    if (request.method == "PUT") {
      const std::string etag = "\"" + sha256(request.body).substr(0, 32) + "\"";
      upload.parts[std::stoi(parsed.query.at("partNumber"))] = {etag, request.body};
      answer.headers.push_back({"ETag", etag});
      return answer;
    }
    return complete(request, found);
  }

  Answer complete(const SeenRequest& request, std::map<std::string, Upload>::iterator found) {
    const Upload& upload = found->second;
    if (taken(request, upload.name, rules.conditional_complete)) return error(412, "PreconditionFailed");
    const auto list = s3::parse_xml(request.body);
    if (!list || list->children.empty()) return error(400, "MalformedXML");
    std::string bytes;
    std::vector<std::size_t> sizes;
    int last = 0;
    for (const auto& part : list->children) {
      const int number = std::stoi(std::string(part.text_of("PartNumber")));
      const auto there = upload.parts.find(number);
      if (there == upload.parts.end() || there->second.first != part.text_of("ETag")) return error(400, "InvalidPart");
      if (number <= last) return error(400, "InvalidPartOrder");
      last = number;
      bytes += there->second.second;
      sizes.push_back(there->second.second.size());
    }
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i)
      if (sizes[i] < rules.least_part || (rules.equal_parts && sizes[i] != sizes[0]))
        return error(400, "EntityTooSmall");
    const std::string etag = "\"" + sha256(bytes).substr(0, 32) + "-" + std::to_string(sizes.size()) + "\"";
    objects[upload.name] = {std::move(bytes), etag, upload.writer, now()};
    part_sizes = std::move(sizes);
    Answer answer;
    answer.body = "  \n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><Key>" + s3::escape_xml(upload.name) +
                  "</Key><ETag>" + s3::escape_xml(etag) + "</ETag></CompleteMultipartUploadResult>";
    uploads.erase(found);
    return answer;
  }
};

FakeS3::FakeS3() : FakeS3(Rules{}) {}
FakeS3::FakeS3(Rules rules) : state_(std::make_unique<State>()) {
  state_->rules = rules;
  server_ = std::make_unique<ScriptedServer>(
      [state = state_.get()](const SeenRequest& request, std::size_t) { return state->answer(request); },
      ScriptedServer::Listen::loopback);
}
FakeS3::~FakeS3() = default;

storage::s3::Options FakeS3::options(std::string prefix) const {
  s3::Options options;
  options.location = {std::string(kBucket), std::move(prefix)};
  options.endpoint = "http://127.0.0.1:" + std::to_string(server_->port());
  options.region = kRegion;
  options.credentials = kKeys;
  options.part_bytes = 100'000;
  options.parallel = 3;
  options.retries = {
      .attempts = 4, .first_delay = std::chrono::milliseconds(2), .longest_delay = std::chrono::milliseconds(8)};
  options.idle_timeout = std::chrono::seconds(1);
  return options;
}

void FakeS3::fail_at(std::size_t index, Fault fault) {
  const std::scoped_lock lock(state_->mutex);
  state_->fail_at = index;
  state_->fail_on = false;
  state_->fault = fault;
  state_->failed = false;
  state_->requests = 0;
}

void FakeS3::fail_from(std::size_t index, Fault fault) {
  fail_at(index, fault);
  const std::scoped_lock lock(state_->mutex);
  state_->fail_on = true;
}

bool FakeS3::failed() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->failed;
}

std::size_t FakeS3::requests() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->requests;
}

void FakeS3::on_request(std::function<std::optional<Answer>(const SeenRequest&)> hook) {
  const std::scoped_lock lock(state_->mutex);
  state_->hook = std::move(hook);
}

std::map<std::string, FakeS3::Object> FakeS3::objects() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->objects;
}

void FakeS3::put(const std::string& name, std::string bytes) {
  const std::scoped_lock lock(state_->mutex);
  const std::string etag = "\"" + sha256(bytes).substr(0, 32) + "\"";
  state_->objects[name] = {std::move(bytes), etag, "", state_->now()};
}

void FakeS3::remove(const std::string& name) {
  const std::scoped_lock lock(state_->mutex);
  state_->objects.erase(name);
}

std::vector<std::string> FakeS3::uploads() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [id, upload] : state_->uploads) names.push_back(upload.name);
  return names;
}

std::vector<std::size_t> FakeS3::part_sizes() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->part_sizes;
}

void FakeS3::advance(std::chrono::seconds duration) {
  const std::scoped_lock lock(state_->mutex);
  state_->ahead += duration;
}

std::vector<SeenRequest> FakeS3::seen() const { return server_->seen(); }

}  // namespace davit::test
