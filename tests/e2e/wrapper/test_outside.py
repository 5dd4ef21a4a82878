"""davit db from outside the container, and the binary in a volume."""

import json

import pytest

from support.davit import IMAGE
from support.wrapped import OFFICIAL

COMPOSE = """
services:
  davit-install:
    image: {davit}
    command: [install, /opt/davit]
    volumes: ["davit:/opt/davit"]
  db:
    image: davit-test/postgres:17
    init: {init}
    entrypoint: [/opt/davit/davit, entrypoint, --, docker-entrypoint.sh]
    command: [postgres]
    environment:
      POSTGRES_PASSWORD: first secret
    volumes: ["pgdata:/var/lib/postgresql/data", "davit:/opt/davit:ro"]
    stop_grace_period: 120s
    depends_on:
      davit-install: {{condition: service_completed_successfully}}
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      retries: 100
  plain:
    image: davit-test/postgres:17
    environment:
      POSTGRES_PASSWORD: first secret
volumes:
  pgdata:
  davit:
"""


@pytest.mark.parametrize("init", ["false", "true"])
def test_a_stack(compose, davit, engine, init):
    # The one that only puts the binary into the volume ends, which `up --wait` takes for a failure.
    stack = compose(COMPOSE.format(davit=IMAGE, init=init), wait=False)
    stack.wait_healthy("db")
    container = stack.container("db")
    engine.sql(container, "create table t(n int); insert into t values (7)")
    status = davit.json("db", "status", "--stack", stack.name, "--service", "db")
    assert status["state"] == "running" and status["accepting"] is True
    assert davit("db", "stop", "--stack", stack.name, "--service", "db").stdout.startswith("maintenance since ")
    assert engine.inspect(container)["State"]["Running"]
    assert davit.json("db", "status", "--container", container)["state"] == "maintenance"
    # Whatever has become of the file that the wrapper was started from.
    again = engine.out("run", "--rm", "-v", f"{stack.volume('davit')}:/opt/davit", IMAGE, "install", "/opt/davit")
    assert again == "/opt/davit/davit is up to date"
    engine.in_volume(stack.volume("davit"), "[ \"$(readlink bak)\" = davit ]; [ \"$(stat -c %a davit)\" = 755 ]; echo x > x; mv x davit")
    again = engine.out("run", "--rm", "-v", f"{stack.volume('davit')}:/opt/davit", IMAGE, "install", "/opt/davit")
    assert again == "/opt/davit/davit is installed"
    engine.in_volume(stack.volume("davit"), "[ \"$(find . -type f)\" = ./davit ]")
    davit("db", "start", "--stack", stack.name, "--service", "db")
    assert engine.sql(container, "select n from t") == "7"
    assert davit.json("db", "restart", "--stack", stack.name, "--service", "db")["starts"] == 3

    # What went wrong inside is told as it was there.
    davit("db", "stop", "--stack", stack.name, "--service", "db")
    engine.exec(container, "sh", "-c", "echo nonsense >> $PGDATA/postgresql.conf")
    done = davit("db", "start", "--stack", stack.name, "--service", "db", code=1)
    assert "while it was starting" in done.stderr and "hint: the log of the container" in done.stderr

    for arguments, code, message in [
        (["--stack", stack.name, "--service", "plain"], 10, "is not run by davit's wrapper"),
        (["--stack", stack.name, "--service", "none"], 10, "has no service none"),
        (["--stack", stack.name], 2, "several PostgreSQL servers"),
        (["--container", "no-such-container"], 10, "no-such-container"),
    ]:
        done = davit("db", "stop", *arguments, code=code)
        assert message in done.stderr, done.stderr
    error = json.loads(davit("db", "stop", "--json", "--stack", stack.name, "--service", "plain", code=10).stdout)["error"]
    assert error["code"] == "not-found"


def test_a_stack_is_backed_up_and_brought_back(compose, davit, engine):
    """The one-off container that restores a database whose stack is gone has the wrapper as its first process, too."""
    text = COMPOSE.format(davit=IMAGE, init="false")
    stack = compose(text[: text.index("  plain:")] + text[text.index("volumes:\n  pgdata"):], wait=False)
    stack.wait_healthy("db")
    engine.sql(stack.container("db"), "create table t(n int); insert into t values (7)")
    davit("backup", "--stack", stack.name)
    stack.down()
    davit("restore", "--stack", stack.name, "latest")
    stack.up(wait=False)
    stack.wait_healthy("db")
    assert engine.sql(stack.container("db"), "select n from t") == "7"


def test_a_container_that_does_not_run(wrapped, davit):
    server = wrapped(**OFFICIAL)
    server.wait_for("running")
    server.stop()
    assert "is exited" in davit("db", "start", "--container", server.name, code=14).stderr
