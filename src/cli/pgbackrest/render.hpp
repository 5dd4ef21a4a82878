#pragma once
// What the commands of `davit pgbackrest` print.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sources/pgbackrest/pgbackrest.hpp"

namespace davit::cli {

[[nodiscard]] std::string render_made(const sources::PgBackRest::Made& made, const std::string& stanza);
[[nodiscard]] nlohmann::json made_to_json(const sources::PgBackRest::Made& made, const std::string& stanza);

[[nodiscard]] std::string render_stanza(const sources::Stanza& stanza);
[[nodiscard]] nlohmann::json stanza_to_json(const sources::Stanza& stanza);

[[nodiscard]] std::string render_verify(const sources::VerifyReport& report);
[[nodiscard]] nlohmann::json verify_to_json(const sources::VerifyReport& report, const std::string& stanza);

}  // namespace davit::cli
