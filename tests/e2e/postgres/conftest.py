"""Servers that the scenarios share: one stack with everything a cluster can hold, and a small one, of each version.

A server is costly to make, so each lives as long as its scope. Whoever uses one leaves it running with what its backup
holds, or with more.
"""

import os
import shutil
import uuid
from pathlib import Path

import pytest

from support.davit import Davit
from support.postgres import Postgres
from support.stack import Stack

SCRATCH = Path(os.environ.get("DAVIT_SCRATCH", "/var/tmp/davit-e2e"))

COMPOSE = """
services:
  db:
    image: davit-test/postgres:{version}
    environment:
      POSTGRES_PASSWORD: first secret
    volumes: ["pgdata:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      timeout: 3s
      retries: 100
volumes:
  pgdata:
    labels: {{purpose: shop}}
"""
# With a second volume, for a tablespace.
WIDE_COMPOSE = COMPOSE.replace('data"]', 'data", "space:/srv/space"]') + "  space:\n"


class Site:
    """A stack with a server, a repository of its own, and davit, as a container or in another way."""

    def __init__(self, engine, binary, version, text=COMPOSE, files=None):
        self.engine, self.binary, self.version = engine, binary, version
        name = f"e2epg{uuid.uuid4().hex[:8]}"
        self.directory = SCRATCH / name
        self.repository = self.directory / "backups"
        self.repository.mkdir(parents=True)
        self.stack = Stack(engine, name, self.directory / "project")
        self.stack.write(text.format(version=version), files or {})
        self.db = Postgres(self.stack)
        self.davit = self.davit_as("container")

    def davit_as(self, way):
        return Davit(way, self.engine, self.repository, self.binary)

    def run(self, command, *args, **more):
        """davit COMMAND --stack THIS ARGS…"""
        return self.davit(command, "--stack", self.stack.name, *args, **more)

    def listed(self):
        """The ids of the backups."""
        return [backup["id"] for backup in self.davit.json("ls")]

    def destroy(self):
        self.stack.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def make_site(engine, binary):
    """make_site(version, compose text, files) → a Site that is up."""
    sites = []

    def make(version, text=COMPOSE, files=None):
        site = Site(engine, binary, version, text, files)
        sites.append(site)
        site.stack.up()
        return site

    yield make
    for site in sites:
        site.destroy()


SMALL = """
create role clerk login password 'w0rd';
create database app owner clerk;
create database zz;
\\connect app
create table state(mark text);
insert into state values ('backed up');
create table ballast as select n, md5(n::text) as text from generate_series(1, 20000) n;
\\connect zz
create table state(mark text);
insert into state values ('backed up');
create table ballast as select n, md5(n::text) as text from generate_series(1, 100000) n;
"""


# What differs between the versions shows in the large stack of test_cluster.py, which is made of both.
@pytest.fixture(scope="session", params=[17])
def small_site(request, make_site):
    site = make_site(request.param)
    site.db.sql(SMALL)
    site.run("backup")
    [site.backup] = site.listed()
    return site


@pytest.fixture(scope="session")
def make_wide_site(make_site):
    return lambda version: make_site(version, WIDE_COMPOSE)


@pytest.fixture
def small(small_site):
    """The small site, with its server running, and one row in each database that the backup doesn't hold."""
    small_site.stack.up()
    for database in ("app", "zz"):
        small_site.db.sql("delete from state where mark = 'newer'; insert into state values ('newer')", database)
    return small_site


@pytest.fixture(scope="session")
def marks():
    """marks(site) → what table `state` holds in both databases of the small site."""
    return lambda site: [site.db.sql("select string_agg(mark, ',' order by mark) from state", each)
                         for each in ("app", "zz")]
