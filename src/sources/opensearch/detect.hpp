#pragma once
// Which services are OpenSearch or Elasticsearch servers.

#include "sources/stack.hpp"

namespace davit::sources {

// A server by its label, its image, or by settings in its environment that only servers have.
[[nodiscard]] bool looks_like_search(const Service& service);

}  // namespace davit::sources
