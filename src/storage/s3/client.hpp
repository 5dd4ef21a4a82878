#pragma once
// Requests to one bucket: signed, repeated where that may help, their errors in our words. Thread-safe.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>

#include "net/http.hpp"
#include "storage/s3/answers.hpp"
#include "storage/s3/options.hpp"
#include "storage/s3/signature.hpp"
#include "util/clock.hpp"

namespace davit::storage::s3 {

// REQUIRES of every call: it may be sent more than once.
struct Call {
  std::string method;
  std::string object = {};  // its name, not encoded; empty: the bucket itself
  Query query = {};
  net::Headers headers = {};  // besides those of every request
  std::span<const std::byte> body = {};
  std::string doing = {};  // for messages: "store s3://bucket/key"
  // Ends it: Errc::cancelled. Nothing: the one of the options; one that never comes for what must be tidied up.
  std::optional<std::stop_token> stop = {};
  // So it is not sent again without a word: libcurl does that where a connection that it kept breaks.
  bool own_connection = false;
};

struct Answer {
  net::HttpResponse response;
  // An earlier attempt ended without an answer, so it may have been done. Known for certain of an own connection only.
  bool maybe_done_before = false;
};

class Client {
 public:
  // REQUIRES: `clock` outlives it.
  Client(Options options, const Clock& clock);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // An answer of any status that is not worth another attempt. Errors: those of net::HttpClient, and when all attempts
  // are used up, that of the last one.
  [[nodiscard]] Result<Answer> send(const Call& call) const;
  // The same, with every status but 2xx as its error, and so a 200 with an error in its body.
  [[nodiscard]] Result<Answer> demand(const Call& call) const;
  // Fills `into` with the bytes of an object of `total` bytes from `offset` on. A cut goes on where it ended.
  // Errc::corrupt if the object is not any more what `etag` says.
  [[nodiscard]] Result<> fetch(const std::string& object, const std::string& etag, std::uint64_t total,
                               std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop,
                               std::string_view doing) const;

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  // "s3://bucket/name", for messages.
  [[nodiscard]] std::string show(std::string_view object) const;

 private:
  [[nodiscard]] Result<net::HttpRequest> make_request(const Call& call) const;
  // How often a request is tried: less often as long as the server has never answered, since its address may be wrong.
  [[nodiscard]] int attempts() const;
  // That an attempt failed and is made again: a warning where that takes long, as services may be held meanwhile.
  void tell(const std::string& what, int attempt, std::chrono::steady_clock::time_point began) const;
  // Sleeps before the attempt after `attempt`. Errc::cancelled if `stop` comes between.
  [[nodiscard]] Result<> wait(int attempt, const net::HttpResponse* response, const std::stop_token& stop) const;

  Options options_;
  const Clock& clock_;
  net::HttpClient http_;
  net::HttpClient own_connections_;
  std::string base_;  // "https://host/path", with the bucket
  std::string host_;
  std::string base_path_;
  mutable std::atomic<bool> answered_ = false;  // to any request
  mutable std::mutex mutex_;                    // of what follows
  mutable std::optional<std::chrono::steady_clock::time_point> told_;
  mutable std::mt19937_64 random_;
};

}  // namespace davit::storage::s3
