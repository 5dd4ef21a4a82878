#include "sources/rebuild/moved_paths.hpp"

#include "sources/host_path.hpp"

namespace davit::sources {

std::string MovedPaths::operator()(std::string_view path) const {
  const Move* longest = nullptr;
  for (const Move& move : moves)
    if (path_below(path, move.from) && (longest == nullptr || move.from.size() > longest->from.size())) longest = &move;
  if (longest == nullptr) return std::string(path);
  const std::string below = *path_below(path, longest->from);
  if (below == "." || below.empty()) return longest->to;
  return longest->to == "/" ? "/" + below : longest->to + "/" + below;
}

}  // namespace davit::sources
