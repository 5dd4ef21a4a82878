#include "storage/storage.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::storage {

Result<> check_key(std::string_view key) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::usage, "key \"" + escape_for_display(key.substr(0, kMaxKeyBytes)) + "\" " + std::string(why));
  };
  if (key.empty()) return refuse("is empty");
  if (key.size() > kMaxKeyBytes) return refuse("is longer than 800 bytes");
  if (key.find('\0') != std::string_view::npos) return refuse("holds a NUL byte");
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view part = key.substr(begin, end - begin);
    if (part.empty()) return refuse("has an empty part");
    if (part.size() > kMaxPartBytes) return refuse("has a part longer than 255 bytes");
    if (part.front() == '.') return refuse("has a part that begins with a dot");
    begin = end + 1;
  }
  return {};
}

Result<> check_run(std::string_view run) {
  if (run.contains('/')) return fail(Errc::usage, "name of a run \"" + escape_for_display(run) + "\" holds a slash");
  return in_context(check_key(run), "name of a run");
}

}  // namespace davit::storage
