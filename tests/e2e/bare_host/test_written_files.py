"""Configs and secrets that Compose writes into containers itself, since no file of the host holds them."""

import pytest

from support.davit import Davit
from support.postgres import Postgres
from support.stack import Stack

COMPOSE = """
services:
  db:
    image: davit-test/postgres:17
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/password}
    secrets: [password]
    volumes: ["data:/var/lib/postgresql/data"]
    stop_grace_period: 30s
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 1s
      retries: 100
  web:
    image: busybox
    init: true
    command: [sh, -c, "cp /etc/app/app.conf /seen; echo by itself > /own; exec sleep 3600"]
    configs:
      - source: app
        target: /etc/app/app.conf
      - greeting
    secrets:
      - source: password
        target: other
        uid: "33"
        mode: 0400
configs:
  app:
    content: |
      listen 8080
      greeting $GREETING
  greeting:
    environment: GREETING
secrets:
  password:
    environment: PASSWORD
volumes:
  data:
"""
FILES = {".env": "GREETING=hällo\nPASSWORD=a secret\n"}
WRITTEN = ["/etc/app/app.conf", "/greeting", "/run/secrets/other"]


def written(stack):
    stat = ["stat", "-c", "%n %a %u %g", *WRITTEN]
    return stack.engine.exec(stack.container("web"), *stat) + stack.engine.exec(stack.container("web"), "cat", *WRITTEN)


@pytest.mark.parametrize("where", ["same", "nested"])
def test_they_come_back(request, engine, compose, davit, binary, where):
    stack = compose(COMPOSE, FILES)
    Postgres(stack).sql("create table t as select 7 as n;")
    before = written(stack)
    assert "33" in before and "hällo" in before
    davit("backup", "--stack", stack.name)
    [manifest] = davit.repository.glob("backups/*/*/manifest.json")
    assert "a secret" not in manifest.read_text()
    stack.destroy()

    target = Stack(engine if where == "same" else request.getfixturevalue("nested"), stack.name, stack.directory)
    there = Davit("container", target.engine, davit.repository, binary)
    try:
        there("restore", "--stack", stack.name)
        assert written(target) == before
        # They were there before the start; and what the program writes is its own business.
        assert "greeting hällo" in target.engine.exec(target.container("web"), "cat", "/seen")
        assert Postgres(target).rows("select n from t") == [{"n": 7}]
        ids = {name: target.engine.inspect(target.container(name))["Id"] for name in ("db", "web")}
        target.compose("up", "-d")
        assert {name: target.engine.inspect(target.container(name))["Id"] for name in ids} == ids
        # A backup of what was made anew knows them again.
        there("backup", "--stack", stack.name)
        target.destroy()
        there("restore", "--stack", stack.name)
        assert written(target) == before
    finally:
        target.destroy()
