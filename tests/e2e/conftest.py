"""What the end-to-end scenarios share. Run by `scripts/dev e2e`, inside the toolchain image.

That container holds the Engine's socket, the checkout and DAVIT_SCRATCH at their own paths, the host's network and its
processes. So `davit("host")` starts davit as a true process of the host, and `davit("container")` as the product's image.
A scenario is a folder with test_*.py: seed, back up, destroy, restore, compare.
"""

import shutil
import uuid

import pytest

from support.davit import IMAGE, SCRATCH, Davit, extract_binary
from support.engine import Engine, wait_until
from support.rgw import Rgw
from support.stack import Stack
from support.tree import tree_manifest as read_tree


@pytest.fixture(scope="session")
def engine():
    """The Engine of this machine."""
    return Engine()


@pytest.fixture
def scratch():
    """A directory of this test alone, at the same path for the host, the Engine and us."""
    path = SCRATCH / uuid.uuid4().hex[:12]
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def repository(scratch):
    """An empty repository directory."""
    path = scratch / "backups"
    path.mkdir()
    return path


@pytest.fixture
def compose(engine, scratch):
    """compose(yaml_text, files={name: text}) → a Stack that is up, with a unique project name; torn down with -v."""
    stacks = []

    def up(text, files=None, wait=True, name=None):
        name = name or f"e2e{uuid.uuid4().hex[:8]}"
        stack = Stack(engine, name, scratch / name)
        stacks.append(stack)
        stack.write(text, files or {})
        stack.up(wait=wait)
        return stack

    yield up
    for stack in stacks:
        stack.destroy()


@pytest.fixture(scope="session")
def binary(engine):
    """The product's binary as a file of the host, taken out of davit:dev."""
    path = SCRATCH / "bin" / IMAGE.replace(":", "-").replace("/", "-")
    extract_binary(engine, path)
    return path


@pytest.fixture(params=["container"])
def davit(request, engine, repository, binary):
    """davit("backup", "--stack", …) → a finished process. Ways: container (default), host, host-user.

    Choose others with @pytest.mark.parametrize("davit", ["container", "host", "host-user"], indirect=True).
    """
    return Davit(request.param, engine, repository, binary)


@pytest.fixture(scope="session")
def rgw(engine):
    """An S3 server. Whoever stops it starts it again."""
    server = Rgw(engine)
    try:
        yield server.create()
    finally:
        server.destroy()


@pytest.fixture
def bucket(rgw):
    """An empty bucket of this test alone."""
    name = rgw.bucket()
    yield name
    rgw.client.empty(name)  # what it holds is in memory


@pytest.fixture
def unused_name():
    """The name of a bucket that there isn't."""
    return f"e2e-none-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def many(rgw):
    """(bucket, prefix) of 3,000 objects: dumps of as many databases, and leavings of a backup that never was."""
    bucket, prefix = rgw.bucket(), "many/backups/aaa/20200101T000000Z-0000/db"
    rgw.client.put_all(bucket, {f"{prefix}/db{n:04}-20200101T000000Z.sql": b"x" for n in range(3000)})
    return bucket, prefix


@pytest.fixture
def tree_manifest(engine):
    """tree_manifest("volume" or "/path/of/the/host"[, "folder"]) → {path bytes: attributes}. See support/tree.py."""
    return lambda where, under=".": read_tree(engine, where, under)


@pytest.fixture(autouse=True)
def leftovers(engine):
    """Fails a test that leaves a container, volume, network or image of davit's behind. Ours outlive no run.

    Another run on this Engine has things of its own for a while, so they get some time to go, and nothing is removed here.
    """
    before = engine.ours()
    yield
    left = {}

    def clean():
        now = {kind: names - before[kind] for kind, names in engine.ours().items()}
        for kind, names in now.items():
            left[kind] = names & left.get(kind, names)  # what was there each time
        return not any(left.values())

    try:
        wait_until("what davit left behind to go", clean, 15)
    except AssertionError:
        raise AssertionError(f"left behind: { {kind: sorted(names) for kind, names in left.items() if names} }") from None
