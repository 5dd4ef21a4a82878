#pragma once
// A manifest that uses every field of the format; tests/golden/manifest-v1.json is what it looks like.

#include "catalog/manifest.hpp"

namespace davit::test {

[[nodiscard]] catalog::Manifest sample_manifest();

}  // namespace davit::test
