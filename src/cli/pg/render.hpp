#pragma once
// What `davit pg …` prints.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app/pg/dump.hpp"
#include "app/pg/restore.hpp"
#include "app/pg/transfer.hpp"
#include "sources/postgres/inventory.hpp"
#include "sources/postgres/server.hpp"

namespace davit::cli {

[[nodiscard]] std::string render_databases(const sources::Server& server,
                                           const std::vector<sources::Database>& databases);
[[nodiscard]] nlohmann::json databases_to_json(const sources::Server& server,
                                               const std::vector<sources::Database>& databases);

// `where`: the directory or bucket.
[[nodiscard]] std::string render_pg_dump(const app::PgDumpReport& report, std::string_view where);
[[nodiscard]] std::string render_stored_dumps(const std::vector<app::StoredDump>& dumps,
                                              const std::vector<app::StoredServerSet>& sets);
[[nodiscard]] nlohmann::json stored_dumps_to_json(const std::vector<app::StoredDump>& dumps,
                                                  const std::vector<app::StoredServerSet>& sets);
[[nodiscard]] nlohmann::json pg_dump_to_json(const app::PgDumpReport& report, std::string_view where);

[[nodiscard]] std::string render_transfer(const app::TransferReport& report, std::string_view where);
[[nodiscard]] nlohmann::json transfer_to_json(const app::TransferReport& report, std::string_view where);

[[nodiscard]] std::string render_pg_restore(const app::PgRestoreReport& report);
[[nodiscard]] nlohmann::json pg_restore_to_json(const app::PgRestoreReport& report);

}  // namespace davit::cli
