#pragma once
// What an S3 server is documented to do, in memory: it checks signatures and hashes, keeps multipart uploads, pages its
// listings, honours conditions. Not thread-safe.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/s3/options.hpp"
#include "support/scripted_server.hpp"
#include "util/clock.hpp"

namespace davit::test {

class FakeBucket {
 public:
  static constexpr std::string_view kName = "bucket";
  static constexpr std::string_view kRegion = "fake-1";
  [[nodiscard]] static const storage::s3::Credentials& keys();

  struct Rules {
    bool conditional_put = true;       // honours `If-None-Match: *` of PUT
    bool conditional_complete = true;  // and of CompleteMultipartUpload
    bool ranges = true;                // of GET
    bool if_match = true;              // of GET, too
    std::size_t page = 1000;           // of listings
    std::size_t least_part = 1;        // bytes of a part that is not the last
    bool equal_parts = false;          // as R2: all but the last
  };
  struct Object {
    std::string bytes;
    std::string etag;
    std::string writer;
    TimePoint modified;
  };
  struct Upload {
    std::string name;
    std::string writer;
    std::map<int, std::pair<std::string, std::string>> parts;  // ETag and bytes
  };

  Answer serve(const SeenRequest& request);
  void put(const std::string& name, std::string bytes);
  [[nodiscard]] TimePoint now() const;

  Rules rules = {};
  std::map<std::string, Object> objects = {};
  std::map<std::string, Upload> uploads = {};
  std::vector<std::size_t> part_sizes = {};  // of the upload that was completed last
  std::chrono::seconds ahead{0};             // of our clock

 private:
  using Query = std::map<std::string, std::string>;
  struct Parsed {
    std::string name;  // of the object; empty: the bucket
    Query query;
  };
  [[nodiscard]] std::optional<Answer> check(const SeenRequest& request, Parsed& parsed) const;
  [[nodiscard]] std::string writer_of(const SeenRequest& request) const;
  [[nodiscard]] bool taken(const SeenRequest& request, const std::string& name, bool honoured) const;
  [[nodiscard]] Answer store(const SeenRequest& request, const std::string& name);
  [[nodiscard]] Answer read(const SeenRequest& request, const std::string& name) const;
  static bool wants_url(const Query& query);
  static std::string spelled(const std::string& name, bool url);
  [[nodiscard]] Answer list(const Query& query) const;
  [[nodiscard]] Answer list_uploads(const Query& query) const;
  [[nodiscard]] Answer begin(const SeenRequest& request, const std::string& name);
  [[nodiscard]] Answer serve_upload(const SeenRequest& request, const Parsed& parsed);
  [[nodiscard]] Answer complete(const SeenRequest& request, std::map<std::string, Upload>::iterator found);

  int next_upload_ = 1;
};

// "Sat, 21 Nov 2026 08:30:00 GMT"
[[nodiscard]] std::string http_date(TimePoint time);
// An answer of a server that refuses or fails.
[[nodiscard]] Answer s3_error(int status, std::string_view code);

}  // namespace davit::test
