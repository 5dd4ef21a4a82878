#pragma once
// What a restore brings back itself, and so needn't be on the Engine when it begins. Pure.

#include <set>
#include <string>
#include <string_view>

#include "app/restore_plan.hpp"

namespace davit::app {

class RestoredPlaces {
 public:
  // Of the items that `selection` takes. Errc::corrupt for an item that doesn't tell what it is of.
  [[nodiscard]] static Result<RestoredPlaces> of(const RestorePlan& plan, const Selection& selection);

  // By the Engine's name. The volumes of a database's container count, too, that are made for its server: that of its
  // data, and those of the project.
  [[nodiscard]] bool has_volume(std::string_view volume) const { return volumes_.contains(volume); }
  // On the new host: what is restored, what lies in it, and the directories that it lies in.
  [[nodiscard]] bool has_path(std::string_view path) const;
  // On the new host: whether an empty directory may stand for it, as Compose makes one below the project's directory.
  // Not for what is known to have been a file, or that the backup says a restore needs.
  [[nodiscard]] bool may_make(std::string_view path) const;

 private:
  [[nodiscard]] Result<> add(const model::Item& item, const RestorePlan& plan);
  [[nodiscard]] Result<> add_left_out(const model::Item& item, const RestorePlan& plan);
  void add_cluster(const sources::Service& service, const sources::Stack& stack);
  std::string project_dir_;
  std::set<std::string, std::less<>> volumes_;
  std::set<std::string, std::less<>> paths_;
  std::set<std::string, std::less<>> needed_;  // paths
};

}  // namespace davit::app
