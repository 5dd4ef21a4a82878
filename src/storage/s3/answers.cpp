#include "storage/s3/answers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "storage/s3/xml.hpp"

namespace davit::storage::s3 {
namespace {

// Names come as in a URL, where a space may be "+".
Result<std::string> decode_url(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+') {
      out += ' ';
    } else if (text[at] != '%') {
      out += text[at];
    } else {
      unsigned value = 256;
      if (at + 2 < text.size())
        if (const auto [end, error] = std::from_chars(text.data() + at + 1, text.data() + at + 3, value, 16);
            end != text.data() + at + 3)
          value = 256;
      if (value > 255) return fail(Errc::failed, "read a listing: a name is badly encoded");
      out += static_cast<char>(value);
      at += 2;
    }
  }
  return out;
}

// Servers that don't know encoding-type send names as they are.
Result<std::string> name_of(const XmlElement& page, std::string_view text) {
  if (page.text_of("EncodingType") != "url") return std::string(text);
  return decode_url(text);
}

Result<XmlElement> parse_page(std::string_view body, std::string_view root) {
  TRY_ASSIGN(page, in_context(parse_xml(body), "read a listing"));
  if (page.name != root)
    return fail(Errc::failed, "read a listing: the answer is none of S3: <" + page.name + ">",
                "check the address of the endpoint");
  return page;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<TimePoint> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sat, 21 Nov 2026 08:30:00 GMT"
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = parse_number(text.substr(5, 2));
  const auto year = parse_number(text.substr(12, 4));
  const auto hour = parse_number(text.substr(17, 2));
  const auto minute = parse_number(text.substr(20, 2));
  const auto second = parse_number(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

Result<ObjectPage> parse_object_page(std::string_view body) {
  TRY_ASSIGN(root, parse_page(body, "ListBucketResult"));
  ObjectPage page;
  for (const XmlElement& entry : root.children) {
    if (entry.name != "Contents") continue;
    TRY_ASSIGN(name, name_of(root, entry.text_of("Key")));
    const auto bytes = parse_number(entry.text_of("Size"));
    auto modified = parse_rfc3339(entry.text_of("LastModified"));
    if (name.empty() || !bytes || !modified) return fail(Errc::failed, "read a listing: an entry is not whole");
    page.objects.push_back({std::move(name), *bytes, *modified});
  }
  if (root.text_of("IsTruncated") == "true") {
    page.next = root.text_of("NextContinuationToken");
    if (page.next.empty()) return fail(Errc::failed, "read a listing: it goes on, and the server doesn't say where");
  }
  return page;
}

Result<UploadPage> parse_upload_page(std::string_view body) {
  TRY_ASSIGN(root, parse_page(body, "ListMultipartUploadsResult"));
  UploadPage page;
  for (const XmlElement& entry : root.children) {
    if (entry.name != "Upload") continue;
    TRY_ASSIGN(name, name_of(root, entry.text_of("Key")));
    page.uploads.push_back({std::move(name), std::string(entry.text_of("UploadId"))});
  }
  if (root.text_of("IsTruncated") == "true") {
    TRY_ASSIGN(name, name_of(root, root.text_of("NextKeyMarker")));
    page.next_name = std::move(name);
    page.next_id = root.text_of("NextUploadIdMarker");
    if (page.next_name.empty())
      return fail(Errc::failed, "read a listing: it goes on, and the server doesn't say where");
  }
  return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
  TRY_ASSIGN(root, in_context(parse_xml(body), "begin an upload"));
  const std::string_view id = root.text_of("UploadId");
  if (root.name != "InitiateMultipartUploadResult" || id.empty())
    return fail(Errc::failed, "begin an upload: the answer has no id of it");
  return std::string(id);
}

std::optional<ServerError> parse_server_error(std::string_view body) {
  const auto root = parse_xml(body);
  if (!root || root->name != "Error") return std::nullopt;
  return ServerError{std::string(root->text_of("Code")), std::string(root->text_of("Message")),
                     std::string(root->text_of("Region"))};
}

}  // namespace davit::storage::s3
