"""Backups that meet others, or a setup that doesn't let them be made: a clear word, and nothing is touched."""

import json
import re
import subprocess
import uuid

import pytest
from support.engine import wait_until
from support.postgres import Postgres

# What the versions do differently shows in the other files.
NEWEST = pytest.mark.parametrize("site", ["17"], indirect=True)


@NEWEST
def test_two_of_a_schedule_at_once(site):
    """At 00:00 the full and the differential one begin in the same second: one waits for the other."""
    argv = [[*site.davit.argv(["pgbackrest", "backup", "--stack", site.stack.name, "--json", "--type", kind], {})]
            for kind in ("full", "diff")]
    both = [subprocess.Popen(each, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for each in argv]
    ends = [(each.communicate(timeout=300), each.returncode) for each in both]
    assert [code for _, code in ends] == [0, 0], ends
    assert "".join(err for (_, err), _ in ends).count("waiting: another pgBackRest is at work on stanza shop") == 1, ends
    made = [json.loads(out)["set"] for (out, _), _ in ends]
    assert [each["type"] for each in made] == ["full", "diff"] and made[0]["label"] != made[1]["label"]


@NEWEST
def test_it_begins_at_once(site):
    """PostgreSQL would spread the checkpoint that a backup begins with over minutes; who wants that says so."""
    def checkpoints():
        said = site.engine.run("logs", site.db.container)
        return re.findall(r"checkpoint starting: (.*)", said.stdout + said.stderr)

    before = len(checkpoints())
    site.backup("diff")
    assert "immediate force wait" in checkpoints()[before:]
    site.ask("alter system set checkpoint_completion_target = 0")
    site.ask("select pg_reload_conf()")
    written = "[global:backup]\n start-fast = n\n"
    site.engine.run("exec", "-u", "root", site.db.container, "sh", "-c",
                    f"mkdir -p /etc/pgbackrest/conf.d; printf '{written}' > /etc/pgbackrest/conf.d/pace.conf")
    try:
        before = len(checkpoints())
        site.backup("diff")
        assert "force wait" in checkpoints()[before:] and "immediate force wait" not in checkpoints()[before:]
    finally:
        site.engine.run("exec", "-u", "root", site.db.container, "rm", "/etc/pgbackrest/conf.d/pace.conf")
        site.ask("alter system reset checkpoint_completion_target")
        site.ask("select pg_reload_conf()")


@NEWEST
def test_without_patience(site):
    """The lock that pgBackRest itself takes, held by nobody's backup."""
    hold = ("umask 027; mkdir -p /tmp/pgbackrest; cd /tmp/pgbackrest; exec 8>shop-backup.lock 9>shop-backup-1.lock; "
            "flock 8; flock 9; echo $$ >/tmp/held; exec sleep 600")
    holder = subprocess.Popen(["docker", "exec", "-u", "postgres", site.db.container, "sh", "-c", hold])
    try:
        wait_until("the lock", lambda: site.inside("test", "-s", "/tmp/held", check=False).returncode == 0)
        before = site.run("pgbackrest", "info").stdout
        done = site.run("pgbackrest", "backup", "--type", "full", "--lock-wait", "0", code=11)
        assert "[050]" in done.stderr and "hint: another pgBackRest is at work" in done.stderr
        done = site.run("pgbackrest", "backup", "--type", "full", "--lock-wait", "7s", code=11)
        assert "waiting: another pgBackRest" in done.stderr
        assert site.run("pgbackrest", "info").stdout == before
    finally:
        site.inside("sh", "-c", "kill $(cat /tmp/held); rm /tmp/held")
        holder.wait(30)
    assert site.run("pgbackrest", "backup", "--type", "diff", "--lock-wait", "0").returncode == 0


@NEWEST
def test_a_server_that_is_up_is_not_stopped_from_inside(site, binary):
    """Its container would end with it, and with that whoever restores."""
    site.engine.run("cp", str(binary), f"{site.db.container}:/usr/local/bin/davit")
    started = site.started()
    done = site.engine.run("exec", site.db.container, "davit", "pgbackrest", "restore", "--stanza", "shop", check=False)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "the server can't be stopped from here" in done.stderr and "hint: run davit outside" in done.stderr
    assert site.started() == started and site.leftovers() == []


LONE = """
services:
  db:
    image: davit-test/postgres-pgbackrest:{version}
    environment: {{POSTGRES_PASSWORD: first secret, PGBACKREST_PG1_PATH: /var/lib/postgresql/data,
                  PGBACKREST_REPO1_RETENTION_FULL: 2, PGBACKREST_STANZA: db, PGBACKREST_ARCHIVE_TIMEOUT: 5}}
    volumes: ["data:/var/lib/postgresql/data", "repo:/var/lib/pgbackrest"]
  # What is in a tmpfs goes with its last container.
  keeper: {{image: busybox, init: true, command: [sleep, "3600"], volumes: ["repo:/v"]}}
volumes:
  data:
  repo: {{driver_opts: {{type: tmpfs, device: tmpfs, o: "size={size},uid=999,mode=750"}}}}
"""


@pytest.fixture
def lone(compose, davit):
    """lone(version, size of the repository) → its stack, where nothing is archived yet."""
    def make(version, size):
        stack = compose(LONE.format(version=version, size=size), wait=False, name=f"e2epbl{uuid.uuid4().hex[:8]}")
        db = Postgres(stack)
        wait_until("the server", lambda: stack.engine.run("exec", db.container, "pg_isready", "-q", "-h", "127.0.0.1",
                                                          check=False).returncode == 0)
        return stack, db
    return make


@pytest.mark.parametrize("version", ["17", "15"])
def test_archiving_is_off(lone, davit, version):
    stack, db = lone(version, "200m")
    stack.engine.run("exec", "-u", "postgres", db.container, "pgbackrest", "--stanza=db", "stanza-create")
    started = db.sql("select pg_postmaster_start_time()")
    for command in (["backup", "--type", "full"], ["restore"]):
        done = davit("pgbackrest", command[0], "--stack", stack.name, *command[1:], code=2)
        assert "archive_mode" in done.stderr and "hint: archiving is off" in done.stderr, done.stderr
    assert db.sql("select pg_postmaster_start_time()") == started
    assert "no backups" in davit("pgbackrest", "info", "--stack", stack.name).stdout
    # And this is what mends it.
    assert "restarted the server" in davit("init", "--stack", stack.name).stdout


def test_the_repository_is_full(lone, davit):
    stack, db = lone("17", "40m")
    davit("init", "--stack", stack.name)
    davit("pgbackrest", "backup", "--stack", stack.name, "--type", "full")
    before = davit("pgbackrest", "info", "--stack", stack.name).stdout
    db.run("sh", "-c", "cat /dev/zero > /var/lib/pgbackrest/ballast || true")
    db.sql("create table t as select n, md5(n::text) from generate_series(1, 1000) n")
    started = stack.engine.inspect(db.container)["State"]["StartedAt"]
    done = davit("pgbackrest", "backup", "--stack", stack.name, "--type", "full", code=None)
    assert done.returncode in (1, 14) and ("No space left" in done.stderr or "archive" in done.stderr), done.stderr
    # What isn't in the archive would be gone behind a restore.
    done = davit("pgbackrest", "restore", "--stack", stack.name, code=None)
    assert done.returncode == 14 and "the newest transactions don't reach the archive" in done.stderr, done.stderr
    assert stack.engine.inspect(db.container)["State"]["StartedAt"] == started
    assert db.run("ls", "-A", "/var/lib/postgresql/data").count(".davit") == 0
    db.run("rm", "/var/lib/pgbackrest/ballast")
    assert davit("pgbackrest", "info", "--stack", stack.name).stdout.split("\n")[2:] == before.split("\n")[2:]
    wait_until("the archive to go on", lambda: davit("pgbackrest", "restore", "--stack", stack.name, code=None).returncode == 0, 120)
    wait_until("recovery", lambda: db.sql("select count(*) from t") == "1000")
