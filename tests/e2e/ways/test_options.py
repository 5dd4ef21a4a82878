"""What is chosen, shown and refused: --only, --exclude, --dry-run, --json, --quiet, --plan, --replace, damaged bytes."""

import pytest

from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "600"]
    volumes: ["one:/one", "two:/two", "./config:/config:ro"]
volumes:
  one:
  two:
"""


@pytest.fixture
def stack(compose, engine):
    stack = compose(COMPOSE, {"config/app.ini": "x = 1\n"}, wait=False)
    for volume in ("one", "two"):
        engine.in_volume(stack.volume(volume), f"echo {volume} >file; head -c 100000 /dev/urandom >random; chmod 600 random")
    return stack


def listing(repository):
    return sorted(path.relative_to(repository) for path in repository.rglob("*"))


def items(document):
    """Of a plan, which has items by their text, or of a manifest."""
    return [item["item"] if "item" in item else f"{item['kind']}:{item['name']}" for item in document["items"]]


def test_what_is_backed_up_is_chosen(stack, davit, repository):
    whole = ["bind:config", "files:project", "stack:definition", "volume:one", "volume:two"]
    plan = davit.json("backup", "--stack", stack.name, "--dry-run")
    assert sorted(items(plan)) == whole
    said = davit("backup", "--stack", stack.name, "--dry-run", "--exclude", "volume:two").stdout
    assert "volume:one" in said and "not covered" in said
    assert [line for line in said.splitlines() if "volume:two" in line] == \
        [line for line in said.partition("not covered")[2].splitlines() if "volume:two" in line] != []
    assert listing(repository) == []

    assert sorted(items(davit.json("backup", "--stack", stack.name))) == whole
    only = davit.json("backup", "--stack", stack.name, "--only", "volume:o*")
    assert "volume:one" in items(only) and "volume:two" not in items(only) and "bind:config" not in items(only)
    excluded = davit.json("backup", "--stack", stack.name, "--exclude", "volume:*,bind:*")
    assert not any(item.startswith(("volume:", "bind:")) for item in items(excluded))
    assert "files:project" in items(excluded)
    assert "volume:three" in davit("backup", "--stack", stack.name, "--only", "volume:three", code=10).stderr

    quiet = davit("backup", "--stack", stack.name, "--quiet")
    assert quiet.stderr == ""
    listed = davit.json("ls")
    assert len(listed) == 4
    assert quiet.stdout == listed[-1]["id"] + "\n"
    shown = davit.json("show", "--stack", stack.name, listed[0]["id"])
    assert sorted(items(shown)) == whole and shown["id"] == listed[0]["id"]


def test_a_directory_that_is_gone_is_not_made_and_not_covered(stack, davit):
    """The container still has the one that was moved away; the Engine would make an empty one for whoever looks into it."""
    moved = stack.directory.with_name("moved")
    stack.directory.rename(moved)
    try:
        plan = davit.json("backup", "--stack", stack.name, "--dry-run")
        assert "bind:config" not in items(plan)
        [why] = [each["why"] for each in plan["not_covered"] if each["what"] == "bind:config"]
        assert "there is nothing at" in why
        assert not stack.directory.exists()
    finally:
        moved.rename(stack.directory)


def test_what_holds_data_is_replaced_only_when_told(stack, engine, davit, tree_manifest):
    one, two = stack.volume("one"), stack.volume("two")
    before = {volume: tree_manifest(volume) for volume in (one, two)}
    davit("backup", "--stack", stack.name)
    plan = davit.json("restore", "--stack", stack.name, "--plan")
    assert "volume:one" in items(plan)
    in_use = davit("restore", "--stack", stack.name, "--replace", code=None)
    assert in_use.returncode not in (0, 3)
    assert f"volume {one} is in use by {stack.container('app')}" in in_use.stderr
    assert f"docker compose -p {stack.name} stop app" in in_use.stderr
    assert {volume: tree_manifest(volume) for volume in before} == before

    stack.down(volumes=False)
    changed = {}
    for volume in before:
        engine.in_volume(volume, "echo newer >file; rm random; echo more >more")
        changed[volume] = tree_manifest(volume)
    plan = davit("restore", "--stack", stack.name, "--plan").stdout
    assert "stands in the way" in plan and f"volume {one} holds data (2 entries" in plan and "--replace" in plan
    refused = davit("restore", "--stack", stack.name, code=None)
    assert refused.returncode == 1
    assert f"volume {one} holds data" in refused.stderr and "--replace" in refused.stderr
    assert {volume: tree_manifest(volume) for volume in changed} == changed

    assert "stands in the way" not in davit("restore", "--stack", stack.name, "--plan", "--replace").stdout
    assert tree_manifest(one) == changed[one]
    davit("restore", "--stack", stack.name, "--replace", "--only", "volume:one")
    assert differences(before[one], tree_manifest(one)) == []
    assert tree_manifest(two) == changed[two]
    davit("restore", "--stack", stack.name, "--replace", "--exclude", "volume:one")
    assert differences(before[two], tree_manifest(two)) == []


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_artefact_leaves_the_old_contents(stack, engine, davit, repository, tree_manifest, damage):
    davit("backup", "--stack", stack.name)
    stack.down(volumes=False)
    two = stack.volume("two")
    engine.in_volume(two, "echo newer >file; chown 7:8 file")
    before = tree_manifest(two)
    (artefact,) = repository.rglob("volumes/two.tar.zst")
    content = bytearray(artefact.read_bytes())
    if damage == "cut":
        artefact.write_bytes(content[:-1000])
    else:
        content[len(content) // 2] ^= 1
        artefact.write_bytes(content)
    failed = davit("restore", "--stack", stack.name, "--replace", "--only", "volume:two", code=13)
    # One of another length is found before anything is touched.
    assert {"cut": "volumes/two.tar.zst has ", "flipped": "the old contents are in place as before"}[damage] in failed.stderr
    assert tree_manifest(two) == before
    assert "volumes/two.tar.zst" in davit("verify", code=13).stdout
    stack.up(wait=False)
    assert engine.exec(stack.container("app"), "cat", "/two/file") == "newer\n"
