"""What goes wrong must be said, and leave nothing: the stack and the checks that all of these tests share."""

import json
import os
import re

import pytest
from support.davit import Davit
from support.refusal import CODES, manifests, said, staging
from support.small_stack import SmallStack


@pytest.fixture
def small_stack(engine):
    """small_stack(script that fills the volume) → SmallStack; any number of them."""
    stacks = []

    def make(fill, *driver_options, labels=()):
        stacks.append(SmallStack(engine, fill, driver_options, labels))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.destroy()


@pytest.fixture(scope="module")
def stack(engine):
    """One that the tests of a file share, and don't change."""
    made = SmallStack(engine, "mkdir a; seq 20000 >a/numbers; echo x >a/x; chown 1042:1043 a/x; chmod 0640 a/x")
    yield made
    made.destroy()


@pytest.fixture
def davit(engine, repository, binary):
    """davit as a process of the host: fast, and what it leaves behind can be seen."""
    return Davit("host", engine, repository, binary)


@pytest.fixture
def refuses(repository):
    """refuses(davit, args, "not-found", message, hint): fails so, in text and in JSON, and leaves nothing behind."""

    def check(davit, args, kind, message, hint, **more):
        before = manifests(repository)
        plain = davit(*args, code=CODES[kind], **more)
        said(plain.stderr, message, hint)
        assert plain.stdout == ""
        done = davit("--json", *args, code=CODES[kind], **more)
        error = json.loads(done.stdout)["error"]
        assert (error["code"], error["exit_code"]) == (kind, CODES[kind])
        assert re.search(message, error["message"])
        assert ("hint" in error and bool(error["hint"])) == (hint is not None)
        assert manifests(repository) == before
        assert staging(repository) == []

    return check


@pytest.fixture
def as_user(davit):
    """A copy of `davit` that runs as a user of no group of Docker's."""

    class AsUser(Davit):
        def argv(self, args, variables, mounts=()):
            argv = super().argv(args, variables, mounts)
            at = argv.index(str(self.binary))
            return [*argv[:at], "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *argv[at:]]

    return AsUser("host", davit.engine, davit.repository, davit.binary)


@pytest.fixture
def docker_user(davit):
    """A copy of `davit` that runs as a user of the group of the socket, without touching the repository's owner."""

    class DockerUser(Davit):
        def argv(self, args, variables, mounts=()):
            argv = super().argv(args, variables, mounts)
            at = argv.index(str(self.binary))
            group = str(os.stat("/var/run/docker.sock").st_gid)
            return [*argv[:at], "setpriv", "--reuid", "65534", "--regid", "65534", "--groups", group, *argv[at:]]

    return DockerUser("host", davit.engine, davit.repository, davit.binary)
