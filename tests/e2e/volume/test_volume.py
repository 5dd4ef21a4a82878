"""Named volumes with everything that a file system can hold: seeded, backed up, removed, restored, compared entry by entry."""

import json
from pathlib import Path

import pytest

from support.davit import Davit
from support.engine import TOOLCHAIN
from support.proxy import EngineWithout
from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "600"]
    volumes: ["data:/data"]
volumes:
  data:
    labels:
      com.example.purpose: "oddities: all of them"
"""

SEED = Path(__file__).with_name("seed.py").read_text(encoding="utf-8")


def in_toolchain(engine, volume, *command, **more):
    return engine.run("run", "--rm", "-i", "--init", "--network", "none", "-v", f"{volume}:/v", TOOLCHAIN, *command, **more)


def volume_facts(engine, name):
    facts = json.loads(engine.out("volume", "inspect", name))[0]
    del facts["CreatedAt"]
    # No options are null or empty, as they were asked for; neither means anything.
    return {**facts, "Options": facts["Options"] or {}}


def up_changes_no_volume(stack):
    """`docker compose up -d` takes the restored volumes for its own: no warning, and none is made anew."""
    said = stack.compose("up", "-d").stderr
    assert "warn" not in said.lower() and "Volume" not in said, said


class Ways:
    """The roads that the bytes of a volume can take, and what `-v` says of each."""

    @staticmethod
    def socket(start):
        return start("container"), [], "socket in the network namespace of container:"

    @staticmethod
    def attach(start):
        return start("container"), ["--channel", "attach"], "attach"

    @staticmethod
    def chosen_image(start):
        return start("host"), ["--helper-image", TOOLCHAIN], TOOLCHAIN


@pytest.fixture
def without_busybox(engine, scratch):
    """The environment of a davit whose Engine has no busybox and no registry."""
    before = engine.names("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    proxy = EngineWithout(scratch / "engine.sock", "busybox")
    yield proxy
    proxy.close()
    for image in engine.names("image", "ls", "--format", "{{.Repository}}:{{.Tag}}") - before:
        if image.startswith("davit-helper:"):
            engine.run("image", "rm", image, check=False)


@pytest.fixture
def start(engine, repository, binary):
    return lambda way: Davit(way, engine, repository, binary)


def back_and_forth(engine, compose, tree_manifest, davit, options, env=None):
    """Every oddity through one way. Returns what davit said at -v."""
    stack = compose(COMPOSE, wait=False)
    volume = stack.volume("data")
    in_toolchain(engine, volume, "python3", "-", "/v", input=SEED)
    before, facts = tree_manifest(volume), volume_facts(engine, volume)
    assert len(before) > 400 and before.pop(b"special/socket")["type"] == "socket"

    done = davit("backup", "--stack", stack.name, "-v", *options, env=env, code=3)
    findings = [line for line in done.stderr.splitlines() if line.startswith("finding: ")]
    assert findings == ["finding: volume:data special/socket: socket, not stored"]

    stack.down()
    assert not engine.exists("volume", volume)
    davit("restore", "--stack", stack.name, "latest", *options, env=env)
    assert volume_facts(engine, volume) == facts
    assert differences(before, tree_manifest(volume)) == []
    up_changes_no_volume(stack)
    assert differences(before, tree_manifest(volume)) == []
    return done.stderr


@pytest.mark.parametrize("way", [Ways.socket, Ways.attach, Ways.chosen_image], ids=lambda way: way.__name__)
def test_every_oddity_comes_back(engine, compose, tree_manifest, start, way):
    davit, options, sign = way(start)
    assert sign in back_and_forth(engine, compose, tree_manifest, davit, options)


def test_without_busybox_an_image_is_imported(engine, compose, tree_manifest, start, without_busybox):
    said = back_and_forth(engine, compose, tree_manifest, start("host"), [], env={"DOCKER_HOST": without_busybox.address})
    assert without_busybox.swapped > 0
    assert "importing the image davit-helper:" in said


def test_driver_options_and_labels_come_back(engine, compose, davit, scratch):
    """A volume whose options bind a directory: it is made with them again, so that its data lands there."""
    place = scratch / "place"
    place.mkdir()
    stack = compose(f"""
services:
  app:
    image: busybox
    init: true
    command: [sleep, "600"]
    volumes: ["data:/data"]
volumes:
  data:
    driver: local
    driver_opts: {{type: none, o: bind, device: {place}}}
    labels:
      com.example.empty: ""
      com.example.odd: "a=b, 'c' \\"d\\" ü"
""", wait=False)
    volume = stack.volume("data")
    (place / "file").write_text("content")
    facts = volume_facts(engine, volume)
    assert facts["Options"]["device"] == str(place)
    davit("backup", "--stack", stack.name)
    stack.down()
    (place / "file").unlink()
    davit("restore", "--stack", stack.name)
    assert volume_facts(engine, volume) == facts
    assert (place / "file").read_text() == "content"
    up_changes_no_volume(stack)


def test_many_small_files_and_a_large_one(engine, compose, tree_manifest, davit):
    stack = compose(COMPOSE, wait=False)
    volume = stack.volume("data")
    in_toolchain(engine, volume, "bash", "-euo", "pipefail", "-c", """
        cd /v
        python3 -c '
import os
for folder in range(100):
    os.mkdir(f"{folder}")
    for file in range(200):
        with open(f"{folder}/{file}", "wb") as out: out.write(b"%d of %d " % (file, folder) * (file % 50))
'
        head -c 1G /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0 2>/dev/null >large
        sync""")
    before = tree_manifest(volume)
    assert len(before) == 1 + 100 + 20000 + 1 and before[b"large"]["size"] == 1 << 30
    davit("backup", "--stack", stack.name)
    stack.down()
    davit("restore", "--stack", stack.name)
    assert differences(before, tree_manifest(volume)) == []
