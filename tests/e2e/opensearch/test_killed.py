"""davit is killed by SIGKILL while indices are replaced: its guard leads everything back, or, where the restore was decided,
on, and nothing of it is left in the cluster."""

import os

import pytest

from support.engine import wait_until
from support.restoring import Restoring

OLD, NEW = "before", "backed up"


def step(name):
    return lambda entries: any(each["kind"] == "search" and each["step"] == name for each in entries)


# In the journal of the run.
STEPS = {
    "placing": step("placing"),
    "saving": step("saving"),
    "replacing": step("replacing"),
    "decided": lambda entries: any(each["kind"] == "decided" for each in entries),
}
# What the server is asked is seen on its way: the first request of that kind ends davit, before it comes to the server or
# right behind that.
REQUESTS = {"deleted": False, "restoring": True}
ALL = [*STEPS, *REQUESTS]
# The others are for a long evening.
MOMENTS = ALL if os.environ.get("DAVIT_E2E_DEATHS") == "all" else ["deleted", "decided"]


def put(site, mark):
    site.clear()
    for name in ("books", "films"):
        site.search.fill(name, {n: {"mark": mark, "text": f"{n} " * 200} for n in range(1500)})
    site.search.fill("only-" + mark.split()[0], {1: {"mark": mark}})


def marks(site):
    found = {}
    for name in site.search.indices():
        found[name] = sorted({each["mark"] for each in site.search.documents(name).values()}), site.search.count(name)
    return found


def restoring_in(site):
    return Restoring(site.host, site.stack.name, "--only", "search:*", "--replace")


def die_at_step(site, moment):
    restoring = restoring_in(site)
    try:
        restoring.wait(STEPS[moment])
    finally:
        restoring.kill()
    restoring.wait_for_guard()


def die_at_request(site, moment, killing, backup):
    # With the backup's name, which davit's own program, on its way into a helper, can't have in it.
    word = f"davit-{backup.lower()}/_restore?".encode()
    code, out, err = killing.run(site.host, "restore", "--stack", site.stack.name, "--only", "search:*", "--replace",
                                 word=word, passed=REQUESTS[moment])
    assert code == -9, (code, out, err)
    guard = f"davit-guard-{site.stack.name}"
    wait_until("the guard to end", lambda: site.engine.state(guard) in ("", "exited"), 60)


@pytest.mark.parametrize("moment", MOMENTS)
def test_davit_is_killed(site, moment, killing):
    put(site, NEW)
    backup = site.back_up()
    new = marks(site)
    put(site, OLD)
    old = marks(site)
    snapshots = site.own_snapshots()
    # What only the old state has is not in the backup, and stays.
    after = {**new, "only-before": old["only-before"]}
    if moment in STEPS:
        die_at_step(site, moment)
    else:
        die_at_request(site, moment, killing, backup)
    # What was not decided when we looked at the journal may have been a moment later.
    assert marks(site) in ([after] if moment == "decided" else [old, after] if moment == "replacing" else [old])
    assert site.left() == []
    assert site.own_snapshots() == snapshots
    # Clients may write again, and the next restore makes it good.
    site.search.add("books", {"more": {"mark": OLD}})
    site.host("restore", "--stack", site.stack.name, "--only", "search:*", "--replace")
    assert marks(site) == after
    assert site.left() == []


def test_the_server_is_killed_while_it_restores(site):
    """What was replaced comes back as soon as the server does."""
    put(site, NEW)
    site.back_up()
    put(site, OLD)
    old = marks(site)
    restoring = restoring_in(site)
    try:
        restoring.wait(STEPS["replacing"])
        site.engine.run("kill", site.search.container)
        out, err = restoring.process.communicate(timeout=400)
        assert restoring.process.returncode not in (0, 3), out + err
    finally:
        restoring.kill()
    site.engine.run("start", site.search.container)
    site.search.wait()
    restoring.wait_for_guard()
    wait_until("the old indices", lambda: marks(site) == old, 60)
    wait_until("everything else to go", lambda: site.left() == [], 60)
    site.host("ls")  # tells what the guard has done, if no other command has, and removes it
