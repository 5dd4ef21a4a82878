"""A server or davit that goes away in the middle: nothing bears a final name, and a later run clears up."""

import re
import subprocess

import pytest
from support.engine import wait_until
from support.refusal import CODES


@pytest.fixture
def large(small_stack):
    """A stack whose volume takes a while to store."""
    return small_stack("head -c 400000000 /dev/urandom >large; echo x >small")


def nothing_final(davit):
    return [key for key in davit.objects() if "/backups/" in key] == []


def later(davit, stack):
    """A run that finds what another has left, when that is old enough to be a dead one's."""
    for key in davit.objects():
        if "/.current/" in key:
            davit.server.age(davit.bucket, key)
    wait_until("the service to run again", lambda: stack.engine.inspect(stack.container)["State"]["Status"] == "running")
    stack.engine.exec(stack.container, "rm", "/v/large")
    davit("backup", "--stack", stack.name)
    assert davit.uploads() == []
    assert [key for key in davit.objects() if "/.current/" in key] == []
    assert len(davit.listed()) == 1


def test_the_server_comes_back(davit, large):
    process = davit.start_uploading("backup", "--stack", large.name)
    davit.server.kill()
    davit.server.start()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert davit.uploads() == []
    davit("verify", "--deep")


def test_the_server_stays_away(davit, large):
    process = davit.start_uploading("backup", "--stack", large.name)
    davit.server.kill()
    try:
        _, err = process.communicate(timeout=300)
    finally:
        davit.server.start()
    assert process.returncode == CODES["unavailable"], err
    assert len(re.findall(f"^error: back up volume:data: .*s3://{davit.place}", err, re.M)) == 1, err
    assert nothing_final(davit) and davit.listed() == []
    assert davit.uploads() != []
    later(davit, large)


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_davit_ends(davit, large, signal):
    process = davit.start_uploading("backup", "--stack", large.name)
    subprocess.run(["kill", f"-{signal}", str(process.pid)], check=True)
    _, err = process.communicate(timeout=60)
    assert nothing_final(davit) and davit.listed() == []
    if signal == "TERM":
        assert process.returncode == CODES["cancelled"], err
        assert davit.uploads() == [] and davit.objects() == {}
    else:
        assert process.returncode == -9
        assert davit.uploads() != []
        later(davit, large)


def test_a_server_that_says_nothing_for_a_while(davit, large):
    process = davit.start_uploading("backup", "--stack", large.name)
    with davit.server.stalled(), pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=3)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    davit("verify")


def test_the_server_comes_back_in_a_restore(davit, large):
    davit("backup", "--stack", large.name)
    large.stop()
    before = large.contents()
    large.engine.in_volume(large.volume, "rm large; echo y >small")
    sent = davit.server.sent()
    process = davit.start("restore", "--stack", large.name, "--replace", "latest")
    wait_until("a download", lambda: davit.server.sent() > sent + 30_000_000)
    davit.server.kill()
    davit.server.start()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert large.contents() == before
