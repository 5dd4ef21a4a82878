"""davit is killed by SIGKILL while databases are replaced: its guard puts them back, all of them or, where the restore was
decided, none, and the next restore makes it good."""

import subprocess

import pytest

from support.engine import wait_until

OLD, NEW = ["backed up,newer"] * 2, ["backed up"] * 2
SWAPS = "from pg_stat_activity where application_name ~ '^davit-swap-'"
FRESH = "select count(*) from pg_database where datname ~ '^davit_restore_'"
ASIDE = "select count(*) > 0 from pg_database where datname ~ '^davit_old_'"


class Restoring:
    """davit restore --replace as a process of the host, and a session to look at the server with."""

    def __init__(self, site):
        davit = site.davit_as("host")
        argv = davit.argv(["restore", "--stack", site.stack.name, "--replace"], {"DAVIT_REPOSITORY": str(site.repository)})
        self.session = site.db.session()
        self.ask("select 1")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)

    def ask(self, query):
        # Within a transaction the server's statistics stand still.
        self.session.stdin.write(f"do 'begin perform pg_stat_clear_snapshot(); end'; {query};\n")
        self.session.stdin.flush()
        return self.session.stdout.readline().strip()

    def wait(self, query, answer):
        wait_until(query, lambda: self.ask(query) == answer or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.process.communicate()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.session.stdin.close()
        self.session.wait(60)
        self.session.stdout.close()
        self.session.stderr.close()


def guard_has_ended(site):
    """What it did stays to be told by the next command, or there was nothing."""
    guard = f"davit-guard-{site.stack.name}"
    wait_until("the guard to end", lambda: site.engine.state(guard) in ("", "exited"), 120)


def settled(site):
    """The guard of a dead run has put right what that had in its hands, and nothing goes on in the server."""
    guard_has_ended(site)
    site.db.wait("select count(*) = 0 from pg_stat_activity where application_name ~ '^davit'")


def made_good(site, marks):
    # As a process of the host, which can see that the other one is dead, and removes what that has left.
    site.davit_as("host")("restore", "--stack", site.stack.name, "--replace")
    assert marks(site) == NEW
    assert not [name for name in site.db.databases() if name.startswith("davit_")]


def test_while_dumps_are_restored(small, marks):
    with Restoring(small) as restoring:
        restoring.wait(FRESH, "2")
        restoring.kill()
    assert marks(small) == OLD
    settled(small)
    assert marks(small) == OLD
    made_good(small, marks)


def test_when_the_swap_waits_for_a_lock(small, marks):
    with Restoring(small) as restoring:
        # Renaming a database waits for whoever is about to change its comment.
        assert restoring.ask("begin; comment on database app is 'held'; select 1") == "1"
        restoring.wait(f"select count(*) > 0 {SWAPS} and query ~ '^ALTER DATABASE' and wait_event_type = 'Lock'", "t")
        restoring.kill()
        # It goes on where it was begun, and the guard waits for it before it leads back.
        assert restoring.ask("rollback; select 2") == "2"
    settled(small)
    assert marks(small) == OLD
    made_good(small, marks)


@pytest.mark.parametrize("moment", [f"select count(*) > 0 {SWAPS}", ASIDE], ids=["begun", "done"])
def test_while_names_change(small, marks, moment):
    with Restoring(small) as restoring:
        wait_until(moment, lambda: restoring.ask(moment) == "t" or restoring.process.poll() is not None)
        restoring.kill()
    settled(small)
    assert marks(small) in (OLD, NEW)
    made_good(small, marks)


def test_in_a_one_off_container(small, marks, engine):
    """Two servers on one volume would destroy it: the guard ends the one that the dead run has left."""
    small.stack.compose("stop")
    davit = small.davit_as("host")
    argv = davit.argv(["restore", "--stack", small.stack.name, "--replace"], {"DAVIT_REPOSITORY": str(small.repository)})

    def servers():
        return list(engine.containers("davit.role=one-off", volume=[small.stack.volume("pgdata")], status=["running"]))

    def restores():
        assert process.poll() is None, process.communicate()
        found = servers()
        return found and engine.exec(found[0], "psql", "-X", "-At", "-U", "postgres", "-d", "template1", "-c", FRESH,
                                     check=False).strip() in ("1", "2", "3")

    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        wait_until("databases to be restored in a one-off container", restores, 120)
        process.kill()
        process.communicate()
    guard_has_ended(small)
    assert servers() == []
    done = davit("restore", "--stack", small.stack.name, "--replace")
    assert "the databases of service db have their old contents again" in done.stderr, done.stderr
    small.stack.compose("start")
    small.stack.wait_healthy("db")
    assert marks(small) == NEW
