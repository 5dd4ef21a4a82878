"""One run at a time has a stack, and what holds it goes by itself when its run dies, in whatever way."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from support.davit import Davit
from support.engine import wait_until
from support.running import Running, put_right, runs, told
from support.small_stack import SmallStack

WAYS = pytest.mark.parametrize("davit", ["container", "host"], indirect=True)


@pytest.fixture
def stack(engine):
    stack = SmallStack(engine, "head -c 60000000 /dev/urandom > blob")
    yield stack
    stack.destroy()


@WAYS
def test_second_run_is_told_who_has_the_stack(davit, stack):
    with Running(davit, stack) as first:
        run = first.labels()["davit.run"]
        second = davit("backup", "--stack", stack.name, code=11)
        assert f"stack {stack.name} is in the hands of run {run} (backup) since 20" in second.stderr
        assert "--lock-wait" in second.stderr
        refused = davit("restore", "--stack", stack.name, code=None)
        assert refused.returncode in (10, 11)  # there may be no backup yet
        assert first.state() == "running"
        first.process.send_signal(signal.SIGINT)
        first.end(130)
        assert first.state() == ""
    davit("backup", "--stack", stack.name)


def test_a_run_waits_for_another(davit, stack):
    with Running(davit, stack) as first:
        argv = davit.argv(["backup", "--stack", stack.name, "--lock-wait", "2m"], {"DAVIT_REPOSITORY": str(davit.repository)})
        with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as second:
            for line in second.stderr:
                if "waiting: stack" in line:
                    break
            first.process.send_signal(signal.SIGTERM)
            first.end(130)
            _, err = second.communicate(timeout=120)
            assert second.returncode == 0, err
    assert len(davit.json("ls")) == 1


def test_a_stack_in_hand_is_restored_by_nobody_and_verified_by_all(davit, stack):
    davit("backup", "--stack", stack.name)
    with Running(davit, stack) as first:
        refused = davit("restore", "--stack", stack.name, "--replace", "--exclude", "volume:*", code=None)
        assert refused.returncode == 11 and f"run {first.labels()['davit.run']} (backup)" in refused.stderr
        davit("verify", "--stack", stack.name, "--deep")
        assert first.state() == "running" and not runs(stack)
        first.process.send_signal(signal.SIGINT)
        first.end(130)
    assert runs(stack)
    assert len(davit.json("ls")) == 1


def test_backups_restores_and_verifications_at_once(engine, repository, binary):
    """Of the same stack they wait for one another, of different ones they don't meet; and nobody takes anything for whole
    that isn't."""
    stacks = [SmallStack(engine, f"seq {n} 30000 > numbers; echo {n} > name") for n in (1, 2)]
    ways = [Davit(way, engine, repository, binary) for way in ("host", "container")]
    try:
        before = {}
        for stack in stacks:
            ways[0]("backup", "--stack", stack.name)
            stack.stop()
            before[stack.name] = stack.contents()
        commands = []
        for number, stack in enumerate(stacks):
            own = ["--stack", stack.name]
            for args in (["backup", *own, "--lock-wait", "5m"], ["restore", *own, "--replace", "--lock-wait", "5m"],
                         ["verify", *own, "--deep"], ["backup", *own, "--lock-wait", "5m"]):
                commands.append(ways[(number + len(commands)) % 2].argv(args, {"DAVIT_REPOSITORY": str(repository)}))
        running = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                   for argv in commands]
        said = [process.communicate(timeout=300)[0] for process in running]
        for process, text in zip(running, said):
            assert process.returncode == 0, (process.args[-8:], text)
        for stack in stacks:
            assert stack.contents() == before[stack.name]
            assert not runs(stack)
        davit = ways[0]
        assert sorted(b["stack"] for b in davit.json("ls")) == sorted(3 * [stack.name for stack in stacks])
        for backup in davit.json("ls"):
            davit("verify", backup["id"], "--stack", backup["stack"], "--deep")
        assert not list((repository / ".current").glob("*")) if (repository / ".current").exists() else True
    finally:
        for stack in stacks:
            stack.destroy()


def test_runs_on_different_stacks_do_not_meet(davit, engine, stack):
    other = SmallStack(engine, "echo other > name")
    try:
        with Running(davit, stack):
            davit("backup", "--stack", other.name)
    finally:
        other.destroy()


@WAYS
def test_the_guard_of_a_killed_run_puts_right_what_it_held(davit, stack):
    with Running(davit, stack) as running:
        assert not runs(stack)
        running.kill()
        put_right(running)
        running.process.communicate(timeout=60)
    assert f"of stack {stack.name} had died: unpaused service app again" in told(davit, running)
    assert davit.json("ls") == []
    davit("backup", "--stack", stack.name)
    assert len(davit.json("ls")) == 1


