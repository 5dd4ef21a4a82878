#!/usr/bin/env bash
# Starts PostgreSQL as the official image does: as `postgres`, with a cluster made from POSTGRES_* on the first start.
set -euo pipefail

# from_file NAME [DEFAULT]: NAME, or the contents of the file that NAME_FILE names.
from_file() {
  local name=$1 file="$1_FILE"
  if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
    echo "error: both $name and $file are set" >&2
    exit 1
  fi
  if [ -n "${!file:-}" ]; then
    printf -v "$name" '%s' "$(cat "${!file}")"
    unset "$file"
  else
    printf -v "$name" '%s' "${!name:-${2:-}}"
  fi
  export "${name?}"
}

# A superuser's session over the socket of the temporary server, for which pg_hba trusts local connections.
as_superuser() { PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc -q -U "$POSTGRES_USER" -d "$POSTGRES_DB" "$@"; }

make_cluster() {
  local password_file method
  if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo "error: POSTGRES_PASSWORD is not set, and the first start needs it (or POSTGRES_HOST_AUTH_METHOD=trust)" >&2
    exit 1
  fi
  password_file=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
  # shellcheck disable=SC2086  # the arguments of initdb are words
  eval 'initdb --username="$POSTGRES_USER" ${POSTGRES_PASSWORD:+--pwfile="$password_file"} '"$POSTGRES_INITDB_ARGS"
  rm -f "$password_file"
  method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption -D "$PGDATA")}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "init: $file"
        # shellcheck disable=SC1090
        if [ -x "$file" ]; then "$file"; else . "$file"; fi
        ;;
      *.sql) echo "init: $file" && as_superuser -f "$file" ;;
      *.sql.gz) echo "init: $file" && gunzip -c "$file" | as_superuser ;;
    esac
  done
}

first_start() {
  make_cluster
  # No client of the network sees a server that isn't complete yet: it listens on its socket only.
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w -t 120 start
  if [ "$POSTGRES_DB" != postgres ]; then
    as_superuser -d postgres -v name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
  fi
  run_init_files
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
  echo 'init: complete, ready to start'
}

if [ "${1:-}" = "" ] || [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi

if [ "$1" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres:postgres '{}' +
    exec setpriv --reuid postgres --regid postgres --init-groups env HOME=/var/lib/postgresql "$0" "$@"
  fi
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" 2>/dev/null || true
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    from_file POSTGRES_PASSWORD
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS
    first_start
    unset PGPASSWORD
  fi
fi
exec "$@"
