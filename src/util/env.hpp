#pragma once
// The environment of the process, read once by `cli` and handed down as a value; nothing else calls getenv.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit {

class Environment {
 public:
  Environment() = default;
  explicit Environment(std::map<std::string, std::string, std::less<>> variables) : variables_(std::move(variables)) {}
  static Environment of_process();

  // The value, or nothing if it is unset or empty.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  // NAME, or the contents of the file named by NAME_FILE without trailing newlines. Both set is Errc::usage; a file
  // that can't be read is an error that names variable and path.
  [[nodiscard]] Result<std::optional<std::string>> secret(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const { return variables_; }

 private:
  std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace davit
