"""A server that lets nobody in without a password, which is in a file: davit gets in, and shows it to nobody."""

import subprocess

import pytest
from support.onlooker import Onlooker

PASSWORD = "cOrrect hOrse '\"$x"
COMPOSE = """
services:
  db:
    image: davit-test/postgres:{version}
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/password
      POSTGRES_HOST_AUTH_METHOD: scram-sha-256
      POSTGRES_INITDB_ARGS: --auth-local=scram-sha-256 --auth-host=scram-sha-256
    volumes: ["pgdata:/var/lib/postgresql/data", "./password:/run/secrets/password:ro"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      timeout: 3s
      retries: 100
volumes:
  pgdata:
"""


def sql(site, statement):
    # By stdin of a shell, since what is in argv would be found.
    script = f'export PGPASSWORD="$(cat /run/secrets/password)"; psql -X -At -U postgres -c "{statement}"'
    return site.engine.run("exec", "-i", site.stack.container("db"), "sh", "-e", input=script).stdout.strip()


@pytest.mark.parametrize("version", [17])
def test_scram_and_a_password_file(make_site, engine, version):
    site = make_site(version, COMPOSE, {"password": PASSWORD})
    sql(site, "create table t as select n, md5(n::text) as text from generate_series(1, 300000) n")
    digest = sql(site, "select md5(string_agg(t::text, ',' order by n)) from t")
    outsider = subprocess.run(["docker", "exec", site.stack.container("db"), "psql", "-w", "-U", "postgres", "-c", "select 1"],
                              capture_output=True, check=False)
    assert outsider.returncode != 0
    with Onlooker(engine, PASSWORD) as onlooker:
        output = [site.run("backup", "-v")]
        sql(site, "drop table t")
        output.append(site.run("restore", "-v", "--only", "postgres:db"))
        assert sql(site, "select md5(string_agg(t::text, ',' order by n)) from t") == digest
        site.stack.down()
        output.append(site.run("restore", "-v", "--only", "postgres:db"))
    onlooker.check({"pg_dump", "pg_restore", "psql"}, *output)
    site.stack.up()
    assert sql(site, "select md5(string_agg(t::text, ',' order by n)) from t") == digest
