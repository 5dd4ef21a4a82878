"""Backups by pgBackRest under load, and restores from them: everything, a point in time, one backup; refusals touch nothing."""

import json

import pytest
from support.engine import wait_until

# What the versions do differently shows in the others.
NEWEST = pytest.mark.parametrize("site", ["17"], indirect=True)


def test_backup_destroy_restore(site):
    db = site.db
    db.run("chown", "postgres:postgres", "/srv/space")
    db.sql("create tablespace fast location '/srv/space'; create table kept tablespace fast as select generate_series(1, 1000) i;"
           "create table marks (what text)")
    db.run("pgbench", "-U", "postgres", "-i", "-s", "2", "-q", "postgres")
    load = db.background("pgbench", "-U", "postgres", "-c", "2", "-T", "8", "-n", "postgres")
    made = json.loads(site.run("pgbackrest", "backup", "--type", "full", "--json").stdout)
    assert made["set"]["type"] == "full" and made["warnings"] == []
    made = json.loads(site.run("pgbackrest", "backup", "--type", "diff", "--json").stdout)
    assert made["set"]["type"] == "diff" and made["set"]["prior"].endswith("F")
    load.communicate(timeout=120)
    listed = json.loads(site.run("pgbackrest", "info", "--json").stdout)
    assert listed["sets"][-1]["label"] == made["set"]["label"]
    assert "sound" in site.run("pgbackrest", "verify").stdout
    before = site.dump()
    # The last segment reaches the archive before the files are gone: nobody could fetch it from there afterwards.
    site.inside("pgbackrest", "--stanza=shop", "check")
    site.stack.compose("stop", "db")
    site.engine.in_volume(site.stack.volume("data"), "rm -rf /v/base /v/global /v/pg_wal")
    site.engine.in_volume(site.stack.volume("space"), "rm -rf /v/PG_*")
    done = site.restore()
    assert made["set"]["label"] in done.stdout
    assert site.dump() == before
    db.run("pg_amcheck", "-U", "postgres", "--all", "--install-missing")
    assert site.leftovers() == []


def test_point_in_time(site):
    site.db.sql("create table if not exists marks (what text); truncate marks")
    site.run("pgbackrest", "backup", "--type", "full")
    for what in ("first", "second"):
        site.db.sql(f"insert into marks values ('{what}')")
    between = site.now()
    site.db.sql("insert into marks values ('third')")
    done = json.loads(site.restore("--at", between, "--json").stdout)
    assert site.rows() == "first,second"
    assert done["reached"] is not None and done["reached"] < between
    assert site.db.sql("select pg_is_in_recovery()") == "f"
    # The new timeline is archived, and backups of the old one behind the point are of no use to it.
    site.db.sql("insert into marks values ('fourth')")
    site.run("pgbackrest", "backup", "--type", "full")
    later = site.now()
    site.db.sql("insert into marks values ('fifth')")
    site.restore("--delta", "--at", later)
    assert site.rows() == "first,fourth,second"
    assert site.leftovers() == []


@NEWEST
def test_one_set(site):
    site.db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('in the set')")
    made = json.loads(site.run("pgbackrest", "backup", "--type", "full", "--json").stdout)
    site.db.sql("insert into marks values ('later')")
    site.restore("--set", made["set"]["label"])
    assert site.rows() == "in the set"
    site.run("pgbackrest", "backup", "--type", "full")


@NEWEST
@pytest.mark.parametrize("arguments, code, said", [
    (["--at", "2020-01-01 00:00:00+00"], 10, "no backup of stanza shop ended before 2020-01-01 00:00:00"),
    (["--at", "2099-01-01 00:00:00+00"], 2, "lies in the future"),
    (["--at", "2026-11-20 12:00:00"], 2, "is no point in time"),
    (["--set", "20200101-000000F"], 10, "has no set 20200101-000000F"),
    (["--stanza", "nix"], 10, "stanza nix doesn't exist"),
    (["--at", "2020-01-01 00:00:00+00", "--set", "x"], 2, "two points"),
])
def test_refusals_touch_nothing(site, arguments, code, said):
    started = site.started()
    done = site.restore(*arguments, code=code)
    assert said in done.stderr
    assert site.started() == started
    assert site.leftovers() == []


