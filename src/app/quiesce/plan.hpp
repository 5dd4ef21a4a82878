#pragma once
// Which services are held while an item is read, and how. Pure: from the stack's labels, the items of a backup and the
// containers that run.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/item.hpp"
#include "sources/stack.hpp"
#include "util/finding.hpp"

namespace davit::app {

enum class How { none, pause, stop };
[[nodiscard]] std::string_view name_of(How how);   // "none", "pause", "stop": in the journal
[[nodiscard]] std::string_view state_of(How how);  // "running", "paused", "stopped": for people

struct Hook {
  std::vector<std::string> argv;  // empty: there is none
  std::string user;               // empty: the container's
  std::chrono::seconds timeout{60};
};

struct QuiescedService {
  std::string name;
  How how = How::none;  // none: only its hooks are run
  int order = 0;        // its place among the stack's services when they start
  std::optional<std::chrono::milliseconds> max;
  std::vector<std::string> needs;  // those of the plan that it depends on, directly or not
  Hook before;
  Hook after;
};

struct ItemQuiesce {
  std::vector<std::size_t> held;     // of QuiescePlan::services: which must be held while it is read
  std::vector<std::size_t> touched;  // those, and others whose hooks belong to it
  // With all of them held. Nothing for an item whose consistency is its source's business.
  std::optional<model::Consistency> consistency;
  std::vector<Finding> findings;  // why it is live though nobody asked for that
};

struct QuiescePlan {
  std::vector<QuiescedService> services;  // in the order in which they start
  std::map<model::ItemId, ItemQuiesce> items;
  std::vector<Finding> findings;  // about the run
  bool consistent = false;        // all are held at once, and what can't be held fails the run
};

struct QuiesceOptions {
  bool consistent = false;
  bool allow_hooks = false;
  std::string self = {};  // id of the container that davit runs in, which is never held; empty: in none
};

// `running`: every container of the Engine that runs, of whatever stack.
[[nodiscard]] QuiescePlan plan_quiesce(const sources::Stack& stack, const std::vector<model::Item>& items,
                                       const std::vector<engine::ContainerInfo>& running,
                                       const QuiesceOptions& options);

// The order in which the items are read: dumps come before everything that is held, since commands can't be run in what
// is; and items that share held services follow one another, so that each is held for a short time.
[[nodiscard]] std::vector<model::Item> in_reading_order(std::vector<model::Item> items, const QuiescePlan& plan);

}  // namespace davit::app
