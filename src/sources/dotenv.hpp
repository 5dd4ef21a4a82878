#pragma once
// Compose's `.env` files (https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/): a
// line NAME=VALUE each, perhaps behind `export`; 'as it stands', "with \n and $OTHER", or bare up to ` #`. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace davit::sources {

// The variables of one or more files, as Compose reads them one after the other.
class Dotenv {
 public:
  // Adds those of a file; the later one of a name counts. Errc::usage, with the number of the line, where a quote has
  // no end: what follows it can't be told.
  [[nodiscard]] Result<> add(std::string_view text);
  // Nothing if it isn't set. Errc::usage where its value depends on what only the shell of `docker compose` knows, such
  // as a variable that no file sets.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view name) const;

 private:
  std::map<std::string, Result<std::string>, std::less<>> values_;
};

}  // namespace davit::sources
