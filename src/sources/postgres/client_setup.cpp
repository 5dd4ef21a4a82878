#include "sources/postgres/client_setup.hpp"

namespace davit::sources {
namespace {

// The variables are those of the official image and its descendants, and of
// Bitnami's, where the superuser may have a password of its own. What could lead a client elsewhere is unset, and the
// server's own note says where it listens. PGOPTIONS wins over settings of the database, such as read-only by default.
constexpr std::string_view kSetup = R"sh(
davit_first() {
  for davit_name in "$@"; do
    eval "davit_value=\${$davit_name:-} davit_file=\${${davit_name}_FILE:-}"
    if [ -z "$davit_value" ] && [ -n "$davit_file" ] && [ -r "$davit_file" ]; then davit_value=$(cat "$davit_file"); fi
    if [ -n "$davit_value" ]; then return 0; fi
  done
  return 1
}
if davit_first POSTGRESQL_POSTGRES_PASSWORD POSTGRES_POSTGRES_PASSWORD; then
  PGUSER=postgres PGPASSWORD=$davit_value
else
  davit_first POSTGRES_USER POSTGRESQL_USERNAME PGUSER || davit_value=postgres
  PGUSER=$davit_value
  davit_first POSTGRES_PASSWORD POSTGRESQL_PASSWORD PGPASSWORD || davit_value=
  PGPASSWORD=$davit_value
fi
export PGUSER PGPASSWORD
[ -n "$PGPASSWORD" ] || unset PGPASSWORD
unset PGHOST PGHOSTADDR PGDATABASE PGSERVICE PGSERVICEFILE PGSSLMODE PGREQUIRESSL PGREQUIREAUTH PGCHANNELBINDING \
  PGTARGETSESSIONATTRS PGCLIENTENCODING PGTZ PGDATESTYLE PGAPPNAME PGREQUIREPEER PGLOADBALANCEHOSTS
davit_port= davit_socket=
davit_pid=${PGDATA:-/var/lib/postgresql/data}/postmaster.pid
if [ -r "$davit_pid" ]; then
  { read -r davit_x; read -r davit_x; read -r davit_x; read -r davit_port; read -r davit_socket; } < "$davit_pid" || :
fi
if [ -n "$davit_port" ]; then export PGPORT="$davit_port"; fi
if [ -n "$davit_socket" ]; then export PGHOST="$davit_socket"; fi
if [ -n "${DAVIT_PG_TCP:-}" ]; then export PGHOST=127.0.0.1; fi
if [ -n "${DAVIT_PG_ENCODING:-}" ]; then export PGCLIENTENCODING="$DAVIT_PG_ENCODING"; fi
export LC_ALL=C PGCONNECT_TIMEOUT=30 PGAPPNAME=davit
export PGOPTIONS="$DAVIT_PG_OPTIONS"
)sh";

constexpr std::string_view kOptions =
    "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 "
    "-c default_transaction_read_only=off -c client_min_messages=warning";

}  // namespace

std::string_view client_setup() { return kSetup; }

std::string_view client_options() { return kOptions; }

std::vector<std::string> client_environment() { return {"DAVIT_PG_OPTIONS=" + std::string(kOptions)}; }

}  // namespace davit::sources
