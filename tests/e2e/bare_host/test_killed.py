"""A restore onto a bare host is killed: nothing is left of it, or the stack runs."""

import os

import pytest

from support.bare import SERVICES, contents, engine_state, shape, unlike
from support.davit import Davit
from support.engine import wait_until
from support.restoring import Restoring
from support.tree import differences


def has(kind, count=1):
    return lambda entries: sum(entry["kind"] == kind for entry in entries) >= count


def made(kind, count=1):
    return lambda entries: sum(entry["kind"] == kind and bool(entry.get("id")) for entry in entries) >= count


BACK = {"a network": made("network"), "places": has("place", 2), "a database": has("cluster"),
        "a container": has("container"), "three containers": made("container", 3)}
# Two of these moments tell most; "all" of them is for a long evening.
MOMENTS = BACK if os.environ.get("DAVIT_E2E_DEATHS") == "all" else ["a database", "three containers"]


@pytest.fixture
def davit(backed_up, engine, binary):
    return Davit("host", engine, backed_up.repository, binary)


@pytest.mark.parametrize("moment", MOMENTS)
def test_before_the_decision_nothing_is_left(davit, engine, here, moment):
    before = engine_state(here)
    restoring = Restoring(davit, here.name)
    try:
        restoring.wait(BACK[moment])
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    davit("ls")
    assert engine_state(here) == before
    assert not here.directory.exists() and not here.common.exists()


def test_behind_it_the_guard_starts_the_stack(davit, here, backed_up):
    restoring = Restoring(davit, here.name)
    try:
        restoring.wait(has("decided"))
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    said = davit("ls").stderr
    assert "started" in said, said
    assert here.states() == SERVICES
    here.wait_healthy("web")
    assert unlike(shape(here), backed_up.shape) == []
    found = contents(here)
    assert found["rows"] == backed_up.contents["rows"]
    assert differences(backed_up.contents["uploads"], found["uploads"]) == []


def test_davit_and_its_guard_are_killed(davit, engine, here):
    before = engine_state(here)
    restoring = Restoring(davit, here.name)
    try:
        restoring.wait(made("container", 2))
    finally:
        restoring.kill()
        engine.run("kill", restoring.guard)
    davit("ls")
    assert engine_state(here) == before
    # And it can be done anew.
    davit("restore", "--stack", here.name)
    here.wait_healthy("web")


def test_ctrl_c_while_services_start(davit, engine, here):
    """PostgreSQL takes longer to be healthy than a signal does, and everybody waits for it."""
    restoring = Restoring(davit, here.name)
    restoring.wait(has("decided"))
    restoring.process.terminate()
    out, err = restoring.process.communicate(timeout=60)
    assert restoring.process.returncode == 130, err
    assert "the backup is restored, but not every service runs" in err
    wait_until("the guard to start the others", lambda: here.states().get("sidecar") == "running", 120)
    restoring.wait_for_guard()
    davit("ls")
