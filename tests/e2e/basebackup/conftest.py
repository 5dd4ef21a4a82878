"""A stack whose cluster is backed up by pg_basebackup, with a tablespace on a volume of its own or without one."""

import os
import re
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
    image: davit-test/postgres:{version}
    environment: {{POSTGRES_PASSWORD: secret}}
    labels: {{davit.postgres: basebackup}}
    stop_grace_period: 120s
    volumes: ["data:/var/lib/postgresql/data", "space:/srv/space", "{repository}/.db:/mnt/.db"]
volumes: {{data: , space: }}
"""


class Site:
    def __init__(self, engine, binary, version):
        self.engine, self.version = engine, version
        name = f"e2ebase{uuid.uuid4().hex[:8]}"
        self.directory = SCRATCH / name
        self.repository = self.directory / "backups"
        self.staging = self.repository / ".db"
        self.staging.mkdir(parents=True)
        self.staging.chmod(0o777)
        self.stack = Stack(engine, name, self.directory / "project")
        self.stack.write(COMPOSE.format(version=version, repository=self.repository), {})
        self.db = Postgres(self.stack)
        self.davit = Davit("container", engine, self.repository, binary)
        self.on_host = Davit("host", engine, self.repository, binary)

    def up(self):
        self.stack.up(wait=False)
        self.wait()

    def wait(self):
        wait_until("the server to run", lambda: self.engine.run(
            "exec", "-e", "PGPASSWORD=secret", self.db.container, "psql", "-h", "127.0.0.1", "-U", "postgres", "-c",
            "select 1", check=False).returncode == 0, 120)

    def run(self, command, *args, **more):
        return self.davit(command, "--stack", self.stack.name, *args, **more)

    def started(self):
        return self.engine.inspect(self.db.container)["State"]["StartedAt"]

    def marks(self):
        return self.db.sql("select string_agg(what, ',' order by what) from marks")

    def dump(self):
        return [line for line in self.db.dumpall() if not re.match(rb"-- (Started|Completed) on ", line)]

    def leftovers(self):
        found = self.engine.run("exec", self.db.container, "sh", "-c",
                                "ls -d /var/lib/postgresql/data/.davit* /srv/space/.davit* /mnt/.db/* /tmp/davit* 2>/dev/null",
                                check=False).stdout.split()
        ours = [name for name in self.engine.containers()
                if name.startswith("davit-") and self.stack.name in name]
        return found + ours

    def slots(self):
        return self.db.sql("select count(*) from pg_replication_slots")


@pytest.fixture(scope="module", params=["17", "15"])
def site(engine, binary, request):
    site = Site(engine, binary, request.param)
    try:
        site.up()
        yield site
    finally:
        site.stack.destroy()
        site.engine.run("run", "--rm", "-v", f"{site.directory.parent}:/v", "busybox", "rm", "-rf", f"/v/{site.directory.name}",
                        check=False)
