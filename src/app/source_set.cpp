#include "app/source_set.hpp"

#include <algorithm>
#include <string>

namespace davit::app {

void SourceSet::add(std::vector<model::ItemKind> kinds, std::unique_ptr<sources::Source> source) {
  members_.push_back({std::move(kinds), std::move(source)});
}

Result<sources::Source*> SourceSet::of(model::ItemKind kind) const {
  for (const Member& member : members_)
    if (std::ranges::contains(member.kinds, kind)) return member.source.get();
  return fail(Errc::bug, "no source takes items of kind " + std::string(name_of(kind)));
}

}  // namespace davit::app
