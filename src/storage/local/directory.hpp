#pragma once
// What the local storage does with directories: each name is opened below the descriptor of its parent and no symbolic
// link is followed, so nothing leads out of the root; what is made is private and durable. `shown` is what errors call
// the directory that `base` stands for.

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "util/clock.hpp"
#include "util/error.hpp"
#include "util/unique_fd.hpp"

namespace davit::storage::local {

inline constexpr std::string_view kStaging = ".current";

// A path below `shown`, for messages.
[[nodiscard]] std::string show(std::string_view shown, std::string_view path);

// "a/b/c" as {"a/b", "c"}; "c" as {"", "c"}.
struct SplitPath {
  std::string_view directory;
  std::string_view name;
};
[[nodiscard]] SplitPath split_path(std::string_view path);

[[nodiscard]] TimePoint modified_of(const struct stat& status);

// Opens the directory `path` ("" is `base` itself). Errc::not_found if it, or something on the way, is not there.
[[nodiscard]] Result<UniqueFd> open_directory(int base, std::string_view path, std::string_view shown);
// Makes the directory `name`, mode 0700 whatever the umask, durable in its parent. Errc::exists if the name is taken.
[[nodiscard]] Result<UniqueFd> create_directory(int parent, const std::string& name, std::string_view shown);
// Opens `path`, and makes what is missing of it.
[[nodiscard]] Result<UniqueFd> make_directory(int base, std::string_view path, std::string_view shown);

// fsync of a directory. A file system that cannot sync directories at all (EINVAL) is taken at its word.
[[nodiscard]] Result<> sync_directory(int directory, std::string_view what);

// Renames, never replacing anything: Errc::exists. Where the file system cannot promise that in one call, a file is
// linked and its old name removed, and a directory is renamed plainly, which fails on one that holds anything.
[[nodiscard]] Result<> rename_file(int directory, const std::string& from, const std::string& to,
                                   std::string_view what);
[[nodiscard]] Result<> rename_directory(int from_directory, const std::string& from, int to_directory,
                                        const std::string& to, std::string_view what);

// Calls `visit` for each name but "." and "..", in no order. An entry that vanishes meanwhile is left out.
using Visit = std::function<Result<>(const std::string& name, const struct stat& status)>;
[[nodiscard]] Result<> for_each_entry(int directory, std::string_view shown, const Visit& visit);

// For what is done to write: that the place is gone is no answer to the question whether an object is there.
template <class T>
[[nodiscard]] Result<T> gone_is_failed(Result<T> result) {
  if (!result && result.error().code() == Errc::not_found)
    return std::unexpected(std::move(result).error().as(Errc::failed));
  return result;
}

struct Removed {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
// Removes `name` and everything in it. Goes on past errors, and returns the first. Fine if it is gone.
[[nodiscard]] Result<Removed> remove_tree(int parent, const std::string& name, std::string_view shown);

}  // namespace davit::storage::local
