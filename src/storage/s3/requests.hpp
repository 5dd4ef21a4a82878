#pragma once
// The plain requests: one call of the S3 API each, or one for each page. All may be repeated.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/s3/client.hpp"

namespace davit::storage::s3 {

// Says whose an object is: its writer's random word. So a writer that got no answer finds out whether it was stored.
inline constexpr std::string_view kWriterHeader = "x-amz-meta-davit-writer";

struct Head {
  std::uint64_t bytes = 0;
  TimePoint modified;
  std::string etag;
  std::string writer;  // see kWriterHeader; empty: none of ours
  TimePoint at = {};   // when this was so, by the server's clock
};
// Nothing if there is no such object. `stop` as of Call.
[[nodiscard]] Result<std::optional<Head>> head_object(const Client& client, const std::string& name,
                                                      std::optional<std::stop_token> stop = {});

struct Listing {
  std::vector<ListedObject> objects;
  TimePoint at;  // by the server's clock
};
// All objects whose name begins with `prefix`; or the first page of them only, of at most `limit`.
[[nodiscard]] Result<Listing> list_objects(const Client& client, std::string_view prefix,
                                           std::optional<std::size_t> limit = {});
[[nodiscard]] Result<std::vector<ListedUpload>> list_uploads(const Client& client, std::string_view prefix);

// The contents, up to 1 MiB.
[[nodiscard]] Result<std::string> get_object(const Client& client, const std::string& name);
// An object that is gone is fine. Is not stopped by the options' token.
[[nodiscard]] Result<> remove_object(const Client& client, const std::string& name);
// The same for an upload.
[[nodiscard]] Result<> abort_upload(const Client& client, const ListedUpload& upload);

// How far "never replaced" holds.
enum class Replacing { refused, not_checked };
// Stores in one request. `replacing` refused: Errc::exists if there is one, and not if it is our own, stored by an
// attempt whose answer was lost. Without: the object is replaced. Returns when it was stored, by the server's clock.
[[nodiscard]] Result<TimePoint> put_object(const Client& client, const std::string& name,
                                           std::span<const std::byte> bytes, Replacing replacing,
                                           const std::string& writer);
// The beginning of the last part of what probe_replacing() makes.
inline constexpr std::string_view kProbe = "probe-";
// Tries out, with an object below `directory` that it removes, whether the server honours `If-None-Match: *`.
[[nodiscard]] Result<Replacing> probe_replacing(const Client& client, const std::string& directory);

// The server's time of an answer; ours if it says none.
[[nodiscard]] TimePoint time_of(const Client& client, const net::HttpResponse& response);

}  // namespace davit::storage::s3
