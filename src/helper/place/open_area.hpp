#pragma once
// What the steps of a restore share: the open area, and the swap of its units in both directions.

#include <optional>
#include <string>
#include <vector>

#include "helper/place/restore_journal.hpp"
#include "helper/place/step_hook.hpp"
#include "util/unique_fd.hpp"

namespace davit::helper {

// The area of a restore, open, and locked as long: `new` holds what was unpacked, `old` what it replaced.
class OpenArea {
 public:
  // Waits while another process has it open. Nothing if there is none. Refuses one that we did not make, or that holds
  // old contents and has lost its journal.
  [[nodiscard]] static Result<std::optional<OpenArea>> open(int place, const std::string& name, const StepHook& hook);
  // Makes it, with a journal in the state staging.
  [[nodiscard]] static Result<OpenArea> create(int place, const std::string& name, const StepHook& hook);

  // Nothing: the restore ended, or had not begun, so the area is only to be removed.
  [[nodiscard]] const std::optional<RestoreJournal>& journal() const { return journal_; }
  [[nodiscard]] bool closed() const { return closed_; }
  // Makes it the state on stable storage.
  [[nodiscard]] Result<> write(RestoreJournal journal);
  // What is in the area tells no more about what is in place: from here on it can only be removed.
  [[nodiscard]] Result<> close();
  [[nodiscard]] Result<UniqueFd> open_new() const;

  // The units of a restore of everything, or of those paths. REQUIRES: the state staged. Paths that the archive did not
  // have go to `missing`.
  [[nodiscard]] Result<std::vector<RestoreUnit>> find_units(std::vector<std::string>* missing) const;
  // Makes directories in `old` for what will be moved there, and notes the times of those that lose something.
  [[nodiscard]] Result<std::vector<RestoreJournal::Time>> prepare_parents(const std::vector<RestoreUnit>& units) const;

  // Moves the units in, or back out, whatever is done already. REQUIRES: the state committing or later.
  [[nodiscard]] Result<> swap_in() const;
  [[nodiscard]] Result<> swap_out() const;
  // fsync of every directory that a unit was moved from or to.
  [[nodiscard]] Result<> sync_units() const;
  [[nodiscard]] Result<> set_root(const Attributes& attributes) const;
  // Removes the area. The root's time stays what it was. REQUIRES: nothing in it is needed any more, and its journal
  // says so.
  [[nodiscard]] Result<> remove() const;

 private:
  OpenArea(int place, std::string name, const StepHook& hook) : place_(place), name_(std::move(name)), hook_(&hook) {}

  int place_;
  std::string name_;
  const StepHook* hook_;
  UniqueFd fd_;
  std::optional<RestoreJournal> journal_;
  bool closed_ = false;
};

}  // namespace davit::helper