@WAYS
def test_a_run_that_loses_its_guard_fails(davit, engine, stack):
    with Running(davit, stack) as running:
        engine.run("rm", "-f", "-v", running.guard)
        assert f"the guard {running.guard} is lost" in running.end(1)
        assert runs(stack)
    assert davit.json("ls") == []


@WAYS
def test_a_guard_that_was_killed_goes_with_its_run(davit, engine, stack):
    with Running(davit, stack) as running:
        engine.run("kill", running.guard)
        assert "is lost" in running.end(1)
        assert runs(stack)
        wait_until("the guard to go", lambda: running.state() == "", 60)


def test_a_guard_that_was_killed_with_its_run_does_its_work_for_the_next_command(engine, repository, binary, stack):
    davit = Davit("host", engine, repository, binary)
    with Running(davit, stack) as running:
        running.process.send_signal(signal.SIGSTOP)
        engine.run("kill", running.guard)
        running.process.kill()
        running.process.communicate(timeout=60)
        assert running.state() == "exited" and not runs(stack)
    said = davit("ls", "--quiet").stderr
    assert "warning: run " in said and "unpaused service app again" in said and running.state() == ""
    assert runs(stack)


def test_a_davit_that_hangs_counts_as_dead(engine, repository, binary, stack):
    davit = Davit("host", engine, repository, binary)
    with Running(davit, stack) as running:
        running.process.send_signal(signal.SIGSTOP)
        # Half a minute is what it is given.
        wait_until("the service to run again", lambda: runs(stack), 45)
        # Engines (26.1) take a helper for running as long as its output waits for a client that hangs: so the guard can
        # remove it, and end, when davit goes on.
        running.process.send_signal(signal.SIGCONT)
        said = running.end(None)
        put_right(running)
    # By itself, or the next command does.
    assert "unpaused service app again" in said + told(davit, running)
    assert davit.json("ls") == []


def test_what_davit_was_started_to_ignore_does_not_end_it(engine, repository, binary, stack):
    davit = Davit("host", engine, repository, binary)
    with Running(davit, stack, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as running:
        running.process.send_signal(signal.SIGHUP)
        assert running.end(0).count("error") == 0
    assert len(davit.json("ls")) == 1


def test_a_stream_that_was_closed_is_in_nobodys_way(engine, repository, binary, stack):
    davit = Davit("host", engine, repository, binary)
    with Running(davit, stack, preexec_fn=lambda: os.closerange(0, 3)) as running:
        assert {os.readlink(f"/proc/{running.process.pid}/fd/{number}") for number in (0, 1, 2)} == {"/dev/null"}
        running.process.send_signal(signal.SIGTERM)
        running.end(130)
    assert runs(stack)


def test_nobody_is_held_because_nobody_reads(engine, repository, binary, stack):
    """As with a terminal that is held with ^S: what davit has to say finds no room."""
    davit = Davit("host", engine, repository, binary)
    engine.in_volume(stack.volume, "rm blob; echo x > x")
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        argv = davit.argv(["backup", "-v", "--stack", stack.name], {"DAVIT_REPOSITORY": str(repository)})
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writer, text=True, timeout=90)
        assert done.returncode == 0 and "volume:data       paused" in done.stdout
    finally:
        os.close(reader)
        os.close(writer)
    assert runs(stack)


def test_what_a_guard_may_do(davit, engine, stack):
    with Running(davit, stack) as running:
        guard = engine.inspect(running.guard)
    host = guard["HostConfig"]
    assert not host["Privileged"] and host["ReadonlyRootfs"] and host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"] and "no-new-privileges" in host["SecurityOpt"]
    assert sorted(mount["Destination"] for mount in guard["Mounts"]) == ["/davit", "/var/run/docker.sock"]
    assert not [name for name in json.dumps(guard["Config"]["Env"] or []) if "DAVIT" in name]


def test_a_guard_without_the_engine_is_refused_before_anything_is_done(davit, engine, stack, scratch):
    (scratch / "no-socket").write_text("")
    refused = davit("backup", "--stack", stack.name, code=None, env={"DAVIT_ENGINE_SOCKET": str(scratch / "no-socket")})
    assert refused.returncode == 1
    assert "the guard can't reach the Engine" in refused.stderr and "DAVIT_ENGINE_SOCKET" in refused.stderr
    missing = davit("backup", "--stack", stack.name, code=None, env={"DAVIT_ENGINE_SOCKET": str(scratch / "nothing")})
    assert missing.returncode == 1 and "DAVIT_ENGINE_SOCKET" in missing.stderr
    assert davit.json("ls") == []
