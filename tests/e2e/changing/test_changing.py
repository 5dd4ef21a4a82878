"""Files that change under the pack: the archive stays whole, what is wrong with it is named, and the run says so (3)."""

import time
from pathlib import Path

import pytest

from support.davit import Davit
from support.engine import TOOLCHAIN, wait_until
from support.pause import open_below, pausable
from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: {command}
    volumes: ["data:/data", "./scripts:/scripts:ro"]
volumes:
  data:
"""

MIB = 1 << 20
FILES = 16
FILE_SIZE = 8 * MIB
FILL = f"""
for n in $(seq 10 {9 + FILES}); do
  head -c {FILE_SIZE} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddee$n -iv 0 2>/dev/null >/v/$n
done
sync"""

# Grows, shrinks, comes and goes, becomes something else, all the time, while a good part of the volume stands still.
RESTLESS = """
cd /data
while :; do
  echo line >>grow; [ $(wc -c <grow) -lt 2000000 ] || : >grow
  head -c 300000 /dev/zero >shrink; : >shrink
  for n in 1 2 3 4 5 6 7 8; do head -c 50000 /dev/urandom >come$n; done; rm -f come*
  echo new >replace.new; mv replace.new replace
  mkdir -p kind/a; rm -r kind; echo file >kind; rm kind; ln -s nowhere kind; rm kind
  touch turns; mkdir -p tree/x/y/z; echo leaf >tree/x/y/z/leaf; rm -r tree
done"""


@pytest.fixture
def host(engine, repository, binary):
    return Davit("host", engine, repository, binary)


def in_toolchain(engine, volume, script):
    return engine.out("run", "--rm", "--init", "--network", "none", "-v", f"{volume}:/v", TOOLCHAIN, "bash", "-euc", script)


def findings(stderr):
    """{path: what} of the findings of volume data; no other finding may be there."""
    found = {}
    for line in stderr.splitlines():
        if line.startswith("finding: "):
            path, what = line.removeprefix("finding: volume:data ").split(": ", 1)
            found[path] = what
    return found


def waits_for_davit(process):
    """Every thread of the helper sleeps, and goes on doing so: it has nobody to hand its bytes to."""
    def switches():
        total = 0
        for task in Path(f"/proc/{process}/task").iterdir():
            status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
            total += int(status["voluntary_ctxt_switches"]) + int(status["nonvoluntary_ctxt_switches"])
        return total

    before = switches()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        if switches() != before:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("channel", ["auto", "attach"])
def test_a_restless_volume(engine, compose, davit, tree_manifest, channel):
    stack = compose(COMPOSE.format(command="sh /scripts/restless"), {"scripts/restless": RESTLESS})
    volume = stack.volume("data")
    in_toolchain(engine, volume, "mkdir /v/still; for n in $(seq 3000); do echo $n >/v/still/$n; done")
    turns = lambda: engine.exec(stack.container("app"), "stat", "-c", "%y", "/data/turns", check=False)
    first = turns()
    wait_until("the writer to take a turn", lambda: turns() != first)
    still = {path: entry for path, entry in tree_manifest(volume).items() if path.startswith(b"still")}
    assert len(still) == 3001
    for _ in range(3):
        done = davit("backup", "--stack", stack.name, "--only", "volume:data", "--channel", channel, code=None)
        found = findings(done.stderr)
        assert done.returncode == (3 if found else 0), done.stderr
        assert not any(path.startswith("still") for path in found), found
    davit("verify", "--deep", "--stack", stack.name)
    stack.down()
    davit("restore", "--stack", stack.name)
    after = {path: entry for path, entry in tree_manifest(volume).items() if path.startswith(b"still")}
    assert differences(still, after) == []


@pytest.mark.parametrize("change", ["shrink", "grow", "rewrite"])
def test_a_file_that_changes_while_it_is_read(engine, compose, host, tree_manifest, change):
    """davit is held, so the pack is held in the middle of a file: that one changes, of the others some vanish or change."""
    stack = compose(COMPOSE.format(command="sleep 600"), wait=False)
    volume = stack.volume("data")
    in_toolchain(engine, volume, FILL)
    before = tree_manifest(volume)
    with pausable(host, "backup", "--stack", stack.name, "--compress", "none") as davit:
        davit.pause_at("data.tar", FILES * FILE_SIZE // 3)
        # The helper goes on until everything between it and davit is full.
        (helper,) = engine.names("ps", "-q", "--filter", "label=davit.run", "--filter", f"volume={volume}")
        process = engine.inspect(helper)["State"]["Pid"]
        wait_until("the helper to stand still", lambda: waits_for_davit(process))
        (current,) = open_below(process, "/place")
        others = sorted(set(map(str, range(10, 10 + FILES))) - {current})
        gone, replaced = others[0::3], others[1::3]
        script = {"shrink": f"truncate -s 100 {current}", "grow": f"head -c {FILE_SIZE} /dev/zero >>{current}",
                  "rewrite": f"head -c {FILE_SIZE} /dev/zero >{current}"}[change]
        in_toolchain(engine, volume, f"cd /v; {script}; rm {' '.join(gone)}; "
                                     f"for n in {' '.join(replaced)}; do echo new >new; mv new $n; done; echo late >late")
        davit.resume()
        found = findings(davit.finish(code=3).stderr)
    assert "changed while it was read" in found.pop(current), found
    assert found and set(found) <= set(gone), found
    assert set(found.values()) == {"vanished before it was read"}

    host("verify", "--deep", "--stack", stack.name)
    stack.down()
    host("restore", "--stack", stack.name)
    after = tree_manifest(volume)
    assert after[current.encode()]["size"] == FILE_SIZE
    untouched = set(others) - set(gone) - set(replaced)
    for name in untouched:
        assert after[name.encode()] == before[name.encode()]
    for name in replaced:  # the old one or the new one, never a mix
        assert after[name.encode()]["size"] == 4 or after[name.encode()]["sha256"] == before[name.encode()]["sha256"]
    assert {name for name in gone if name.encode() not in after} == set(found)
