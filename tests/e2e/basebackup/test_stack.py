"""A base backup as a part of a stack's backup: taken under load, held against its manifest, restored into a server that runs,
into one that is down, and on a bare host; a restore that fails leads back."""

import json
import subprocess
import time

import pytest
from support.engine import wait_until

# What the versions do differently shows in the others.
NEWEST = pytest.mark.parametrize("site", ["17"], indirect=True)


def back_up(site):
    made = json.loads(site.run("backup", "--json").stdout)
    shown = json.loads(site.run("show", made["id"], "--json").stdout)
    (item,) = [each for each in shown["items"] if each["kind"] == "postgres"]
    return made["id"], item


def test_into_a_server_that_runs(site):
    site.db.run("pgbench", "-U", "postgres", "-i", "-s", "2", "-q", "postgres")
    site.db.sql("create table marks (what text); insert into marks values ('backed up')")
    load = site.db.background("pgbench", "-U", "postgres", "-c", "2", "-T", "6", "-n", "postgres")
    backup, item = back_up(site)
    load.communicate(timeout=120)
    assert item["consistency"] == "physical+wal" and item["attributes"]["form"] == "plain"
    assert site.slots() == "0" and site.leftovers() == []
    site.run("verify", backup, "--deep")
    site.db.sql("insert into marks values ('later'); create database later")
    refused = site.run("restore", backup, "--only", "postgres:db", code=1)
    assert "is replaced as a whole" in refused.stderr and site.marks() == "backed up,later"
    site.run("restore", backup, "--only", "postgres:db", "--replace")
    assert site.marks() == "backed up" and "later" not in site.db.databases()
    assert site.db.sql("select pg_is_in_recovery()") == "f"
    # What pgbench keeps in step: the backup is of one moment.
    assert site.db.sql("select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)") == "t"
    site.db.run("pg_amcheck", "-U", "postgres", "--all", "--install-missing")
    assert site.leftovers() == []


def test_with_a_tablespace_and_on_a_bare_host(site):
    site.db.run("chown", "postgres:postgres", "/srv/space")
    site.db.sql("create tablespace fast location '/srv/space'; create table kept tablespace fast as select generate_series(1, 5000) i")
    backup, item = back_up(site)
    assert item["attributes"]["form"] == "directory" and item["attributes"]["staging"] == "/mnt/.db"
    assert site.leftovers() == []
    site.run("verify", backup, "--deep")
    before = site.dump()
    site.stack.down(volumes=True)
    site.run("restore", backup)
    site.up()
    assert site.dump() == before
    assert site.db.sql("select count(*) from kept") == "5000"
    assert site.db.sql("select spclocation from (select pg_tablespace_location(oid) spclocation from pg_tablespace where spcname = 'fast') x") == "/srv/space"
    assert site.leftovers() == []
    # Into a service that is down: it stays down.
    site.db.sql("drop table kept")
    site.stack.compose("stop", "db")
    assert "holds a cluster already" in site.run("restore", backup, "--only", "postgres:db", code=1).stderr
    site.run("restore", backup, "--only", "postgres:db", "--replace")
    assert site.stack.states()["db"] == "exited"
    site.up()
    assert site.dump() == before and site.leftovers() == []


@NEWEST
def test_a_damaged_backup_is_refused_while_the_server_runs(site):
    site.db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('as it was')")
    backup, item = back_up(site)
    path = site.repository / "backups" / site.stack.name / backup / item["artefacts"][0]["path"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    started = site.started()
    assert site.run("verify", backup, "--deep", code=13).returncode == 13
    site.run("restore", backup, "--only", "postgres:db", "--replace", code=13)
    assert site.started() == started and site.marks() == "as it was" and site.leftovers() == []


class Restoring:
    """davit as a process of the host, and what the data directory says of how far it is."""

    def __init__(self, site, backup):
        self.engine = site.engine
        argv = site.on_host.argv(["restore", "--stack", site.stack.name, backup, "--only", "postgres:db", "--replace"],
                                 {"DAVIT_REPOSITORY": str(site.repository)})
        [self.step_file] = [f"{mount['Source']}/.davit-restore/step" for mount in site.engine.inspect(site.db.container)["Mounts"]
                            if mount["Destination"] == "/var/lib/postgresql/data"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def step(self):
        read = subprocess.run([*self.engine.process(), "cat", self.step_file], capture_output=True, text=True)
        return read.stdout.strip()

    def kill_at(self, step):
        end = time.monotonic() + 120
        while self.step() != step:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.002)
        self.process.kill()
        self.process.communicate()


@NEWEST
@pytest.mark.parametrize("step", ["restoring", "swapped"])
def test_killed(site, step):
    """The old cluster is back, and its server runs."""
    site.db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('backed up')")
    backup, _ = back_up(site)
    site.db.sql("truncate marks; insert into marks values ('before')")
    Restoring(site, backup).kill_at(step)
    guard = f"davit-guard-{site.stack.name}"
    wait_until("the guard to end", lambda: site.engine.state(guard) in ("", "exited"), 120)
    site.wait()
    assert site.marks() == "before"
    said = site.run("restore", backup, "--plan", code=None).stderr
    assert "the cluster of service db is the old one again, and its server runs" in said
    wait_until("nothing to be left", lambda: site.leftovers() == [], 60)
