"""The Engine in a container itself: what these scenarios do to it is what it says.

After a crash of its daemon only `always` brings a container back: the new daemon stops what still runs, as a user would,
so that `unless-stopped` leaves it so.
"""

import pytest

from support.davit import Davit
from support.engine import wait_until
from support.stack import Stack

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    restart: always
    command: [sh, -c, "cat /proc/sys/kernel/random/uuid > /data/started; sleep 3600"]
    volumes: ["data:/data"]
  idle:
    image: busybox
    init: true
    restart: unless-stopped
    command: [sleep, "3600"]
volumes:
  data:
"""


@pytest.fixture
def stack(nested, scratch):
    stack = Stack(nested, f"e2e{scratch.name}", scratch / "project")
    stack.write(COMPOSE, {})
    stack.up()
    stack.compose("stop", "-t", "1", "idle")
    yield stack
    stack.destroy()


def started(stack):
    return stack.engine.exec(stack.container("app"), "cat", "/data/started", check=False).strip()


@pytest.mark.parametrize("way", ["container", "host"])
def test_davit_works_there(nested, stack, scratch, binary, way):
    repository = scratch / "backups"
    repository.mkdir()
    davit = Davit(way, nested, repository, binary)
    before = started(stack)
    davit("backup", "--stack", stack.name)
    [backup] = davit.json("ls")
    assert backup["stack"] == stack.name
    stack.compose("stop", "-t", "1", "app")
    nested.in_volume(stack.volume("data"), "echo other > started")
    davit("restore", "--stack", stack.name, "--replace")
    assert nested.in_volume(stack.volume("data"), "cat started") == before


@pytest.mark.parametrize("way", ["kill", "stop", "cut_power"])
def test_its_containers_come_back_by_their_policies(nested, stack, way):
    before = started(stack)
    if way == "cut_power":
        nested.cut_power()
    else:
        getattr(nested, way)()
        assert not nested.answers()
        nested.start()
    wait_until("app to be started again", lambda: started(stack) not in ("", before), 30)
    assert stack.states() == {"app": "running", "idle": "exited"}
