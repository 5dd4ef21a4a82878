#pragma once
// What commands print: tables for people, JSON for programs, and errors.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app/backup.hpp"
#include "app/one_file.hpp"
#include "app/restore.hpp"
#include "app/verify.hpp"
#include "catalog/manifest.hpp"
#include "util/error.hpp"
#include "util/finding.hpp"

namespace davit::cli {

// Columns are as wide as their widest cell; numbers are not aligned. Two spaces between columns, `indent` before each
// line.
[[nodiscard]] std::string render_table(const std::vector<std::vector<std::string>>& rows, std::size_t indent = 0);

// "error: …\nhint: …\n"
[[nodiscard]] std::string render_error(const Error& error);
[[nodiscard]] nlohmann::json error_to_json(const Error& error);

// Empty if there are none.
[[nodiscard]] std::string render_findings(const std::vector<Finding>& findings);
[[nodiscard]] std::string render_backup_plan(const app::BackupPlan& plan);
[[nodiscard]] nlohmann::json backup_plan_to_json(const app::BackupPlan& plan);
[[nodiscard]] std::string render_backup_report(const app::BackupReport& report, std::string_view where);
[[nodiscard]] std::string render_manifest_for_people(const catalog::Manifest& manifest);
[[nodiscard]] std::string render_restore_plan(const app::RestorePlan& plan, bool replace);
[[nodiscard]] nlohmann::json restore_plan_to_json(const app::RestorePlan& plan, bool replace);
[[nodiscard]] std::string render_restore_report(const app::RestoreReport& report);
[[nodiscard]] nlohmann::json restore_report_to_json(const app::RestoreReport& report, bool replace);
// `where`: the file of an export, the repository of an import.
[[nodiscard]] nlohmann::json transferred_to_json(const app::Transferred& transferred, std::string_view where);
[[nodiscard]] std::string render_verify_report(const app::VerifyReport& report, bool deep);
[[nodiscard]] nlohmann::json verify_report_to_json(const app::VerifyReport& report);

}  // namespace davit::cli
