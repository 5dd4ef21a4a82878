"""The first seed, as a whole: everything that its system needs in one backup, and back by one command, onto a host that has only
Docker, and onto the old one when nothing is left there."""

import shutil

from support.hoss import KEY_OWNER, PASSWORDS, UNCOVERED
from support.rabbitmq import MESSAGES
from support.tree import differences

COVERED = ["postgres:db", "search:search", "ldap:ldap", "rabbitmq:rabbitmq", "volume:auth-secrets", "volume:rabbitmq-data", "bind:core",
           "bind:auth", "bind:sync", "bind:elasticsearch", "files:project", "stack:definition"]


def nothing_to_do(hoss):
    """`docker compose up -d` finds everything as it should be: no container is made, made anew or even started."""
    before = hoss.ids()
    said = hoss.stack.compose("up", "-d").stderr
    assert hoss.ids() == before
    done = [line for line in said.splitlines() if not line.strip().endswith((" Running", " Waiting", " Healthy"))]
    assert not [line for line in done if line.strip()], said


def runs(hoss):
    """Every service that ran runs, and is healthy where it can be."""
    states = [hoss.engine.inspect(name)["State"] for name in hoss.ids()]
    assert len(states) == 10
    assert [s["Status"] for s in states] == ["running"] * 10
    assert {s["Health"]["Status"] for s in states if "Health" in s} == {"healthy"}


def is_back(site, hoss):
    facts = hoss.facts(site.facts["broker"]["counts"])
    for what, before in site.facts.items():
        assert facts[what] == before, what
    assert differences(site.files, hoss.project_files()) == []
    secrets = hoss.secret_files()
    assert differences(site.secrets, secrets) == []
    key = secrets[b"private.pem"]
    assert (key["mode"], key["uid"], key["gid"]) == (0o600, *KEY_OWNER)
    for volume in UNCOVERED.values():
        assert hoss.engine.in_volume(hoss.stack.volume(volume), "ls -A") == ""
    # What can only be looked at by taking it comes last.
    assert hoss.rabbit.take_all() == MESSAGES


def test_the_plan_says_what_is_covered_and_what_is_not(site):
    for item in COVERED:
        assert item in site.planned, site.planned
    for service, volume in UNCOVERED.items():
        [line] = [line for line in site.planned.splitlines() if f"volume:{volume}" in line]
        assert "davit.enable" in line and service in line, site.planned
    for secret in PASSWORDS.values():
        assert secret not in site.planned + site.said.stdout + site.said.stderr


def test_the_stacks_own_env_file_says_where_backups_are(site, engine):
    """A davit that is told nothing but the stack's name, and has BACKUP_ROOT mounted."""
    said = site.davit(engine, site.hoss.root)("ls", "--stack", site.hoss.stack.name, repository=False)
    assert f"{site.hoss.root} (BACKUP_ROOT of {site.hoss.stack.directory}/.env)" in said.stderr
    assert said.stdout.count(site.hoss.stack.name) == 1


def test_onto_an_engine_that_knows_nothing(site, engine, other_engine):
    hoss = site.hoss.on(other_engine)
    with site.carried_away() as carried:
        davit, file = site.davit(other_engine, carried), carried / "hoss.tar"
        plan = davit("restore", file, "--plan", repository=False).stdout
        for service in ("core", "search", "ldap"):
            assert f"{hoss.stack.name}-{service}-1" in plan, plan
        assert hoss.ids() == {} and not hoss.stack.directory.exists()

        davit("restore", file, repository=False, timeout=900)
        runs(hoss)
        nothing_to_do(hoss)
        is_back(site, hoss)
        hoss.stack.down()


def test_onto_the_same_one_when_nothing_is_left(site, engine):
    hoss = site.hoss
    hoss.stack.down()
    shutil.rmtree(hoss.stack.directory)
    assert hoss.ids() == {}
    davit = site.davit(engine, hoss.root)
    davit("restore", "--stack", hoss.stack.name, "latest", timeout=900)
    runs(hoss)
    nothing_to_do(hoss)
    # The next backup is one like any other, also for the new cluster that finds the old one's snapshots.
    site.backup()
    [old, new] = davit.json("ls")
    items = [{(item["kind"], item["name"]) for item in davit.json("show", backup["id"])["items"]} for backup in (old, new)]
    assert items[0] == items[1]
    is_back(site, hoss)
