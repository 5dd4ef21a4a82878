#include "util/env.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "util/unique_fd.hpp"

namespace davit {
namespace {

constexpr std::size_t kLargestSecret = 1 << 20;  // a mistaken path to something huge must not fill the memory

Result<std::string> read_secret(const std::string& variable, const std::string& path) {
  const std::string doing = "read the file named by " + variable + ", " + path;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, doing);
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, doing);
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargestSecret) return fail(Errc::usage, doing + ": it is larger than 1 MiB");
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  // An empty secret would read as "none given": better to say it here than to fail later without a reason.
  if (text.empty()) return fail(Errc::usage, doing + ": it is empty");
  return text;
}

}  // namespace

Environment Environment::of_process() {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view line = *at;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(line.substr(0, equals), line.substr(equals + 1));  // the first of two wins, as in getenv
  }
  return Environment(std::move(variables));
}

std::optional<std::string> Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

Result<std::optional<std::string>> Environment::secret(std::string_view name) const {
  const std::string file_variable = std::string(name) + "_FILE";
  std::optional<std::string> value = get(name);
  const std::optional<std::string> path = get(file_variable);
  if (!path) return value;
  if (value)
    return fail(Errc::usage, std::string(name) + " and " + file_variable + " are both set", "set only one of the two");
  TRY_ASSIGN(text, read_secret(file_variable, *path));
  return text;
}

}  // namespace davit
