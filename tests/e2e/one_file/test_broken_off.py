"""Imports and exports that end in the middle: by a full disk, a signal, kill -9, the end of a pipe."""

import subprocess

import pytest
from support.davit import Davit
from support.engine import wait_until
from support.refusal import CODES, manifests, said, staging


@pytest.fixture
def started(feed, exported, repository):
    """An import that has got half of its file, and waits for the rest."""

    def start():
        process = feed("import", "-")
        process.stdin.write(exported.bytes[:len(exported.bytes) // 2])
        process.stdin.flush()

        def staged():
            assert process.poll() is None, process.communicate()
            return any("volumes" in path for path in staging(repository))

        wait_until("something to be staged", staged)
        return process

    return start


def test_the_pipe_ends(started, davit, repository):
    process = started()
    _, err = process.communicate()
    assert process.returncode == CODES["corrupt"]
    said(err.decode(), "standard input: it is cut: it ends after [0-9]* bytes, within volumes/", "copy the file again")
    assert manifests(repository) == [] and staging(repository) == []


def test_a_signal(started, davit, repository):
    process = started()
    process.terminate()
    wait_until("davit to end", lambda: process.poll() is not None, 20)
    assert process.returncode == CODES["cancelled"], process.communicate()
    assert manifests(repository) == [] and staging(repository) == []


def test_kill_9(started, davit, exported, repository):
    process = started()
    process.kill()
    process.communicate()
    assert staging(repository) != [] and manifests(repository) == []
    done = davit("ls")
    assert "no backups in" in done.stdout and "removed what a dead run had staged: " in done.stderr, done
    assert staging(repository) == []


def test_the_rest_comes_late(started, exported, davit):
    process = started()
    out, err = process.communicate(exported.bytes[len(exported.bytes) // 2:])
    assert process.returncode == 0, err
    assert exported.id in out.decode()
    davit("verify", "--deep")


def test_an_import_into_a_bucket_ends(engine, binary, rgw, bucket, small_stack, feed, davit, scratch):
    big = small_stack("head -c 60000000 /dev/urandom >big")
    davit("backup", "--stack", big.name)
    file = davit("export", text=False).stdout
    variables = rgw.variables(DAVIT_REPOSITORY=f"s3://{bucket}/prefix", DAVIT_S3_ALLOW_HTTP="true")
    s3 = Davit("host", engine, scratch, binary)
    process = feed("import", "-", variables=variables)
    process.stdin.write(file[:-1024])
    process.stdin.flush()
    wait_until("parts of an upload", lambda: rgw.client.parts(bucket) >= 2)
    _, err = process.communicate()
    assert process.returncode == CODES["corrupt"], err
    said(err.decode(), "it is cut", "copy the file again")
    assert rgw.client.uploads(bucket) == [] and rgw.client.objects(bucket) == {}
    assert s3.json("ls", env=variables) == []


@pytest.fixture
def tmpfs(engine):
    """A volume of 4 MB, held by a container of ours."""
    name = "e2eonefile-disk"
    engine.run("volume", "create", "--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=4m", name)
    engine.run("run", "-d", "--init", "--name", name, "-v", f"{name}:/disk", "busybox", "sleep", "900")
    yield name
    engine.run("rm", "-f", name, check=False)
    engine.run("volume", "rm", "-f", name, check=False)


def test_the_disk_is_full(engine, small_stack, tmpfs, davit, scratch):
    big = small_stack("head -c 8000000 /dev/urandom >big")
    davit("backup", "--stack", big.name)
    file = scratch / "big.tar"
    davit("export", "-o", file)
    command = ["run", "--rm", "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", f"{tmpfs}:/disk", "-v", f"{scratch}:{scratch}",
               davit.IMAGE, "--repository"]
    for args in (["/disk", "import", file], [davit.repository, "export", "-o", "/disk/new.tar"]):
        done = engine.run(*command, *args, check=False)
        assert done.returncode == CODES["failed"], done
        said(done.stderr, "no space left on device", "free space")
        left = engine.exec(tmpfs, "find", "/disk", "-mindepth", "1", "-type", "f")
        assert left == "", left


def test_what_a_killed_export_left_is_cleared(davit, exported, scratch):
    out = scratch / "out"
    out.mkdir()
    (out / ".davit-0123456789abcdef").write_bytes(exported.bytes[:1000])
    (out / ".current").mkdir()
    (out / ".current" / "somebody's").mkdir()
    davit("--repository", exported.repository, "export", "-o", out / "shop.tar")
    assert sorted(path.name for path in out.iterdir()) == [".current", "shop.tar"]
    assert (out / ".current" / "somebody's").is_dir()


def test_the_reader_of_an_export_goes(davit, exported):
    process = subprocess.Popen(davit.argv(["export"], {"DAVIT_REPOSITORY": str(exported.repository)}),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(1000)
    process.stdout.close()
    assert process.wait(60) == CODES["unavailable"]
    said(process.stderr.read().decode(), "write standard output: broken pipe", None)
    process.stderr.close()
