#pragma once
// In which order the services of a stack start, from what Compose recorded of `depends_on` on their containers. Pure.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sources/stack.hpp"

namespace davit::app {

// The names in the value of Compose's label. What is no service of the stack is the caller's to ignore.
[[nodiscard]] std::vector<std::string> parse_depends_on(std::string_view label);

class StartOrder {
 public:
  // Of a circle, one dependency counts for nothing.
  explicit StartOrder(const sources::Stack& stack);
  // From 0; a service comes behind those that it depends on. REQUIRES: a service of the stack.
  [[nodiscard]] int place(std::string_view service) const;
  // Whether `service` depends on `other`, directly or through others.
  [[nodiscard]] bool depends(std::string_view service, std::string_view other) const;

 private:
  void visit(const std::string& service);

  std::map<std::string, std::vector<std::string>, std::less<>> direct_;
  std::set<std::string, std::less<>> visited_;
  std::map<std::string, int, std::less<>> places_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> all_;
};

}  // namespace davit::app
