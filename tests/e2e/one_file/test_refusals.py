"""What can't be done with a file, and what to do instead."""

import os
import pty
import subprocess

from support.refusal import CODES, manifests, said


def test_an_export_is_not_for_terminals(davit, exported):
    here, there = pty.openpty()
    process = subprocess.Popen(davit.argv(["export"], {"DAVIT_REPOSITORY": str(exported.repository)}), stdout=there,
                               stderr=subprocess.PIPE)
    os.close(there)
    _, err = process.communicate(timeout=60)
    os.close(here)
    assert process.returncode == CODES["usage"]
    said(err.decode(), "no text for a terminal", "redirect standard output")


def test_places_for_an_export(davit, exported, scratch):
    at = ["--repository", exported.repository, "export"]
    said(davit("--json", *at, code=CODES["usage"]).stderr, "can't both go to standard output", "--output")
    said(davit(*at, "-o", scratch, code=CODES["usage"]).stderr, "is no file", "name a new file")
    said(davit(*at, "-o", scratch / "none" / "x.tar", code=CODES["not-found"]).stderr, "no such file or directory", "check its path")
    (scratch / "there.tar").write_text("mine")
    said(davit(*at, "-o", scratch / "there.tar", code=CODES["exists"]).stderr, "file exists", "name another file")
    assert (scratch / "there.tar").read_text() == "mine"
    said(davit(*at, "2019", code=CODES["not-found"]).stderr, "there is no backup 2019", "there are")


def test_what_is_no_file(davit, exported, scratch, repository):
    missing = scratch / "missing.tar"
    for command in ("restore", "verify", "show", "import"):
        said(davit(command, missing, code=CODES["not-found"]).stderr, f"open {missing}: no such file", None)
    said(davit("import", scratch, code=CODES["usage"]).stderr, "it is a directory", "davit export")
    said(davit("restore", scratch, code=CODES["usage"]).stderr, "it is a directory", "davit export")
    said(davit("restore", "-", code=CODES["usage"]).stderr, "standard input can be read once", "davit import -")
    fifo = scratch / "fifo"
    os.mkfifo(fifo)
    said(davit("restore", fifo, code=CODES["usage"]).stderr, "read more than once", "davit import -")
    said(davit("restore", "shop.tar", "--stack", "x", code=CODES["not-found"]).stderr, "open shop.tar: no such file", None)
    said(davit("import", "-", code=CODES["corrupt"]).stderr, "standard input: it is empty", "-i")


def test_a_file_of_another_stack(davit, exported, scratch):
    file = scratch / "shop.tar"
    file.write_bytes(exported.bytes)
    said(davit("restore", file, "--stack", "other", code=CODES["not-found"]).stderr, "no backup of stack other in ",
         f"it has backups of {exported.stack.name}")


def test_another_backup_of_the_name(davit, exported, scratch, repository):
    file = scratch / "shop.tar"
    file.write_bytes(exported.bytes)
    davit("import", file)
    [manifest] = manifests(repository)
    next(manifest.parent.glob("volumes/*")).unlink()
    said(davit("import", file, code=CODES["exists"]).stderr, "already, and damaged: volumes/.* is missing", "davit verify")


def test_a_file_in_what_is_restored(davit, small_stack, scratch):
    """It would go with the old contents."""
    place = scratch / "place"
    place.mkdir()
    small = small_stack("echo old >a", "type=none", "o=bind", f"device={place}")
    davit("backup", "--stack", small.name)
    file = place / "deep.tar"
    davit("export", "-o", file)
    small.stop()
    (place / "a").write_text("new")
    said(davit("restore", file, "--replace", code=CODES["exists"], repository=False).stderr,
         "holds (the repository of davit itself, or the file that is restored|backups of davit itself)", "--exclude")
    assert (place / "a").read_text() == "new" and file.exists()


def test_a_file_that_is_not_mounted(engine, davit, exported, scratch, repository, binary):
    container = type(davit)("container", engine, repository, binary)
    said(container("restore", "/srv/shop.tar", code=CODES["not-found"]).stderr, "open /srv/shop.tar: no such file",
         "davit runs in a container, and sees what is mounted there: -v ")


def test_an_import_into_a_container_that_goes(engine, davit, exported, scratch, repository, binary):
    file = scratch / "shop.tar"
    file.write_bytes(exported.bytes)
    container = type(davit)("container", engine, repository, binary)
    refused = container("--repository", "/forgotten", "import", "/shop.tar", mounts=[f"{file}:/shop.tar"], code=CODES["usage"])
    said(refused.stderr, "in davit's own container", "mount a directory")
    # Without an Engine, which it needs for nothing else, it is warned of.
    done = subprocess.run(["docker", "run", "--rm", "-i", "--network", "none", davit.IMAGE, "--repository", "/forgotten", "import", "-"],
                          input=exported.bytes, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"is in the container that davit runs in, and goes with it" in done.stderr
