"""A restore of two volumes and a server is killed at every step of its journal: everything is as it was before, or
everything is as it was backed up, and the next command says which."""

import subprocess
import uuid

import pytest

from support.davit import SCRATCH, Davit
from support.postgres import Postgres
from support.restoring import Restoring
from support.stack import Stack

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "3600"]
    volumes: ["data:/data", "uploads:/uploads"]
  db:
    image: davit-test/postgres:15
    environment: {POSTGRES_PASSWORD: secret}
    volumes: ["pgdata:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      retries: 100
volumes: {data: , uploads: , pgdata: }
"""
OLD, NEW = "before the restore", "backed up"
# Many files, so that each step takes its time and is met.
FILL = """rm -rf ./* && mkdir many && i=0 && while [ $i -lt 1000 ]; do echo $i > many/$i; i=$((i+1)); done && echo '%s' > mark"""


def has(kind, **more):
    return lambda entries: any(entry["kind"] == kind and all(entry[k] == v for k, v in more.items()) for entry in entries)


MOMENTS = {
    "nothing yet": lambda entries: len(entries) > 0,
    "a second place": lambda entries: sum(entry["kind"] == "place" for entry in entries) > 1,
    "databases begun": lambda entries: any(entry["kind"] == "cluster" and entry["replacements"] for entry in entries),
    "names change": has("cluster", swap_begun=True),
    "decided": has("decided"),
}


class Site:
    def __init__(self, engine, directory):
        self.engine = engine
        self.stack = Stack(engine, f"e2ekill{uuid.uuid4().hex[:8]}", directory / "project")
        self.stack.write(COMPOSE, {})
        self.stack.up()
        self.db = Postgres(self.stack)
        self.db.sql("create role clerk; create database shop owner clerk; create database zz")

    def put(self, mark):
        for volume in ("data", "uploads"):
            self.engine.in_volume(self.stack.volume(volume), FILL % mark)
        for database in ("shop", "zz"):
            self.db.sql(f"drop table if exists state; create table state as select '{mark}'::text as mark, n "
                        "from generate_series(1, 20000) n", database)
        self.db.sql(f"alter role clerk connection limit {5 if mark == NEW else 7}")

    def found(self):
        """Every mark that is somewhere, and what else tells a mix."""
        marks = [self.engine.in_volume(self.stack.volume(volume), "cat mark; ls many | wc -l; ls -A | wc -l")
                 for volume in ("data", "uploads")]
        assert {mark.split("\n", 1)[1] for mark in marks} == {"1000\n2"}, marks
        marks = [mark.split("\n")[0] for mark in marks]
        for database in ("shop", "zz"):
            assert self.db.sql("select count(*) from state", database) == "20000"
            marks.append(self.db.sql("select distinct mark from state", database))
        limit = self.db.sql("select rolconnlimit from pg_roles where rolname = 'clerk'")
        return {*marks, {"5": NEW, "7": OLD}[limit]}

    def ours_in_server(self):
        return [name for name in self.db.databases() if name.startswith("davit")]


@pytest.fixture(scope="module")
def site(engine, binary):
    directory = SCRATCH / uuid.uuid4().hex[:12]
    (directory / "backups").mkdir(parents=True)
    site = Site(engine, directory)
    site.put(NEW)
    site.davit = {way: Davit(way, engine, directory / "backups", binary) for way in ("host", "container")}
    site.stack.compose("stop", "-t", "1", "app")
    site.davit["container"]("backup", "--stack", site.stack.name)
    yield site
    site.stack.destroy()
    subprocess.run(["rm", "-rf", directory], check=False)


def test_a_restore_that_nobody_kills(site):
    site.put(OLD)
    site.davit["host"]("restore", "--stack", site.stack.name, "--replace")
    assert site.found() == {NEW}
    assert site.ours_in_server() == []


@pytest.mark.parametrize("moment, way", [("nothing yet", "container"), ("a second place", "host"),
                                         ("databases begun", "container"), ("names change", "host"),
                                         ("names change", "container"), ("decided", "host"), ("decided", "container")])
def test_davit_is_killed(site, way, moment):
    site.put(OLD)
    restoring = Restoring(site.davit[way], site.stack.name, "--replace")
    try:
        restoring.wait(MOMENTS[moment])
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    decided = moment == "decided"
    # What was not decided when we looked may have been a moment later.
    assert site.found() in ([{NEW}] if decided else [{OLD}, {NEW}] if moment == "names change" else [{OLD}])
    assert site.ours_in_server() == []
    # And the next command says so, and clears the rest away.
    told = restoring.engine.exists("container", restoring.guard)
    is_new = site.found() == {NEW}
    said = site.davit["host"]("restore", "--stack", site.stack.name, "--plan", code=None).stderr
    assert told or decided
    if told and moment in ("nothing yet", "a second place"):
        assert "has its old contents" in said, said
    elif told:
        assert f"volume {site.stack.volume('data')} {'is finished' if is_new else 'has its old contents'}" in said, said
    if told and moment in ("databases begun", "names change"):
        assert f"databases of service db {'are finished' if is_new else 'have their old contents again'}" in said, said


def test_davit_and_its_guard_are_killed(site):
    """The guard's journal outlives both: the next command of any kind starts it again."""
    site.put(OLD)
    restoring = Restoring(site.davit["host"], site.stack.name, "--replace")
    try:
        restoring.wait(MOMENTS["databases begun"])
    finally:
        restoring.kill()
        site.engine.run("kill", restoring.guard)
    site.davit["host"]("restore", "--stack", site.stack.name, "--plan", code=None)
    assert site.found() == {OLD}
    assert site.ours_in_server() == []


def test_in_a_one_off_container(site):
    """The server doesn't run, and davit has started one of its own."""
    site.put(OLD)
    site.stack.compose("stop", "db")
    restoring = Restoring(site.davit["host"], site.stack.name, "--replace")
    try:
        restoring.wait(MOMENTS["names change"])
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    said = site.davit["host"]("restore", "--stack", site.stack.name, "--plan", code=None).stderr
    assert "the databases of service db have their old contents" in said, said
    site.stack.compose("start", "db")
    site.stack.wait_healthy("db")
    assert site.found() == {OLD}
    assert site.ours_in_server() == []


def test_volumes_that_were_made_go_again(site):
    site.put(OLD)
    site.stack.down()
    restoring = Restoring(site.davit["host"], site.stack.name, "--replace")
    try:
        restoring.wait(MOMENTS["databases begun"])
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    site.davit["host"]("restore", "--stack", site.stack.name, "--plan", code=None)
    assert site.engine.names("volume", "ls", "-q", "--filter", f"name={site.stack.name}_") == set()
    site.stack.up()
    site.stack.compose("stop", "-t", "1", "app")
    site.davit["host"]("restore", "--stack", site.stack.name, "--replace")
    assert site.found() == {NEW}
