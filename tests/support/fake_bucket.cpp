#include "support/fake_bucket.hpp"

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

}  // namespace

std::string http_date(TimePoint time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return std::format("{:%a, %d %b %Y %H:%M:%S} GMT", seconds);
}

Answer s3_error(int status, std::string_view code) {
  Answer answer;
  answer.status = status;
  answer.body = std::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>as the test said</Message></Error>",
      code);
  return answer;
}

const s3::Credentials& FakeBucket::keys() {
  static const s3::Credentials keys{"ACCESS", "SECRET", ""};
  return keys;
}

TimePoint FakeBucket::now() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) + ahead;
}

void FakeBucket::put(const std::string& name, std::string bytes) {
  const std::string etag = "\"" + sha256(bytes).substr(0, 32) + "\"";
  objects[name] = {std::move(bytes), etag, "", now()};
}

std::optional<Answer> FakeBucket::check(const SeenRequest& request, Parsed& parsed) const {
  const auto header = [&](std::string_view name) {
    return std::string(net::find_header(request.headers, name).value_or(""));
  };
  const std::size_t mark = std::min(request.target.find('?'), request.target.size());
  const std::string path = request.target.substr(0, mark);
  const std::string query = mark < request.target.size() ? request.target.substr(mark + 1) : "";

  const std::string authorization = header("Authorization");
  const std::string begin = "AWS4-HMAC-SHA256 Credential=" + keys().access_key + "/";
  if (!authorization.starts_with(begin)) return s3_error(403, "InvalidAccessKeyId");
  const std::size_t from = authorization.find("SignedHeaders=") + 14;
  const std::string names = authorization.substr(from, authorization.find(',', from) - from);
  s3::Unsigned unsigned_request{request.method, path, query, {}, header("X-Amz-Content-Sha256")};
  for (const std::string& name : split(names, ';')) unsigned_request.headers.push_back({name, header(name)});
  const std::string date = header("X-Amz-Date");
  auto time = parse_rfc3339(std::format("{}-{}-{}T{}:{}:{}Z", date.substr(0, 4), date.substr(4, 2), date.substr(6, 2),
                                        date.substr(9, 2), date.substr(11, 2), date.substr(13, 2)));
  if (!time) return s3_error(403, "AccessDenied");
  if (*time > now() + std::chrono::minutes(15) + ahead || *time < now() - std::chrono::minutes(15) - ahead)
    return s3_error(403, "RequestTimeTooSkewed");
  for (const std::string_view name : {"host", "x-amz-content-sha256", "x-amz-date"})
    if (!std::ranges::contains(split(names, ';'), name)) return s3_error(403, "AccessDenied");
  const auto expected = s3::sign(unsigned_request, keys(), {std::string(kRegion)}, *time);
  if (!expected || *expected != authorization) return s3_error(403, "SignatureDoesNotMatch");
  if (sha256(request.body) != header("X-Amz-Content-Sha256")) return s3_error(400, "XAmzContentSHA256Mismatch");

  const std::string whole =
      (header("Host").starts_with(std::string(kName) + ".") ? "/" + std::string(kName) : "") + decode_url(path);
  const std::string bucket = "/" + std::string(kName) + "/";
  if (!whole.starts_with(bucket)) return s3_error(404, "NoSuchBucket");
  parsed.name = whole.substr(bucket.size());
  for (const std::string& pair : split(query, '&')) {
    const std::size_t equals = std::min(pair.find('='), pair.size() - 1);
    parsed.query[decode_url(pair.substr(0, equals))] = decode_url(pair.substr(equals + 1));
  }
  return std::nullopt;
}

