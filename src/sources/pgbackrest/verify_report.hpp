#pragma once
// What `pgbackrest verify --output=text --verbose` prints. Its exit code is 0 whatever it finds, so this is what
// counts.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

struct VerifyReport {
  struct Part {
    std::string name;  // "archive 17-1", "backup 20261121-231043F"
    std::uint64_t checked = 0;
    std::uint64_t valid = 0;
    std::string trouble;  // "checksum invalid: 1, other: 2", or its status; empty: all is well
  };
  std::vector<Part> parts;
  std::vector<std::string> trouble;  // of the stanza as a whole
  [[nodiscard]] bool sound() const;
};

// Errc::failed if it says neither that the stanza is sound nor that it isn't.
[[nodiscard]] Result<VerifyReport> parse_verify(std::string_view text);

}  // namespace davit::sources
