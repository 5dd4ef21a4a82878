"""Repositories that can't be written, and places that are too small."""

import os
import subprocess

import pytest
from support.engine import host_process
from support.refusal import CODES, manifests, said, staging


def test_parent_is_missing(davit, refuses, stack):
    refuses(davit, ["backup", "--stack", stack.name, "--repository", "/nonexistent/a/b"], "not-found",
            "repository /nonexistent/a/b", "create the directory above it")


def test_repository_is_a_file(davit, refuses, stack, scratch):
    (scratch / "file").write_text("x")
    refuses(davit, ["backup", "--stack", stack.name, "--repository", str(scratch / "file")], "usage", "not a directory$", None)
    assert (scratch / "file").read_text() == "x"


def test_reading_from_where_nothing_is(davit, refuses, scratch):
    for args in (["ls"], ["verify"], ["restore"], ["show", "latest"]):
        refuses(davit, [*args, "--repository", str(scratch / "none")], "not-found", "/none", "check its path")
    assert not (scratch / "none").exists()


def test_mode_forbids(docker_user, refuses, stack, repository):
    os.chown(repository, 0, 0)
    repository.chmod(0o755)
    refuses(docker_user, ["backup", "--stack", stack.name], "failed", "permission denied", "owner and mode")
    assert list(repository.iterdir()) == []


def test_mounted_read_only(engine, stack, scratch, davit):
    done = engine.run("run", "--rm", "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", f"{scratch}:/repo:ro",
                      davit.IMAGE, "backup", "--stack", stack.name, "--repository", "/repo", check=False)
    assert done.returncode == 1
    assert "read-only file system\nhint: mount that file system read-write" in done.stderr
    assert [p.name for p in scratch.iterdir() if p.name not in ("backups",)] == []


def test_in_a_container_that_takes_it_along(engine, stack, davit):
    done = engine.run("run", "--rm", "-v", "/var/run/docker.sock:/var/run/docker.sock", davit.IMAGE, "backup", "--stack",
                      stack.name, "--repository", "/repo", check=False)
    assert done.returncode == CODES["usage"] and done.stdout == ""
    assert "repository /repo is in davit's own container" in done.stderr and "-v /srv/backups:/repo" in done.stderr


@pytest.fixture
def tmpfs(engine):
    """tmpfs(size) → (volume, container that holds it): a small disk."""
    made = []

    def make(size):
        name = f"e2ebadfs{len(made)}{os.getpid()}"
        made.append(name)
        engine.run("volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o=size={size}", name)
        engine.run("run", "-d", "--init", "--name", name, "-v", f"{name}:/repo", "busybox", "sleep", "900")
        return name

    yield make
    for name in made:
        engine.run("rm", "-f", name, check=False)
        engine.run("volume", "rm", "-f", name, check=False)


def test_disk_is_full(engine, small_stack, tmpfs, davit):
    big = small_stack("head -c 12000000 /dev/urandom >big; echo last >zz")
    disk = tmpfs("6m")
    command = ["run", "--rm", "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", f"{disk}:/repo", davit.IMAGE,
               "--repository", "/repo"]
    done = engine.run(*command, "backup", "--stack", big.name, check=False)
    assert done.returncode == 1, done.stderr
    assert "no space left on device\nhint: free space on that file system, then run again" in done.stderr
    assert "error: back up volume:data: " in done.stderr
    left = engine.exec(disk, "find", "/repo", "-mindepth", "1", "!", "-name", ".*").split()
    assert [name for name in left if name not in ("/repo/backups",)] == []
    assert engine.run(*command, "ls").stdout.startswith("no backups in /repo")
    # What was written is free again: a backup that fits is made.
    engine.exec(big.container, "rm", "/v/big")
    engine.run(*command, "backup", "--stack", big.name)
    assert big.name in engine.run(*command, "ls").stdout


@pytest.fixture
def small_disk(scratch):
    """A directory of the host that is a file system of 16 MB."""
    path = scratch / "disk"
    path.mkdir()
    enter = ["nsenter", "-t", host_process(), "-m"]
    subprocess.run([*enter, "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run([*enter, "umount", str(path)], check=True)


def test_restore_into_a_disk_that_is_too_small(davit, refuses, small_stack, small_disk, repository):
    # The old contents stay until the new ones are complete: both together don't fit.
    small = small_stack("head -c 10000000 /dev/urandom >big; echo old >a", "type=none", "o=bind", f"device={small_disk}")
    davit("backup", "--stack", small.name)
    small.stop()
    small.engine.in_volume(small.volume, "echo changed >a; chown 7:8 a")
    before = small.contents()
    refuses(davit, ["restore", "--stack", small.name, "--replace", "latest"], "exists", r"is refused\n  - volume .* free, and the restore needs 10 MB beside the old contents$", "free some space")
    assert small.contents() == before
    assert len(manifests(repository)) == 1 and staging(repository) == []


def test_repository_in_the_stack_itself(davit, small_stack, scratch):
    """Under a path that no name tells: the volume's device. It becomes no part of a backup, and no restore takes it along."""
    place = scratch / "place"
    (place / "deep" / "repository").mkdir(parents=True)
    small = small_stack("echo old >a", "type=none", "o=bind", f"device={place}")
    here = ["--repository", str(place / "deep" / "repository")]
    for _ in range(2):
        done = davit("backup", "--stack", small.name, *here, code=3)
        assert "deep/repository: holds backups of davit itself, not stored" in done.stderr + done.stdout, done
    before = davit("ls", *here).stdout
    assert before.count(small.name) == 2
    small.stop()
    (place / "a").write_text("new")
    refused = davit("restore", "--stack", small.name, "--replace", "latest", *here, code=CODES["exists"])
    said(refused.stderr, "holds the repository of davit itself", "--exclude")
    assert davit("ls", *here).stdout == before
    assert (place / "a").read_text() == "new"
    davit("verify", *here)


def test_a_report_that_cannot_be_written(davit, stack, repository):
    argv = davit.argv(["backup", "--stack", stack.name], {"DAVIT_REPOSITORY": str(repository)})
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == CODES["failed"]
    [made] = [manifest.parent.name for manifest in manifests(repository)]
    said(done.stderr, f"backup {made} was made, but write to standard output: no space", "only the report is lost")
