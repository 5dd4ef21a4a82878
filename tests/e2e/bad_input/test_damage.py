"""Backups that are damaged: each is noticed by verify and by restore, and what is in the volumes stays as it is."""

import shutil

import pytest
from support.davit import SCRATCH, Davit
from support.refusal import CODES, manifests, said, staging
from support.small_stack import SmallStack

HINT = "take another backup|the old contents are in place|the name it had"
FILL = "mkdir d; seq 50000 >d/numbers; head -c 300000 /dev/urandom >random; echo x >x; chown 5:6 x"


@pytest.fixture(scope="module")
def whole(engine, binary):
    """A stack, and a repository with one whole backup of it, to be copied."""
    stack = SmallStack(engine, FILL)
    repository = SCRATCH / f"whole-{stack.name}"
    repository.mkdir(parents=True)
    Davit("host", engine, repository, binary)("backup", "--stack", stack.name)
    stack.stop()
    yield stack, repository
    shutil.rmtree(repository)
    stack.destroy()


@pytest.fixture
def damaged(whole, repository, davit):
    """damaged("path in the backup", bytes → bytes or None for a missing file) → the stack, once the copy is made."""
    stack, source = whole

    def make(name, change):
        shutil.copytree(source, repository, dirs_exist_ok=True)
        backup = manifests(repository)[0].parent
        path = next(backup.glob(name))
        changed = change(path.read_bytes())
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        return stack

    return make


def flip(where):
    def change(data):
        at = where if isinstance(where, int) else int(len(data) * where)
        changed = bytearray(data)
        changed[at] ^= 0x20
        return bytes(changed)

    return change


def cut(where):
    return lambda data: data[:where if isinstance(where, int) else int(len(data) * where)]


def is_noticed(davit, repository, stack, message, listed):
    before = stack.contents()
    verified = davit("verify", code=CODES["corrupt"])
    assert message in verified.stdout, verified.stdout
    assert davit.json("verify", code=CODES["corrupt"])["problems"] != 0
    restored = davit("restore", "--stack", stack.name, "--replace", "latest", code=CODES["corrupt"])
    said(restored.stderr, message, HINT)
    # A restore that was refused changed nothing.
    assert stack.contents() == before
    assert staging(repository) == []
    list_of = davit("ls", code=0 if listed else CODES["corrupt"])
    as_json = davit.json("ls", code=list_of.returncode)
    assert len(as_json) == 1 and ("problem" in as_json[0]) == (not listed)


@pytest.mark.parametrize("change", [flip(0), flip(0.25), flip(0.5), flip(0.75), flip(-81), flip(-10), flip(-1), cut(0), cut(0.5),
                                    cut(-1), lambda data: data + b"\n", lambda data: data.replace(b"\n", b"\r\n")],
                         ids=["first", "quarter", "middle", "three-quarters", "before-digits", "digits", "last", "empty", "half",
                              "cut-by-one", "longer", "line-ends"])
def test_manifest(davit, damaged, repository, change):
    stack = damaged("manifest.json", change)
    is_noticed(davit, repository, stack, "manifest", listed=False)
    backup = manifests(repository)[0].parent.name
    said(davit("show", backup, code=CODES["corrupt"]).stderr, f"backup {backup}: ", HINT)


@pytest.mark.parametrize("name", ["volumes/data.tar.zst", "stack/definition.json.zst"])
@pytest.mark.parametrize("change", [flip(0), flip(5), flip(0.5), flip(-1), cut(0), cut(0.5), cut(-1), lambda data: data + b"\0",
                                    lambda data: None],
                         ids=["first", "header", "middle", "last", "empty", "half", "cut-by-one", "longer", "missing"])
def test_artefact(davit, damaged, repository, name, change):
    stack = damaged(name, change)
    is_noticed(davit, repository, stack, name, listed=True)


def test_manifest_of_another_backup(davit, damaged, repository):
    stack = damaged("manifest.json", lambda data: data)
    backup = manifests(repository)[0].parent
    backup.rename(backup.with_name("20200101T000000Z-0000"))
    is_noticed(davit, repository, stack, "its manifest is that of", listed=False)


def test_a_damaged_backup_does_not_hide_the_others(davit, damaged, repository):
    stack = damaged("manifest.json", cut(0.5))
    good = davit("backup", "--stack", stack.name, "--quiet").stdout.strip()
    listed = {entry["id"]: "problem" in entry for entry in davit.json("ls", code=CODES["corrupt"])}
    assert len(listed) == 2 and listed[good] is False
    davit("restore", "--stack", stack.name, "--replace", good)


def test_no_manifest_no_backup(davit, damaged, repository):
    stack = damaged("manifest.json", lambda data: None)
    assert davit.json("ls") == []
    done = davit("restore", "--stack", stack.name, "latest", code=CODES["not-found"])
    said(done.stderr, "there is no backup", None)
