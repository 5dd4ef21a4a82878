#pragma once
// Finds the search clusters of a stack and what they hold.

#include <map>
#include <string>

#include "sources/opensearch/directory.hpp"
#include "sources/source.hpp"

namespace davit::sources {

// A server that has just been started takes a while until it answers.
inline constexpr std::chrono::seconds kSearchPatience{150};

// A cluster of the plan, as it is asked.
struct SearchSeat {
  SearchClient client;
  SearchDirectory directory;
  std::vector<std::string> patterns;  // of the label davit.search.indices
};
using SearchSeats = std::map<std::string, SearchSeat, std::less<>>;  // by name of the item

// Several nodes of one cluster are one item. No server is asked but those that are taken.
[[nodiscard]] Result<Plan> plan_search(engine::Engine& engine, const Stack& stack, const stream::Encoding& encoding,
                                       const Takes& takes, SearchSeats& seats, RunContext& run);

}  // namespace davit::sources
