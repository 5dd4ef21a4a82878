"""Files that are cut short, or altered: refused by every command, before anything is touched."""

import subprocess

import pytest
from support.refusal import CODES, manifests, said, staging

HINT = "copy the file again|unpacked|-i only"


def cut(where):
    return lambda data: data[:where if isinstance(where, int) else int(len(data) * where)]


def flip(where):
    def change(data):
        at = where if isinstance(where, int) else int(len(data) * where)
        changed = bytearray(data)
        changed[at] ^= 0x20
        return bytes(changed)

    return change


@pytest.mark.parametrize(("change", "message"), [
    (cut(0), "it is empty"),
    (cut(100), "is cut"),
    (cut(0.3), "it is cut: it has [0-9]* of [0-9]* bytes"),
    (cut(0.9), "it is cut: it has [0-9]* of [0-9]* bytes"),
    (cut(-1), "it is cut: it has [0-9]* of [0-9]* bytes"),
    (flip(3), "belongs"),
    (flip(1000), "manifest"),
    (flip(0.5), "is not what it was: SHA-256"),
    (flip(-1600), "SHA256SUMS"),
    (flip(-1), "a file holds one backup"),
    (lambda data: data + b"\0", "a file holds one backup"),
    (lambda data: data + data, "a file holds one backup"),
    (lambda data: b"no tar\n" * 1000, "no header of a tar"),
])
def test_a_damaged_file_is_refused(davit, exported, scratch, repository, change, message):
    file = scratch / "shop.tar"
    file.write_bytes(change(exported.bytes))
    before = exported.stack.contents()
    for command in (["restore", file, "--replace"], ["restore", file, "--plan"], ["verify", file]):
        done = davit(*command, code=CODES["corrupt"], repository=False)
        said(done.stderr, message, HINT)
    # A pipe has no length, so that the end of a cut file comes as a surprise.
    said(davit("import", file, code=CODES["corrupt"]).stderr, message.split(": ")[0], HINT)
    assert exported.stack.contents() == before
    assert manifests(repository) == [] and staging(repository) == []
    assert davit.json("ls") == []


def test_a_damaged_backup_is_not_exported(davit, exported, scratch, repository):
    file = scratch / "shop.tar"
    file.write_bytes(exported.bytes)
    davit("import", file)
    [manifest] = manifests(repository)
    artefact = next(manifest.parent.glob("volumes/*"))
    artefact.write_bytes(flip(0.5)(artefact.read_bytes()))
    out = scratch / "out"
    out.mkdir()
    said(davit("export", "-o", out / "new.tar", code=CODES["corrupt"]).stderr, "is not what it was: SHA-256", "take another")
    assert list(out.iterdir()) == []
    # What went to a pipe is no whole file, and everybody sees that.
    half = davit("export", code=CODES["corrupt"], text=False).stdout
    file.write_bytes(half)
    said(davit("verify", file, code=CODES["corrupt"]).stderr, "it is cut", HINT)
    artefact.unlink()
    assert davit("export", code=CODES["corrupt"], text=False).stdout == b""


@pytest.mark.parametrize("tool", ["gzip", "xz", "bzip2"])
def test_a_packed_file_says_how_it_is_unpacked(davit, exported, scratch, tool):
    file = scratch / "shop.tar"
    file.write_bytes(subprocess.run([tool, "-c"], input=exported.bytes, capture_output=True, check=True).stdout)
    said(davit("import", file, code=CODES["usage"]).stderr, f"it is packed by {tool}", f"{tool} -d")
    said(davit("restore", file, code=CODES["usage"], repository=False).stderr, f"it is packed by {tool}", f"{tool} -d")