Answer FakeBucket::serve(const SeenRequest& request) {
  Parsed parsed;
  if (auto refused = check(request, parsed)) return *refused;
  const auto& query = parsed.query;
  if (parsed.name.size() > 1024 || !is_utf8(parsed.name)) return s3_error(400, "KeyTooLongError");
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

std::string FakeBucket::writer_of(const SeenRequest& request) const {
  return std::string(net::find_header(request.headers, "x-amz-meta-davit-writer").value_or(""));
}

bool FakeBucket::taken(const SeenRequest& request, const std::string& name, bool honoured) const {
  return honoured && net::find_header(request.headers, "If-None-Match") == "*" && objects.contains(name);
}

Answer FakeBucket::store(const SeenRequest& request, const std::string& name) {
  if (taken(request, name, rules.conditional_put)) return s3_error(412, "PreconditionFailed");
  Object& object = objects[name];
  object = {request.body, "\"" + sha256(request.body).substr(0, 32) + "\"", writer_of(request), now()};
  Answer answer;
  answer.headers.push_back({"ETag", object.etag});
  return answer;
}

Answer FakeBucket::read(const SeenRequest& request, const std::string& name) const {
  const auto found = objects.find(name);
  const bool head = request.method == "HEAD";
  if (found == objects.end()) {
    Answer answer = s3_error(404, "NoSuchKey");
    if (head) answer.body.clear();
    return answer;
  }
  const Object& object = found->second;
  if (const auto match = net::find_header(request.headers, "If-Match");
      rules.if_match && match && *match != object.etag)
    return s3_error(412, "PreconditionFailed");
  Answer answer;
  answer.headers = {{"ETag", object.etag}, {"Last-Modified", http_date(object.modified)}};
  if (!object.writer.empty()) answer.headers.push_back({"x-amz-meta-davit-writer", object.writer});
  answer.body = object.bytes;
  std::size_t first = 0;
  std::size_t last = 0;
  if (const auto range = net::find_header(request.headers, "Range");
      rules.ranges && range && std::sscanf(std::string(*range).c_str(), "bytes=%zu-%zu", &first, &last) == 2) {
    if (first >= object.bytes.size()) return s3_error(416, "InvalidRange");
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

bool FakeBucket::wants_url(const Query& query) {
  return query.contains("encoding-type") && query.at("encoding-type") == "url";
}
std::string FakeBucket::spelled(const std::string& name, bool url) {
  return url ? net::percent_encode(name, "/") : s3::escape_xml(name);
}

Answer FakeBucket::list(const Query& query) const {
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
      kName, count, url ? "<EncodingType>url</EncodingType>" : "", more,
      more ? "<NextContinuationToken>" + s3::escape_xml(last) + "</NextContinuationToken>" : "", entries);
  return answer;
}

Answer FakeBucket::list_uploads(const Query& query) const {
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

Answer FakeBucket::begin(const SeenRequest& request, const std::string& name) {
  const std::string id = std::format("upload-{:05}", next_upload_++);
  uploads[id] = {name, writer_of(request), {}};
  Answer answer;
  answer.body =
      std::format("<InitiateMultipartUploadResult><Key>{}</Key><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
                  s3::escape_xml(name), id);
  return answer;
}

Answer FakeBucket::serve_upload(const SeenRequest& request, const Parsed& parsed) {
  const auto found = uploads.find(parsed.query.at("uploadId"));
  if (found == uploads.end() || found->second.name != parsed.name) return s3_error(404, "NoSuchUpload");
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

Answer FakeBucket::complete(const SeenRequest& request, std::map<std::string, Upload>::iterator found) {
  const Upload& upload = found->second;
  if (taken(request, upload.name, rules.conditional_complete)) return s3_error(412, "PreconditionFailed");
  const auto list = s3::parse_xml(request.body);
  if (!list || list->children.empty()) return s3_error(400, "MalformedXML");
  std::string bytes;
  std::vector<std::size_t> sizes;
  int last = 0;
  for (const auto& part : list->children) {
    const int number = std::stoi(std::string(part.text_of("PartNumber")));
    const auto there = upload.parts.find(number);
    if (there == upload.parts.end() || there->second.first != part.text_of("ETag")) return s3_error(400, "InvalidPart");
    if (number <= last) return s3_error(400, "InvalidPartOrder");
    last = number;
    bytes += there->second.second;
    sizes.push_back(there->second.second.size());
  }
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i)
    if (sizes[i] < rules.least_part || (rules.equal_parts && sizes[i] != sizes[0]))
      return s3_error(400, "EntityTooSmall");
  const std::string etag = "\"" + sha256(bytes).substr(0, 32) + "-" + std::to_string(sizes.size()) + "\"";
  objects[upload.name] = {std::move(bytes), etag, upload.writer, now()};
  part_sizes = std::move(sizes);
  Answer answer;
  answer.body = "  \n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><Key>" + s3::escape_xml(upload.name) +
                "</Key><ETag>" + s3::escape_xml(etag) + "</ETag></CompleteMultipartUploadResult>";
  uploads.erase(found);
  return answer;
}

}  // namespace davit::test
