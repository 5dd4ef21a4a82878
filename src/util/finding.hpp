#pragma once
// A finding: something that a run noticed and that does not make it fail, such as a file that changed while it was
// read. A run with findings ends with exit code 3.

#include <string>

namespace davit {

struct Finding {
  std::string item;  // "volume:uploads"; empty while inside the item's own code, which need not know its name
  std::string path;  // path inside the item, escaped to UTF-8 for showing; empty where it concerns the whole item
  std::string what;  // "changed while it was read: 4096 bytes became 1024"
  bool operator==(const Finding&) const = default;
};

}  // namespace davit
