"""A server with pgBackRest in a stack of its own, whose first process is the server, as in the official image."""

import json
import os
import re
import time
import uuid
from pathlib import Path

import pytest
from support.davit import Davit
from support.engine import wait_until
from support.postgres import Postgres
from support.stack import Stack

SCRATCH = Path(os.environ.get("DAVIT_SCRATCH", "/var/tmp/davit-e2e"))

COMPOSE = """
services:
  db:
    image: davit-test/postgres-pgbackrest:{version}
    command: [postgres, -c, archive_mode=on, -c, "archive_command=pgbackrest --stanza=shop archive-push %p"]
    environment:
      POSTGRES_PASSWORD: first secret
      PGBACKREST_PG1_PATH: /var/lib/postgresql/data
      PGBACKREST_REPO1_RETENTION_FULL: 20
      PGBACKREST_ARCHIVE_TIMEOUT: 20
    labels: {{davit.pgbackrest.stanza: shop, davit.postgres: pgbackrest, davit.pgbackrest.type: diff}}
    restart: unless-stopped
    stop_grace_period: 120s
    volumes: ["data:/var/lib/postgresql/data", "repo:/var/lib/pgbackrest", "space:/srv/space"]
volumes: {{data: , repo: {{labels: {{davit.quiesce: none}}}}, space: }}
"""


class Site:
    USER = "postgres"

    def __init__(self, engine, binary, version):
        self.engine, self.version = engine, version
        name = f"e2epbr{uuid.uuid4().hex[:8]}"
        self.directory = SCRATCH / name
        self.repository = self.directory / "backups"
        self.repository.mkdir(parents=True)
        self.stack = Stack(engine, name, self.directory / "project")
        self.stack.write(COMPOSE.format(version=version), {})
        self.db = Postgres(self.stack)
        self.davit = Davit("container", engine, self.repository, binary)
        self.on_host = Davit("host", engine, self.repository, binary)

    def up(self):
        self.stack.up(wait=False)
        self.wait()
        self.inside("pgbackrest", "--stanza=shop", "stanza-create")
        self.run("pgbackrest", "backup", "--type", "full")

    def wait(self):
        wait_until("the server to run", self.runs, 120)

    def inside(self, *command, check=True):
        return self.engine.run("exec", "-u", "postgres", self.db.container, *command, check=check)

    def run(self, *args, **more):
        return self.davit(*args[:2], "--stack", self.stack.name, *args[2:], **more)

    def restore(self, *args, **more):
        return self.run("pgbackrest", "restore", *args, **more)

    def now(self):
        """The server's time, with nothing else in the same millisecond."""
        time.sleep(0.05)
        moment = self.db.sql("select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')") + "+00"
        time.sleep(0.05)
        return moment

    def started(self):
        return self.engine.inspect(self.db.container)["State"]["StartedAt"]

    def ask(self, statement):
        return self.db.sql(statement)

    def rows(self, table="marks"):
        return self.ask(f"select string_agg(what, ',' order by what) from {table}")

    def insert(self, what):
        self.ask(f"insert into marks values ('{what}')")

    def backup(self, kind):
        """The label of the set."""
        return json.loads(self.run("pgbackrest", "backup", "--type", kind, "--json").stdout)["set"]["label"]

    def runs(self):
        """It takes connections over the network: it is the server that stays."""
        return self.engine.run("exec", "-e", "PGPASSWORD=first secret", self.db.container, "psql", "-h", "127.0.0.1", "-U",
                               self.USER, "-d", "postgres", "-c", "select 1", check=False).returncode == 0

    def at_rest(self):
        """No guard has anything to do."""
        return all(each["State"] in ("exited", "created") for name, each in self.engine.containers().items()
                   if name.startswith("davit-guard-") and self.stack.name in name)

    def guards(self):
        return [name for name in self.engine.containers()
                if name.startswith("davit-") and self.stack.name in name]

    def leftovers(self):
        """What a restore must not leave; others may be at work on this Engine."""
        found = self.inside("sh", "-c", "ls -d /var/lib/postgresql/data/.davit* /srv/space/.davit* 2>/dev/null", check=False)
        return found.stdout.split() + self.guards()

    def dump(self):
        return [line for line in self.db.dumpall() if not re.match(rb"-- (Started|Completed) on ", line)]

    def destroy(self):
        self.stack.destroy()


@pytest.fixture(scope="module", params=["17", "15"])
def site(engine, binary, request):
    site = Site(engine, binary, request.param)
    try:
        site.up()
        yield site
    finally:
        site.destroy()


WRAPPED = """
services:
  db:
    image: davit-test/timescaledb-ha:17
    entrypoint: [/opt/davit/davit, entrypoint, --, /docker-entrypoint.sh]
    command: [postgres]
    environment: {{POSTGRES_PASSWORD: first secret, POSTGRES_USER: admin1234}}
    stop_grace_period: 120s
    labels: {{davit.postgres: pgbackrest}}
    volumes: ["pgdata:/home/postgres/pgdata", "repo:/var/lib/pgbackrest", "{binary}:/opt/davit/davit:ro"]
volumes: {{pgdata: , repo: }}
"""


class WrappedSite(Site):
    """The contract of timescaledb-ha: uid 1000, a superuser of another name, nothing of pgBackRest set up; davit wraps it."""

    USER = "admin1234"

    def __init__(self, engine, binary):
        super().__init__(engine, binary, "17")
        self.stack.write(WRAPPED.format(binary=binary), {})

    def up(self):
        self.stack.up(wait=False)
        self.wait()

    def sql(self, statement):
        return self.engine.run("exec", self.db.container, "psql", "-XAtq", "-U", "admin1234", "-d", "postgres", "-c",
                               statement).stdout.strip()

    def ask(self, statement):
        return self.sql(statement)

    def make_ready(self):
        """Set up, with a table and a backup, whatever test came before."""
        self.davit("init", "--stack", self.stack.name)
        self.ask("create table if not exists marks (what text)")
        self.backup("full")

    def now(self):
        time.sleep(0.05)
        moment = self.sql("select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')") + "+00"
        time.sleep(0.05)
        return moment

    def inside_davit(self, *args, user=None, check=True):
        """As a scheduler's job-exec calls it."""
        return self.engine.run("exec", *(["-u", user] if user else []), self.db.container, "/opt/davit/davit", *args, check=check)

    def state(self):
        return json.loads(self.inside_davit("db", "status", "--json").stdout)["state"]

    def leftovers(self):
        found = self.engine.run("exec", self.db.container, "sh", "-c", "ls -d /home/postgres/pgdata/data/.davit*", check=False)
        return found.stdout.split() + self.guards()


@pytest.fixture(scope="module")
def wrapped(engine, binary):
    site = WrappedSite(engine, binary)
    try:
        site.up()
        yield site
    finally:
        site.destroy()
