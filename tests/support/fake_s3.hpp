#pragma once
// An S3 server in memory, on a port of the loopback, that fails as a test says.

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "storage/s3/options.hpp"
#include "support/fake_bucket.hpp"
#include "support/scripted_server.hpp"
#include "util/clock.hpp"

namespace davit::test {

enum class Fault {
  internal_error,        // 500, nothing done
  internal_error_after,  // 500, and it was done
  unavailable,           // 503 with a body that is no XML
  slow_down,             // 429, with Retry-After
  reset,                 // the connection is reset, nothing done
  reset_after,           // the connection is reset, and it was done
  stall,                 // no byte of the answer comes
  cut_body,              // the answer ends in its middle
  hidden_error,          // 200, with an error as its body, nothing done
  wrong_etag,            // done, and another ETag told
};
inline constexpr std::array kFaults{Fault::internal_error, Fault::internal_error_after,
                                    Fault::unavailable,    Fault::slow_down,
                                    Fault::reset,          Fault::reset_after,
                                    Fault::stall,          Fault::cut_body,
                                    Fault::hidden_error,   Fault::wrong_etag};
[[nodiscard]] std::string_view name_of(Fault fault);

class FakeS3 {
 public:
  using Rules = FakeBucket::Rules;
  using Object = FakeBucket::Object;

  FakeS3();
  explicit FakeS3(Rules rules);
  ~FakeS3();
  FakeS3(const FakeS3&) = delete;
  FakeS3& operator=(const FakeS3&) = delete;

  // To reach bucket "bucket" below `prefix`: small parts, and retries that take no time.
  [[nodiscard]] storage::s3::Options options(std::string prefix = "") const;

  // The request of that index, counted from 0 and from this call on, fails in this way.
  void fail_at(std::size_t index, Fault fault);
  // So do all from it on.
  void fail_from(std::size_t index, Fault fault);
  // Whether the fault has happened.
  [[nodiscard]] bool failed() const;
  // Requests since fail_at() or fail_from(), or from the start.
  [[nodiscard]] std::size_t requests() const;
  // Asked before each request is answered: an answer of its own, or nothing.
  void on_request(std::function<std::optional<Answer>(const SeenRequest&)> hook);

  [[nodiscard]] std::map<std::string, Object> objects() const;
  void put(const std::string& name, std::string bytes);
  void remove(const std::string& name);
  // Names of uploads that were begun and neither completed nor aborted.
  [[nodiscard]] std::vector<std::string> uploads() const;
  // Sizes of the parts of the uploads that were completed last.
  [[nodiscard]] std::vector<std::size_t> part_sizes() const;
  // Moves the server's clock.
  void advance(std::chrono::seconds duration);
  [[nodiscard]] std::vector<SeenRequest> seen() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
  std::unique_ptr<ScriptedServer> server_;
};

}  // namespace davit::test
