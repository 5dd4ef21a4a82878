"""A reader that stalls for 5 s near the end of a stream, when whoever writes is done: not a byte is lost."""

import json

import pytest

from support.davit import Davit
from support.engine import TOOLCHAIN
from support.pause import pausable
from support.tree import differences

MIB = 1 << 20

VOLUME = """
services:
  app:
    image: busybox
    init: true
    command: sleep 600
    volumes: ["data:/data"]
volumes:
  data:
"""

DATABASE = """
services:
  db:
    image: davit-test/postgres:17
    environment:
      POSTGRES_PASSWORD: secret
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 1s
      timeout: 3s
      retries: 60
volumes:
  data:
"""


@pytest.fixture
def host(engine, repository, binary):
    return Davit("host", engine, repository, binary)


def stored_bytes(davit, stack, suffix):
    """The path and the stored length of the only artefact of the latest backup that ends so."""
    manifest = davit.json("show", "--stack", stack.name, "latest")
    (found,) = [a for item in manifest["items"] for a in item["artefacts"] if a["path"].endswith(suffix)]
    return found["path"], found["stored"]["bytes"]


@pytest.mark.parametrize("channel", ["auto", "attach"])
def test_the_end_of_a_helper_stream(engine, compose, host, tree_manifest, channel):
    stack = compose(VOLUME, wait=False)
    volume = stack.volume("data")
    engine.run("run", "--rm", "--init", "--network", "none", "-v", f"{volume}:/v", TOOLCHAIN, "bash", "-euc",
               f"for n in 1 2 3; do head -c {16 * MIB} /dev/urandom >/v/$n; done; echo last >/v/zzz")
    before = tree_manifest(volume)
    options = ["backup", "--stack", stack.name, "--only", "volume:data", "--compress", "none", "--channel", channel]
    host(*options)
    path, size = stored_bytes(host, stack, ".tar")
    with pausable(host, *options) as davit:
        stored = davit.pause_at(path.rpartition("/")[2], size - 2 * MIB, step=0.002)
        assert stored <= size
        davit.stall(5)
        davit.finish()
    assert stored_bytes(host, stack, ".tar") == (path, size)
    host("verify", "--deep", "--stack", stack.name)
    stack.down()
    host("restore", "--stack", stack.name)
    assert differences(before, tree_manifest(volume)) == []


def test_the_end_of_an_exec_stream(engine, compose, host):
    stack = compose(DATABASE)
    sql = lambda statement: engine.sql(stack.container("db"), statement)
    # Random text, so that neither pg_dump nor zstd makes much less of it.
    sql("create table t as select n, string_agg(md5(random()::text || n || m), '') as text "
        "from generate_series(1, 40000) n, generate_series(1, 16) m group by n")
    checksum = "select count(*) || ' ' || md5(string_agg(md5(t::text), '' order by n)) from t"
    before = sql(checksum)
    assert before.startswith("40000 ")
    options = ["backup", "--stack", stack.name, "--only", "postgres:db"]
    host(*options)
    manifest = host.json("show", "--stack", stack.name, "latest")
    path, size = max(((a["path"], a["stored"]["bytes"]) for item in manifest["items"] for a in item["artefacts"]),
                     key=lambda found: found[1])
    assert size > 8 * MIB, json.dumps(manifest)
    with pausable(host, *options) as davit:
        davit.pause_at(path.rpartition("/")[2], size - MIB, step=0.002)
        davit.stall(5)
        davit.finish()
    host("verify", "--deep", "--stack", stack.name)
    stack.down()
    host("restore", "--stack", stack.name, "--only", "postgres:db", "--only", "stack:*")
    stack.up()
    assert sql(checksum) == before
