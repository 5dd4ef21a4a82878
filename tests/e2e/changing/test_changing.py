"""Files that change under the pack: the archive stays whole, what is wrong with it is named, and the run says so (3)."""

import pytest

from support.engine import TOOLCHAIN, wait_until
from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: {command}
    volumes: ["data:/data", "./scripts:/scripts:ro"]
    labels: {{davit.quiesce: none}}
volumes:
  data:
"""

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


@pytest.mark.parametrize("channel", ["auto", "attach"])
def test_a_restless_volume(engine, compose, davit, tree_manifest, channel):
    stack = compose(COMPOSE.format(command="sh /scripts/restless"), {"scripts/restless": RESTLESS})
    volume = stack.volume("data")
    in_toolchain(engine, volume, "mkdir /v/still; for n in $(seq 3000); do echo $n >/v/still/$n; done")
    turns = lambda: engine.exec(stack.container("app"), "stat", "-c", "%y", "/data/turns", check=False)
    first = turns()
    wait_until("the writer to take a turn", lambda: turns() != first)
    still = tree_manifest(volume, "still")
    assert len(still) == 3001
    for _ in range(3):
        done = davit("backup", "--stack", stack.name, "--only", "volume:data", "--channel", channel, code=None)
        found = findings(done.stderr)
        assert done.returncode == (3 if found else 0), done.stderr
        assert not any(path.startswith("still") for path in found), found
    davit("verify", "--deep", "--stack", stack.name)
    stack.down()
    davit("restore", "--stack", stack.name, "--data-only")
    assert differences(still, tree_manifest(volume, "still")) == []
