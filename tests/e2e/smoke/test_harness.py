"""The harness itself: a comparison that sees nothing proves nothing."""

import os

from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "600"]
    volumes: ["data:/data", "./config:/config:ro"]
volumes:
  data:
"""


def test_compose_brings_a_stack_up(compose, engine):
    stack = compose(COMPOSE, {"config/app.ini": "x"})
    assert stack.states() == {"app": "running"}
    assert engine.exec(stack.container("app"), "cat", "/config/app.ini") == "x"
    assert engine.exists("volume", stack.volume("data"))
    stack.down()
    assert not engine.exists("volume", stack.volume("data"))


def test_tree_manifest_sees_every_attribute(tree_manifest, scratch):
    def make(path):
        path.mkdir()
        (path / "a").write_bytes(b"same")
        (path / "wide").write_bytes(bytes(100000))
        os.utime(path / "wide", ns=(1, 1))
        os.utime(path / "a", ns=(1, 1))
        os.utime(path, ns=(2, 2))

    make(scratch / "one")
    before = tree_manifest(scratch / "one")
    assert set(before) == {b".", b"a", b"wide"}
    assert differences(before, tree_manifest(scratch / "one")) == []
    changes = {
        "mode": lambda p: p.chmod(0o600),
        "uid": lambda p: os.chown(p, 1, -1),
        "mtime_ns": lambda p: os.utime(p, ns=(1, 2)),
        "sha256": lambda p: (p.write_bytes(b"Same"), os.utime(p, ns=(1, 1))),
        "xattrs": lambda p: os.setxattr(p, "user.x", b"1"),
        "nlink": lambda p: (os.link(p, scratch / "link")),
        "holes": lambda p: (os.truncate(p.with_name("wide"), 0), os.truncate(p.with_name("wide"), 100000),
                            os.utime(p.with_name("wide"), ns=(1, 1))),
    }
    for number, (key, change) in enumerate(changes.items()):
        path = scratch / str(number)
        make(path)
        change(path / "a")
        found = differences(before, tree_manifest(path))
        assert len(found) == 1 and f": {key} was " in found[0], (key, found)


def test_names_of_any_bytes(tree_manifest, scratch):
    name = b"not-utf8-\xff"
    with open(os.path.join(os.fsencode(scratch), name), "wb"):
        pass
    assert name in tree_manifest(scratch)
