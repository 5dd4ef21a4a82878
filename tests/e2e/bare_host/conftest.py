"""A stack with everything that Compose makes, backed up and then destroyed; and Engines to bring it back on."""

import shutil
import socket
import uuid

import pytest

from support.bare import IMAGES, Site
from support.davit import IMAGE, SCRATCH, Davit
from support.nested import NestedEngine


@pytest.fixture(scope="session")
def nested(engine):
    """An Engine that knows nothing but images."""
    nested = NestedEngine(engine, SCRATCH)
    try:
        yield nested.create(IMAGE, *IMAGES)
    finally:
        nested.destroy()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def backed_up(engine, binary):
    """A Site whose stack was up on this machine's Engine, was backed up, and is gone, with its project's directory."""
    directory = SCRATCH / f"bare{uuid.uuid4().hex[:8]}"
    (directory / "backups").mkdir(parents=True)
    name = f"e2ebare{uuid.uuid4().hex[:6]}"
    net = int(uuid.uuid4().hex[:2], 16)
    site = Site(directory, name, net)
    stack = site.stack(engine)
    site.write(stack, free_port())
    try:
        stack.up(wait=False)
        site.seed(stack)
        Davit("container", engine, site.repository, binary)("backup", "--stack", name)
        site.remember(stack)
        stack.down()
        site.forget(stack)
        yield site
    finally:
        stack.destroy()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["same", "nested"])
def target(request, engine, backed_up):
    """A Stack that isn't there yet, on the Engine that it was on, and on one that knows nothing of it."""
    where = engine if request.param == "same" else request.getfixturevalue("nested")
    stack = backed_up.stack(where)
    yield stack
    backed_up.forget(stack)


@pytest.fixture
def here(engine, backed_up):
    """The same, on the Engine that it was on."""
    stack = backed_up.stack(engine)
    yield stack
    backed_up.forget(stack)
