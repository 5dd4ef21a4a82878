#pragma once
// How a search server is asked: what its container tells of its address and its accounts, and a request as curl reads
// it. Pure.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.hpp"

namespace davit::sources {

struct SearchAccess {
  std::string url;  // without a trailing slash; empty: whichever of `urls()` answers
  std::string user;
  std::string password;       // of the container's environment; a secret
  std::string password_file;  // in the container; what it holds wins
  std::string ca;             // in the container; empty: one of known_ca_files(), or curl's own
  bool insecure = false;

  [[nodiscard]] bool has_password() const { return !password.empty() || !password_file.empty(); }
  // In the order in which they are tried.
  [[nodiscard]] std::vector<std::string> urls() const;
};

// From its labels davit.search.* and its environment.
[[nodiscard]] SearchAccess access_of(const engine::ContainerInfo& container);

// Where the public images keep the certificate of the CA that they make for themselves.
[[nodiscard]] const std::vector<std::string>& known_ca_files();

struct SearchRequest {
  std::string method = "GET";
  std::string path = "/";  // with the query, encoded
  std::string body = {};   // JSON; empty: none
  std::chrono::seconds timeout{120};
};

// The last line of such a file.
inline constexpr std::string_view kCurlFileEnd = "# end of the request";

// A file of settings for `curl --config`, which has everything of a request, so that no secret is an argument. Behind
// the answer's body curl prints a line with the status.
struct CurlFile {
  std::string url;  // of the server
  std::string user;
  std::string password;  // with an empty `user`: none is sent
  std::string ca;
  bool insecure = false;
};
[[nodiscard]] std::string render_curl_file(const CurlFile& file, const SearchRequest& request);

}  // namespace davit::sources
