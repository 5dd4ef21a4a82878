"""PostgreSQL servers that no stack knows, and davit by its other name, `bak`."""

import os
import re
import subprocess
import urllib.parse
import uuid

from support.engine import wait_until
from support.postgres import Postgres, conninfo

PASSWORD = "pass 'word\\ %"
ODD_NAMES = ["my\"db 'x", "-dash", "dbname=postgres", "slash/../and %2F +&=?#", "näme", "UPPER", "two\nlines", "star*?[a]"]
MEGABYTES = int(os.environ.get("DAVIT_E2E_LARGE_MB", "48"))  # of the large database; 2048 to see what the issue asks for

# Rows of noise, of which pg_dump makes no less than there is.
NOISE = """
create temp table pool as select k, (select string_agg(sha512((k || ':' || i)::text::bytea), ''::bytea)
  from generate_series(1, 128) i) as noise from generate_series(0, 1023) k;
create table big (n int primary key, noise bytea);
alter table big alter noise set storage external;
insert into big select n, noise from generate_series(1, {rows}) n join pool on k = n % 1024
  order by n;  -- alike ones together would be squeezed
"""
SMALL = """
create table orders (id bigint primary key, customer text);
insert into orders select n, md5(n::text) from generate_series(1, 20000) n;
alter table orders owner to clerk;
grant select on orders to public;
create index on orders (customer);
"""


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class Server:
    """One in a container that no stack knows; its port is one of 127.0.0.1."""

    def __init__(self, engine, version):
        self.engine, self.version, self.name = engine, version, f"e2ebak{uuid.uuid4().hex[:8]}"
        self.db = Postgres(self)
        self.engine.run("run", "-d", "--name", self.name, "-e", f"POSTGRES_PASSWORD={PASSWORD}", "-p", "127.0.0.1::5432",
                        f"davit-test/postgres:{version}", "-c", "fsync=off")
        self.wait()

    def container(self, _service):
        return self.name

    def wait(self):
        wait_until("PostgreSQL", lambda: self.engine.run("exec", self.name, "pg_isready", "-q", "-h", "127.0.0.1",
                                                         check=False).returncode == 0)
        self.port = self.engine.inspect(self.name)["NetworkSettings"]["Ports"]["5432/tcp"][0]["HostPort"]

    def destroy(self):
        self.engine.run("rm", "-f", "-v", self.name, check=False)

    def create(self, name, script="", owner="postgres"):
        self.db.sql(f"create database {quoted(name)} owner {owner} template template0")
        if script:
            self.db.sql(script, name)

    def drop(self, name):
        self.db.sql(f"drop database if exists {quoted(name)} with (force)")

    def databases(self):
        return self.db.sql("select datname from pg_database where not datistemplate order by 1", "postgres")

    def contents(self, name):
        """Everything of a database, as SQL, and what it is itself: its owner, privileges, encoding and locale. (pg_dump refuses
        to say that of one with two lines in its name.)"""
        itself = self.db.sql("select pg_get_userbyid(datdba), datacl, pg_encoding_to_char(encoding), datcollate, datctype "
                             "from pg_database where datname = current_database()", name)
        text = self.db.run("pg_dump", "-U", "postgres", "-d", conninfo(name))
        return [itself, *(line for line in text.splitlines() if not re.match(r"\\(un)?restrict|-- Dumped", line))]

    def digest(self, name):
        """Of the large table."""
        return self.db.sql("select count(*), sum(hashtext(noise::text)::bigint), sum(n) from big", name)


class Bak:
    """The binary by the name `bak`, run where this test runs: with PostgreSQL's tools of 17 beside it."""

    def __init__(self, binary, home):
        self.path, self.home = home / "bak", home
        self.path.symlink_to(binary)

    def argv(self, *args):
        return [str(self.path), *map(str, args)]

    def environment(self, env=None):
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), **(env or {})}

    def start(self, *args, env=None):
        return subprocess.Popen(self.argv(*args), env=self.environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True)

    def __call__(self, *args, code=0, env=None):
        process = self.start(*args, env=env)
        try:
            out, err = process.communicate(timeout=900)
        finally:
            process.kill()
        assert code is None or process.returncode == code, \
            f"bak {args}: exit code {process.returncode}, expected {code}\nstdout:\n{out}\nstderr:\n{err}"
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def name_of(file):
    """(database, time, suffix) of a dump's file."""
    name, time, suffix = re.fullmatch(r"(.*)-(\d{8}T\d{6}Z)\.(sql|dir\.tar)", file).groups()
    return urllib.parse.unquote(name), time, suffix


def databases_in(names):
    """The databases of the dumps among some names, sorted."""
    return sorted(name_of(name)[0] for name in names if name.endswith((".sql", ".tar")) and ".globals." not in name)
