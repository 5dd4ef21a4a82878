"""A server that lets nobody in without a password, which is in a file: davit gets in, and shows it to nobody."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

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


class Onlooker(threading.Thread):
    """Reads every command line of the machine, and what the Engine tells of davit's containers, again and again."""

    def __init__(self, engine):
        super().__init__()
        self.engine, self.done, self.found, self.programs, self.inspected = engine, threading.Event(), [], set(), set()

    def run(self):
        while not self.done.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                self.programs.add(os.path.basename(line.split(b"\0")[0].decode(errors="replace")))
                if PASSWORD.encode() in line:
                    self.found.append(line)
            for name in self.engine.names("ps", "-aq", "--filter", "label=davit.run"):
                text = self.engine.run("inspect", name, check=False).stdout
                self.inspected.add(name)
                if json.dumps(PASSWORD)[1:-1] in text:
                    self.found.append(text)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


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
    with Onlooker(engine) as onlooker:
        output = [site.run("backup", "-v")]
        sql(site, "drop table t")
        output.append(site.run("restore", "-v", "--only", "postgres:db"))
        assert sql(site, "select md5(string_agg(t::text, ',' order by n)) from t") == digest
        site.stack.down()
        output.append(site.run("restore", "-v", "--only", "postgres:db"))
    assert not onlooker.found
    # It looked at what there was to see.
    assert {"pg_dump", "pg_restore", "psql"} & onlooker.programs and onlooker.inspected
    for done in output:
        assert PASSWORD not in done.stdout + done.stderr
    site.stack.up()
    assert sql(site, "select md5(string_agg(t::text, ',' order by n)) from t") == digest
