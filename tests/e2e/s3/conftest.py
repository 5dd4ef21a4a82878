"""Repositories on an S3 server."""

import subprocess

import pytest
from support.davit import SOCKET, Davit
from support.engine import wait_until
from support.small_stack import SmallStack


class S3Davit(Davit):
    """davit with a repository in S3. As a container it can write to no disk: nothing of its file system is writable."""

    def __init__(self, way, engine, binary, scratch, server, place):
        super().__init__(way, engine, scratch, binary)
        self.server, self.place = server, place
        self.bucket = place.split("/")[0]
        self.variables = server.variables(DAVIT_REPOSITORY=f"s3://{place}")

    def __call__(self, *args, env=None, http=True, **more):
        """`http`: davit is told that it may do without TLS."""
        return super().__call__(*(["--allow-http"] if http else []), *args, env={**self.variables, **(env or {})},
                                repository=False, **more)

    def argv(self, args, variables, mounts=()):
        if self.way != "container":
            return super().argv(args, variables, mounts)
        options = [o for pair in variables.items() for o in ("-e", "=".join(pair))] + [o for m in mounts for o in ("-v", m)]
        return [*self.engine.command, "run", "--rm", "--read-only", "-v", f"{self.engine.socket}:{SOCKET}", *options, self.IMAGE,
                *map(str, args)]

    def start(self, *args):
        """A davit that was started and not waited for. As a process of the host, it has the id that this one has."""
        return subprocess.Popen(self.argv(["--allow-http", *args], self.variables), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    def start_uploading(self, *args):
        """The same, and it has sent parts of an object."""
        process = self.start(*args)

        def uploading():
            assert process.poll() is None, f"davit ended too early: {process.communicate()}"
            return self.server.client.parts(self.bucket) >= 2

        wait_until("parts of an upload", uploading)
        return process

    def listed(self):
        return [backup["id"] for backup in self.json("ls")]

    # What is there, seen without davit.

    def objects(self):
        return self.server.client.objects(self.bucket)

    def uploads(self):
        return self.server.client.uploads(self.bucket)


@pytest.fixture
def make_davit(engine, binary, scratch, rgw):
    """make_davit(way, "bucket/prefix", on=the Engine that it speaks to)"""
    return lambda way, place, on=None: S3Davit(way, on or engine, binary, scratch, rgw, place)


@pytest.fixture
def davit(make_davit, bucket):
    """As a process of the host: fast, and it can be signalled."""
    return make_davit("host", f"{bucket}/some/prefix")


@pytest.fixture
def small_stack(engine):
    """small_stack(script that fills the volume) → SmallStack; any number of them."""
    stacks = []

    def make(fill):
        stacks.append(SmallStack(engine, fill))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.destroy()
