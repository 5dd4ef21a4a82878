"""davit is killed at every step of a restore: the old state or the new one, and a server that runs."""

import os

import pytest
from support.engine import wait_until
from support.killing import KillingEngine

# So many deaths, spread over the requests that a whole restore makes to the Engine; "all" of them is for a long evening.
DEATHS = os.environ.get("DAVIT_E2E_DEATHS", "5")


def moments(total):
    wanted = total if DEATHS == "all" else int(DEATHS)
    return sorted({max(1, total * (2 * each + 1) // (2 * wanted)) for each in range(wanted)})


@pytest.fixture
def killing(scratch):
    proxy = KillingEngine(scratch / "engine.sock")
    yield proxy
    proxy.close()


def die(killing, site, label, at):
    code, out, err = killing.run(site.on_host, "pgbackrest", "restore", "--stack", site.stack.name, "--set", label, at=at,
                                 passed=at % 2 == 0)
    # Now and then a restore asks less often whether something is ready, and comes to its end.
    assert code == -9 or (code == 0 and len(killing.requests) < at), (code, out, err)
    return f"request {at}: {killing.requests[-1]}"


def check_settled(site, told, request, old, new):
    """What was said is so; and the next try begins with both rows."""
    rows = site.rows()
    if "old cluster" in told:
        assert rows == old, (request, told)
    elif "restored cluster" in told:
        assert rows == new, (request, told)
    assert rows in (old, new) and site.leftovers() == [], (request, told, rows, site.leftovers())
    if rows == new:
        site.insert("newer")


def settle(site, request, wrong):
    """Without a word about it the next restore would do the same, before it begins. On the same machine davit sees that the
    run is dead; in a container it would leave a guard alone for a minute that was made and not started."""
    done = site.on_host("pgbackrest", "restore", "--stack", site.stack.name, "--settle", code=None)
    assert done.returncode == 0, (request, wrong, done.stdout, done.stderr)
    site.wait()
    wait_until("recovery to end", lambda: site.ask("select pg_is_in_recovery()") == "f")
    return done.stdout


@pytest.mark.parametrize("site", ["17"], indirect=True)
def test_at_every_step(site, killing):
    """The guard has the service running again, on old files or new ones, before anybody asks for it."""
    site.ask("drop table if exists marks; create table marks (what text); insert into marks values ('backed up')")
    label = site.backup("full")
    site.insert("newer")
    code, out, err = killing.run(site.on_host, "pgbackrest", "restore", "--stack", site.stack.name, "--set", label)
    assert code == 0, (out, err)
    total = len(killing.requests)
    assert site.rows() == "backed up" and total > 40
    site.insert("newer")
    seen = set()
    for at in moments(total - 1):
        request = die(killing, site, label, at)
        wait_until(f"the service to run after {request}", lambda: site.runs() and site.at_rest(), 90)
        wait_until("recovery to end", lambda: site.ask("select pg_is_in_recovery()") == "f", 60)
        seen.add(site.rows())
        check_settled(site, settle(site, request, err), request, "backed up,newer", "backed up")
    assert "backed up,newer" in seen
    site.backup("full")


def test_at_every_step_under_the_wrapper(wrapped, killing):
    """The container lives through all of it. Where its server is stopped, it says what to do."""
    wrapped.davit("init", "--stack", wrapped.stack.name)
    wrapped.ask("drop table if exists marks; create table marks (what text); insert into marks values ('backed up')")
    label = wrapped.backup("full")
    wrapped.insert("newer")
    started = wrapped.started()
    code, out, err = killing.run(wrapped.on_host, "pgbackrest", "restore", "--stack", wrapped.stack.name, "--set", label)
    assert code == 0, (out, err)
    wrapped.insert("newer")
    states = set()
    for at in moments(len(killing.requests) - 1):
        request = die(killing, wrapped, label, at)
        wait_until("the guard to go", wrapped.at_rest, 90)
        # What was asked for is still carried out.
        wait_until("a state that lasts", lambda: wrapped.state() in ("running", "maintenance"), 60)
        state = wrapped.state()
        states.add(state)
        if state == "maintenance":
            said = wrapped.inside_davit("db", "status").stdout
            assert "a restore is under way, or was broken off: `davit pgbackrest restore --settle`" in said, (request, said)
        check_settled(wrapped, settle(wrapped, request, err), request, "backed up,newer", "backed up")
        assert wrapped.started() == started
    assert states == {"running", "maintenance"}
    wrapped.backup("full")
