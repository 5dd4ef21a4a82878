#pragma once
// How programs that run beside a PostgreSQL server, in its container, are told where it is and who they are.

#include <string>
#include <string_view>
#include <vector>

namespace davit::sources {

// A fragment of sh that takes user and password from the environment of the image, and where the server listens from
// its own note in the data directory; run before a client, it leaves PGUSER and the like behind. With DAVIT_PG_TCP set,
// the server is asked over 127.0.0.1; DAVIT_PG_ENCODING is the client's encoding.
[[nodiscard]] std::string_view client_setup();
// Options of a session of ours: limits of time that the server's configuration may have don't count for a dump.
[[nodiscard]] std::string_view client_options();
// What the fragment wants in its environment.
[[nodiscard]] std::vector<std::string> client_environment();

}  // namespace davit::sources
