"""Backups that end in the middle: by a signal, by kill -9, by the death of their helper."""

import json
import signal
import subprocess

import pytest
from support.engine import wait_until
from support.refusal import CODES, manifests, said, staging

# Text that zstd 19 takes long for, so that the middle of the backup is easily met.
SLOW = "for n in 1 2 3; do seq 1 700000 | sed s/^/$n/ >slow$n; done"


@pytest.fixture
def started(engine, davit, small_stack, repository):
    """started(*flags) → (stack, process of a backup, its helper's name), once the helper runs."""
    processes = []

    def start(*flags):
        stack = small_stack(SLOW)
        argv = davit.argv(["backup", "--stack", stack.name, "--compress", "zstd:19", *flags], {"DAVIT_REPOSITORY": str(repository)})
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        helper = []

        def helper_runs():
            assert process.poll() is None, process.communicate()
            helper.extend(engine.containers("davit.run", status=["running"], volume=[stack.volume]))
            return helper and any("volumes" in path for path in staging(repository))

        wait_until("the helper of the backup", helper_runs)
        return stack, process, helper[0]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal(engine, davit, started, repository, number):
    stack, process, helper = started()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == CODES["cancelled"], stderr
    said(stderr, "cancelled", None)
    assert stdout == ""
    assert manifests(repository) == [] and staging(repository) == []
    assert not engine.exists("container", helper)
    assert davit.json("ls") == []


def test_signal_with_json(davit, started, repository):
    _, process, _ = started("--json")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == CODES["cancelled"] and '"code": "cancelled"' in stdout
    said(stderr, "cancelled", None)


def test_helper_is_removed(engine, davit, started, repository):
    stack, process, helper = started()
    engine.run("rm", "-f", helper)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (CODES["failed"], CODES["unavailable"]), stderr
    said(stderr, "^back up volume:data: ", None if "hint: " not in stderr else ".")
    assert manifests(repository) == [] and staging(repository) == []
    assert engine.inspect(stack.container)["State"]["Running"]
    # The helper's own volume went without its container. The next run clears it away, as `leftovers` sees.
    davit("backup", "--stack", stack.name)


def test_kill_9(engine, davit, started, repository):
    stack, process, helper = started()
    process.kill()
    process.communicate()
    left = staging(repository)
    assert left != []
    # Nobody tells the helper and the guard: they see the end of their davit, and the guard clears up.
    wait_until("the helper to go", lambda: not engine.exists("container", helper))
    if davit.way == "container":
        davit("ls", env={"DAVIT_REPOSITORY": "/read-only"}, mounts=[f"{repository}:/read-only:ro"])
        assert staging(repository) == left
    done = davit("ls", "--json")
    assert json.loads(done.stdout) == [] and staging(repository) == []
    assert "removed what a dead run had staged: " in done.stderr, done.stderr
    davit("backup", "--stack", stack.name)
    assert len(manifests(repository)) == 1 and staging(repository) == []
    davit("verify", "--deep")


def test_a_run_beside_another(engine, davit, started, small_stack, repository):
    stack, process, helper = started()
    other = small_stack("echo x >x")
    davit("backup", "--stack", other.name)
    assert process.poll() is None and engine.inspect(helper)["State"]["Running"]
    assert any(path.startswith(".current/") for path in staging(repository))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    said(stderr, "cancelled", None)
    assert [path.parent.parent.name for path in manifests(repository)] == [other.name]