@NEWEST
def test_behind_the_last_segment(site):
    """With the server gone, nobody archives any more: what isn't in the archive can't be restored."""
    site.db.sql("create table if not exists marks (what text); insert into marks values ('x')")
    site.inside("pgbackrest", "--stanza=shop", "check")
    site.stack.compose("stop", "db")
    behind = site.engine.run("run", "--rm", "busybox", "date", "-u", "+%Y-%m-%d %H:%M:%S+00").stdout.strip()
    done = site.restore("--at", behind, code=10)
    assert "doesn't reach" in done.stderr and "its last transaction is of" in done.stderr
    assert site.stack.states()["db"] == "exited"
    site.stack.compose("start", "db")
    site.wait()


@NEWEST
def test_another_user_s_files_are_said(site):
    site.engine.run("exec", "-u", "root", site.db.container, "chown", "root:root", "/var/lib/pgbackrest/backup/shop")
    site.engine.run("exec", "-u", "root", site.db.container, "chmod", "700", "/var/lib/pgbackrest/backup/shop")
    started = site.started()
    try:
        done = site.restore(code=1)
        assert "ermission denied" in done.stderr and "give the repository" in done.stderr
        assert site.started() == started
    finally:
        site.engine.run("exec", "-u", "root", site.db.container, "chown", "postgres:postgres", "/var/lib/pgbackrest/backup/shop")


def test_recovery_that_fails_leads_back(site):
    """A segment is missing in the middle: the restored server dies at its start."""
    db = site.db
    db.sql("create table if not exists marks (what text); truncate marks")
    made = json.loads(site.run("pgbackrest", "backup", "--type", "full", "--json").stdout)
    db.sql("insert into marks values ('kept')")
    site.inside("pgbackrest", "--stanza=shop", "check")
    broken = db.sql("select pg_walfile_name(pg_current_wal_lsn())")
    db.sql("insert into marks values ('kept, too')")
    site.inside("pgbackrest", "--stanza=shop", "check")
    between = site.now()
    db.sql("insert into marks values ('last')")
    site.inside("pgbackrest", "--stanza=shop", "check")
    site.inside("sh", "-c", f"rm /var/lib/pgbackrest/archive/shop/*/*/{broken}-*")
    before = site.dump()
    done = site.restore("--at", between, code=1)
    assert "the old cluster is back, and its server runs" in done.stderr
    assert "recovery ended before configured recovery target was reached" in done.stderr
    site.wait()
    assert site.dump() == before
    assert site.leftovers() == []
    assert made["set"]["label"] in site.run("pgbackrest", "info").stdout
    site.run("pgbackrest", "backup", "--type", "full")


@NEWEST
@pytest.mark.parametrize("step", ["restoring", "swapped"])
def test_killed(site, step):
    """SIGKILL while pgBackRest restores, and when the files have changed places: the guard starts what is there."""
    import subprocess
    db = site.db
    db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('backed up')")
    site.run("pgbackrest", "backup", "--type", "full")
    db.sql("insert into marks values ('newer')")
    started = site.started()
    argv = site.on_host.argv(["pgbackrest", "restore", "--stack", site.stack.name], {})
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    volume = site.engine.inspect(site.stack.volume("data"))["Mountpoint"]
    look = [*site.engine.process(), "--", "cat", f"{volume}/.davit-restore/step"]
    wait_until(step, lambda: subprocess.run(look, capture_output=True, text=True).stdout.strip() == step or process.poll() is not None, 60)
    assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    wait_until("the service to be started", lambda: site.started() != started, 60)
    site.wait()
    wait_until("recovery to end", lambda: db.sql("select pg_is_in_recovery()") == "f", 60)
    assert site.rows() == "backed up,newer"
    wait_until("the guard to end", site.at_rest)
    done = site.restore("--settle")
    assert ("the old cluster is back" if step == "restoring" else "the restored cluster stays") in done.stdout
    site.wait()
    assert site.rows() == "backed up,newer"
    assert site.leftovers() == []
