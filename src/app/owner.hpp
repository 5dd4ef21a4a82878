#pragma once
// Which process a run belongs to, told in a label, so that other runs can see whether it lives. What a live run has
// made on the Engine is left alone; what a dead one has left is swept.

#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "engine/own_labels.hpp"

namespace davit::app {

// Of this process: "container/<id>" if the Engine has our container, else "process/<boot id>/<pid namespace>/<pid>/
// <start time>" (proc(5)), also where davit runs in a container of another Engine. `self` names our container where it
// can't be found out; empty otherwise.
[[nodiscard]] std::string own_owner(engine::Engine& engine, const std::string& self);
[[nodiscard]] std::string own_owner(engine::Engine& engine, const std::string& self, const std::string& mountinfo);
// The second form, also for a process in a container.
[[nodiscard]] std::string process_owner();

// Says of labels whether their owner lives. Where that can't be seen from here (a process of another pid namespace or
// of another machine) it counts as alive: something left behind is better than a live run destroyed. What has no owner
// is dead.
[[nodiscard]] engine::IsAlive owner_is_alive(engine::Engine& engine);

}  // namespace davit::app
