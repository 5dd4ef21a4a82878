"""A PostgreSQL server of a stack, seen through the client programs in its own container."""

import json
import re
import subprocess

from support.engine import wait_until


def conninfo(database):
    """A conninfo string, which any name survives: -d NAME alone would parse it."""
    return "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Postgres:
    def __init__(self, stack, service="db"):
        self.stack, self.engine, self.service = stack, stack.engine, service

    @property
    def container(self):
        return self.stack.container(self.service)

    def run(self, *command, check=True, **more):
        return self.engine.exec(self.container, *command, check=check, **more)

    def sql(self, script, database="postgres"):
        """The output of a script, unaligned."""
        return self.run("psql", "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", conninfo(database),
                        "-f", "-", input=script).rstrip("\n")

    def rows(self, query, database="postgres"):
        """The rows of a query as dictionaries."""
        return json.loads(self.sql(f"select coalesce(json_agg(row_to_json(q)), '[]') from ({query}) q", database))

    def databases(self):
        return self.sql("select datname from pg_database order by datname").split("\n")

    def wait(self, query, answer="t", seconds=60, database="template1"):
        wait_until(f"{query} to say {answer}", lambda: self.sql(query, database) == answer, seconds)

    def dumpall(self, *arguments):
        """pg_dumpall as lines of bytes; without the tokens that are others in every dump, and with the settings of roles
        in an order of their own: theirs is that in which they were set."""
        out = self.engine.run("exec", self.container, "pg_dumpall", "-U", "postgres", *arguments, text=False).stdout
        lines = [line for line in out.split(b"\n") if not re.match(rb"\\(un)?restrict ", line)]
        settings = [at for at, line in enumerate(lines) if re.match(rb"ALTER ROLE .* SET ", line)]
        for at, line in zip(settings, sorted(lines[at] for at in settings)):
            lines[at] = line
        return lines

    def background(self, *command):
        """A command in the container that goes on meanwhile; its end of the pipe is the caller's."""
        return subprocess.Popen([*self.engine.command, "exec", self.container, *command], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def session(self, database="template1"):
        """A session that reads statements from its stdin, until that is closed."""
        return subprocess.Popen([*self.engine.command, "exec", "-i", self.container, "psql", "-X", "-At", "-q", "-U", "postgres",
                                 "-d", conninfo(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, bufsize=1)
