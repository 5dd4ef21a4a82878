"""What a stack needs and a backup doesn't hold: as long as any of it is missing, a restore doesn't begin."""

import shutil
import uuid

import pytest

from support.bare import engine_state
from support.stack import Stack

COMPOSE = """
services:
  web:
    image: busybox
    init: true
    command: [sh, -c, "test -f /site.conf && exec sleep 3600"]
    networks: [edge]
    volumes: ["shared:/shared", "disk:/disk", "./site.conf:/site.conf:ro", "./cache:/cache"]
networks:
  edge: {{external: true, name: {name}-edge}}
volumes:
  shared: {{external: true, name: {name}-shared}}
  disk: {{driver_opts: {{type: none, o: bind, device: {disk}}}}}
"""


@pytest.fixture
def stack(engine, scratch):
    """A stack that needs a network and a volume of others, a directory of the host, and a file that a link leads to."""
    stack = Stack(engine, f"e2emiss{uuid.uuid4().hex[:6]}", scratch / "shop")
    stack.disk = scratch / "disk"
    stack.disk.mkdir()
    stack.write(COMPOSE.format(name=stack.name, disk=stack.disk), {"real.conf": "listen 8080\n", "cache/x": "x"})
    (stack.directory / "site.conf").symlink_to("real.conf")
    theirs = [("network", f"{stack.name}-edge"), ("volume", f"{stack.name}-shared")]
    stack.give = lambda kinds: [engine.run(kind, "create", name) for kind, name in theirs if kind in kinds]
    stack.take = lambda: [engine.run(kind, "rm", name, check=False) for kind, name in theirs]
    stack.give(["network", "volume"])
    yield stack
    stack.destroy()
    stack.take()


def test_a_restore_begins_only_when_everything_is_there(engine, stack, davit):
    stack.up()
    said = davit("backup", "--stack", stack.name, "--exclude", f"volume:{stack.name}-shared", "--exclude", "bind:cache").stdout
    assert str(stack.disk) in said and str(stack.directory / "site.conf") in said
    stack.destroy()
    stack.take()
    shutil.rmtree(stack.disk)

    before = engine_state(stack)
    missing = {f"network {stack.name}-edge", f"volume {stack.name}-shared", f"{stack.disk}, which volume {stack.name}_disk",
               f"{stack.directory}/site.conf, which"}
    for code, *flags in ((None, "--plan"), (1,), (1, "--replace")):
        done = davit("restore", "--stack", stack.name, *flags, code=code)
        for what in missing:
            assert what in done.stdout + done.stderr
        assert engine_state(stack) == before and not stack.directory.exists()

    stack.give(["network", "volume"])
    stack.disk.mkdir()
    refused = davit("restore", "--stack", stack.name, code=1).stderr
    assert "site.conf" in refused and "-edge" not in refused and str(stack.disk) not in refused
    stack.directory.mkdir()
    (stack.directory / "site.conf").write_text("listen 8080\n")
    davit("restore", "--stack", stack.name)
    assert stack.states() == {"web": "running"}
    assert (stack.directory / "cache").is_dir()  # as Compose would have made it
