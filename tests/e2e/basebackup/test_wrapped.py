"""A server that davit's wrapper runs, in an image with the contract of timescaledb-ha: the container lives on while its cluster is replaced."""

import json
import os
import uuid
from pathlib import Path

import pytest
from support.davit import Davit
from support.engine import wait_until
from support.stack import Stack

SCRATCH = Path(os.environ.get("DAVIT_SCRATCH", "/var/tmp/davit-e2e"))

COMPOSE = """
services:
  db:
    image: davit-test/timescaledb-ha:17
    entrypoint: [/opt/davit/davit, entrypoint, --, /docker-entrypoint.sh]
    command: [postgres]
    environment: {{POSTGRES_PASSWORD: secret, POSTGRES_USER: admin1234}}
    labels: {{davit.postgres: basebackup}}
    stop_grace_period: 120s
    volumes: ["pgdata:/home/postgres/pgdata", "{binary}:/opt/davit/davit:ro"]
volumes: {{pgdata: }}
"""


@pytest.fixture(scope="module")
def wrapped(engine, binary):
    name = f"e2ebasew{uuid.uuid4().hex[:8]}"
    directory = SCRATCH / name
    (directory / "backups").mkdir(parents=True)
    stack = Stack(engine, name, directory / "project")
    stack.write(COMPOSE.format(binary=binary), {})

    def sql(statement):
        return engine.run("exec", stack.container("db"), "psql", "-XAtq", "-U", "admin1234", "-d", "postgres", "-c",
                          statement).stdout.strip()

    try:
        stack.up(wait=False)
        wait_until("the server to run", lambda: engine.run(
            "exec", "-e", "PGPASSWORD=secret", stack.container("db"), "psql", "-h", "127.0.0.1", "-U", "admin1234", "-d", "postgres",
            "-c", "select 1", check=False).returncode == 0, 120)
        yield stack, Davit("container", engine, directory / "backups", binary), sql
    finally:
        stack.destroy()


def test_the_container_lives_on(engine, wrapped):
    stack, davit, sql = wrapped
    sql("create table marks (what text); insert into marks values ('backed up')")
    backup = json.loads(davit("backup", "--stack", stack.name, "--json").stdout)["id"]
    started = engine.inspect(stack.container("db"))["State"]["StartedAt"]
    sql("truncate marks")
    davit("restore", "--stack", stack.name, backup, "--replace")
    assert sql("select what from marks") == "backed up"
    assert engine.inspect(stack.container("db"))["State"]["StartedAt"] == started
    # Also where the server is down, in maintenance.
    sql("truncate marks")
    davit("db", "stop", "--stack", stack.name, "--service", "db")
    davit("restore", "--stack", stack.name, backup, "--replace")
    assert sql("select what from marks") == "backed up"
    assert engine.inspect(stack.container("db"))["State"]["StartedAt"] == started
    left = engine.run("exec", stack.container("db"), "sh", "-c", "ls -d /home/postgres/pgdata/data/.davit*", check=False)
    assert left.stdout == ""
