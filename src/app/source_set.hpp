#pragma once
// The sources of a run, found by the kind of item they take.

#include <memory>
#include <span>
#include <vector>

#include "sources/source.hpp"

namespace davit::app {

class SourceSet {
 public:
  // The order in which they are added is the order in which a backup plans and dumps.
  void add(std::vector<model::ItemKind> kinds, std::unique_ptr<sources::Source> source);

  struct Member {
    std::vector<model::ItemKind> kinds;
    std::unique_ptr<sources::Source> source;
  };
  [[nodiscard]] std::span<const Member> members() const { return members_; }
  // Errc::bug if nothing takes this kind.
  [[nodiscard]] Result<sources::Source*> of(model::ItemKind kind) const;

 private:
  std::vector<Member> members_;
};

}  // namespace davit::app
