"""Servers that go away, and disks that fill: what is left bears no dump's name."""

import re
import subprocess

import pytest
from support.bak import MEGABYTES, PASSWORD, databases_in
from support.engine import wait_until
from support.refusal import CODES, said

ENV = {"PGPASSWORD": PASSWORD}


@pytest.fixture
def flags(server_17):
    return ["--host", "localhost", "--port", server_17.port, "--db", "large"]


def names_in(path):
    """Files, but for what begins with a dot: nobody takes that for a dump."""
    return [file.name for file in path.rglob("*") if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)]


def wait_for_bytes(path, process):
    """Until a part of a dump is in the directory, under whatever name."""

    def some():
        assert process.poll() is None, f"it ended too early: {process.communicate()}"
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) > 1_000_000

    wait_until("the dump to begin", some)


def test_a_large_database_there_and_back(bak, server_17, flags, rgw, bucket, scratch):
    """DAVIT_E2E_LARGE_MB=2048 makes it what the issue asks for."""
    before = server_17.digest("large")
    assert before.startswith(f"{MEGABYTES * 128}|")
    s3 = ["--bucket", f"s3://{bucket}/pg", "--allow-http"]
    bak("backup", *flags, *s3, env={**ENV, **rgw.variables()})
    # Noise that it is, its dump has no less bytes.
    assert sum(rgw.client.objects(bucket).values()) > MEGABYTES * 1_000_000
    [name] = databases_in(rgw.client.objects(bucket))
    assert name == "pg/large"
    server_17.db.sql("alter database large rename to before")
    try:
        bak("restore", *flags, *s3, env={**ENV, **rgw.variables()})
        assert server_17.digest("large") == before
    finally:
        server_17.drop("large")
        server_17.db.sql("alter database before rename to large")


def test_postgresql_goes_away(bak, server_17, flags, dumps):
    process = bak.start("dump", *flags, "--dir", dumps, env=ENV)
    wait_for_bytes(dumps, process)
    server_17.engine.run("kill", server_17.name)
    try:
        _, err = process.communicate(timeout=120)
        assert process.returncode in (CODES["failed"], CODES["unavailable"]), err
        # In the words of pg_dump, from there on.
        assert re.findall("^error: dump database large: pg_dump: ", err, re.M) != [], err
        assert names_in(dumps) == []
    finally:
        server_17.engine.run("start", server_17.name)
        server_17.wait()


def test_postgresql_goes_away_in_a_restore(bak, server_17, flags, dumps):
    bak("dump", *flags, "--dir", dumps, env=ENV)
    known = server_17.databases()
    process = bak.start("restore", *flags[:4], "--dir", dumps, "--as", "restored", env=ENV)

    def being_filled():
        assert process.poll() is None, f"it ended too early: {process.communicate()}"
        # An empty one has less than 8 MB.
        return server_17.db.sql("select coalesce(max(pg_database_size(oid)), 0) > 10000000 from pg_database "
                                "where datname like 'davit_restore_%'", "postgres") == "t"

    try:
        wait_until("a database that is being filled", being_filled)
        server_17.engine.run("kill", server_17.name)
        _, err = process.communicate(timeout=120)
    finally:
        server_17.engine.run("start", server_17.name)
        server_17.wait()
    assert process.returncode in (CODES["failed"], CODES["unavailable"]), err
    assert "restored" not in server_17.databases().split("\n")
    # The next one clears up.
    bak("restore", "--host", "localhost", "--port", server_17.port, "--dir", dumps, "--as", "restored", env=ENV)
    try:
        assert server_17.digest("restored") == server_17.digest("large")
    finally:
        server_17.drop("restored")
    assert server_17.databases() == known


def test_the_s3_server_goes_away(bak, flags, rgw, bucket):
    env = {**ENV, **rgw.variables()}
    process = bak.start("backup", *flags, "--bucket", bucket, "--allow-http", env=env)

    def uploading():
        assert process.poll() is None, f"it ended too early: {process.communicate()}"
        return rgw.client.parts(bucket) >= 1

    wait_until("parts of an upload", uploading)
    rgw.kill()
    try:
        _, err = process.communicate(timeout=300)
    finally:
        rgw.start()
    assert process.returncode == CODES["unavailable"], err
    assert len(re.findall(f"^error: .*s3://{bucket}", err, re.M)) == 1, err
    assert [key for key in rgw.client.objects(bucket) if not key.startswith(".current/")] == []
    # And it comes back.
    process = bak.start("backup", *flags, "--bucket", bucket, "--allow-http", env=env)
    wait_until("parts of an upload", uploading)
    rgw.kill()
    rgw.start()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert databases_in(rgw.client.objects(bucket)) == ["large"]


def test_a_full_disk(bak, server_17, flags, small_disk):
    done = bak("dump", *flags, "--dir", small_disk, env=ENV, code=CODES["failed"])
    said(done.stderr, "no space left on device", "free space")
    assert names_in(small_disk) == []
    # What it had written is gone, so there is room for another.
    bak("dump", "--host", "localhost", "--port", server_17.port, "--db", "postgres", "--dir", small_disk, env=ENV)
    assert databases_in(names_in(small_disk)) == ["postgres"]


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_bak_ends(bak, flags, dumps, signal):
    process = bak.start("dump", *flags, "--dir", dumps, env=ENV)
    wait_for_bytes(dumps, process)
    subprocess.run(["kill", f"-{signal}", str(process.pid)], check=True)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (CODES["cancelled"] if signal == "TERM" else -9), err
    assert names_in(dumps) == []
    bak("dump", *flags, "--dir", dumps, env=ENV)
    assert databases_in(names_in(dumps)) == ["large"]
