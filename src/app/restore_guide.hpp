#pragma once
// RESTORE.md: how to bring a backup back with nothing but tar, zstd, pg_restore and psql. It lies in every backup.

#include <string>
#include <string_view>

#include "catalog/manifest.hpp"

namespace davit::app {

// Each fenced block of `sh` in it can be run as it stands, in the directory of the backup.
[[nodiscard]] std::string render_restore_guide(const catalog::Manifest& manifest);

}  // namespace davit::app
