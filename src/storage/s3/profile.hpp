#pragma once
// The files that the AWS tools share (https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html). Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::storage::s3 {

// What a section says: lowercase names; what is nested below "s3 =" is "s3.name".
using Profile = std::map<std::string, std::string, std::less<>>;

// The section of that name; nothing if there is none. In a config file sections but "default" are called "profile
// NAME". Errc::usage, with the line, for a file that can't be read as one; `file` names it in the message.
enum class SharedFile { credentials, config };
[[nodiscard]] Result<std::optional<Profile>> find_profile(std::string_view text, SharedFile kind, std::string_view name,
                                                          std::string_view file);

}  // namespace davit::storage::s3
