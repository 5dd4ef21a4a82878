#pragma once
// What an S3 server answers, read into values (https://docs.aws.amazon.com/AmazonS3/latest/API/). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_types.hpp"
#include "util/clock.hpp"
#include "util/error.hpp"

namespace davit::storage::s3 {

struct ListedObject {
  std::string name;
  std::uint64_t bytes = 0;
  TimePoint modified;
};
// A page of ListObjectsV2, asked for with encoding-type=url.
struct ObjectPage {
  std::vector<ListedObject> objects;
  std::string next;  // continuation token; empty: the last page
};
[[nodiscard]] Result<ObjectPage> parse_object_page(std::string_view body);

struct ListedUpload {
  std::string name;
  std::string id;
};
// A page of ListMultipartUploads, asked for with encoding-type=url.
struct UploadPage {
  std::vector<ListedUpload> uploads;
  std::string next_name;  // markers of the next page; both empty: the last page
  std::string next_id;
};
[[nodiscard]] Result<UploadPage> parse_upload_page(std::string_view body);

// The id in an answer to CreateMultipartUpload.
[[nodiscard]] Result<std::string> parse_upload_id(std::string_view body);

// An <Error>, whatever the status it came with; nothing if the body is none.
struct ServerError {
  std::string code;     // "NoSuchBucket"
  std::string message;  // for people, in the server's words
  std::string region;   // where the bucket is, if the server says so
};
[[nodiscard]] std::optional<ServerError> parse_server_error(std::string_view body);

// Whether what was asked for was done: no error stands in a body behind a 2xx, either.
[[nodiscard]] bool is_success(const net::HttpResponse& response);
// An answer that is no success, as an error of ours, with a hint where there is something to do. `doing` is what was
// asked for.
[[nodiscard]] Error error_of(const net::HttpResponse& response, std::string_view doing);
// Whether the same request may be answered otherwise a little later.
[[nodiscard]] bool is_worth_repeating(const net::HttpResponse& response);

// "Sat, 21 Nov 2026 08:30:00 GMT", as of Date and Last-Modified.
[[nodiscard]] std::optional<TimePoint> parse_http_date(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace davit::storage::s3
