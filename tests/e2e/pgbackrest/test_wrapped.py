"""In a container that davit's wrapper runs: set up by one command, backed up and restored from inside and from outside."""

import json
import subprocess

from support.engine import wait_until


def test_init_twice(wrapped):
    done = wrapped.davit("init", "--stack", wrapped.stack.name, "--json")
    lines = json.loads(done.stdout)["done"]
    text = "\n".join(lines)
    for said in ("pg1-path=/home/postgres/pgdata/data into [poddb]", "pg1-user=admin1234", "repo1-retention-full=1",
                 "start-fast=y into [global]", "archive_command", "archive_mode", "restarted the server", "made stanza poddb"):
        assert said in text, lines
    assert wrapped.sql("show archive_mode") == "on"
    started = wrapped.sql("select pg_postmaster_start_time()")
    assert json.loads(wrapped.davit("init", "--stack", wrapped.stack.name, "--json").stdout)["done"] == []
    assert json.loads(wrapped.inside_davit("init", "--json").stdout)["done"] == []
    assert wrapped.sql("select pg_postmaster_start_time()") == started
    again = json.loads(wrapped.davit("init", "--stack", wrapped.stack.name, "--retention-full", "2", "--json").stdout)
    assert again["done"] == ["wrote repo1-retention-full=2 into [global] of /home/postgres/pgdata/backup/pgbackrest.conf"]
    wrapped.davit("init", "--stack", wrapped.stack.name, "--retention-full", "1")


def test_the_first_is_a_full_one(wrapped):
    """A schedule that begins with a differential has nothing to report as a failure."""
    wrapped.davit("init", "--stack", wrapped.stack.name)
    assert "no backups" in wrapped.inside_davit("pgbackrest", "info").stdout
    made = json.loads(wrapped.inside_davit("pgbackrest", "backup", "--type", "diff", "--json").stdout)
    assert made["set"]["type"] == "full" and made["becameFull"] is True and made["warnings"] == []
    made = json.loads(wrapped.inside_davit("pgbackrest", "backup", "--type", "diff", "--json").stdout)
    assert made["set"]["type"] == "diff" and made["becameFull"] is False


def test_differentials_go_with_their_full(wrapped):
    for kind, user in (("full", None), ("diff", "root"), ("full", "root")):
        wrapped.inside_davit("pgbackrest", "backup", "--type", kind, user=user)
    listed = json.loads(wrapped.inside_davit("pgbackrest", "info", "--json").stdout)
    assert [each["type"] for each in listed["sets"]] == ["full"]
    # Root has left nothing that keeps the server's user out.
    owners = wrapped.engine.run("exec", wrapped.db.container, "find", "/var/lib/pgbackrest", "/tmp/pgbackrest", "/var/log/pgbackrest",
                                "!", "-user", "postgres").stdout
    assert owners.strip() == ""
    assert "sound" in wrapped.inside_davit("pgbackrest", "verify").stdout


def test_point_in_time_from_inside_and_outside(wrapped):
    wrapped.make_ready()
    wrapped.sql("truncate marks")
    for what in ("first", "second"):
        wrapped.sql(f"insert into marks values ('{what}')")
    between = wrapped.now()
    wrapped.sql("insert into marks values ('third')")
    container = wrapped.engine.inspect(wrapped.db.container)["State"]["StartedAt"]
    wrapped.inside_davit("pgbackrest", "restore", "--at", between)
    assert wrapped.rows() == "first,second"
    wrapped.inside_davit("pgbackrest", "backup", "--type", "full")
    wrapped.sql("insert into marks values ('fourth')")
    between = wrapped.now()
    wrapped.sql("insert into marks values ('fifth')")
    wrapped.restore("--at", between)
    assert wrapped.rows() == "first,fourth,second"
    # The container has lived through both.
    assert wrapped.engine.inspect(wrapped.db.container)["State"]["StartedAt"] == container
    assert wrapped.state() == "running" and wrapped.leftovers() == []
    wrapped.inside_davit("pgbackrest", "backup", "--type", "full")


def test_killed_in_maintenance(wrapped):
    """davit is killed while pgBackRest restores: the old files are there, and the next command says so and starts them."""
    wrapped.make_ready()
    wrapped.insert("kept")
    before = wrapped.rows()
    argv = wrapped.on_host.argv(["pgbackrest", "restore", "--stack", wrapped.stack.name], {})
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    step = ["exec", wrapped.db.container, "cat", "/home/postgres/pgdata/data/.davit-restore/step"]
    wait_until("pgBackRest to restore", lambda: wrapped.engine.run(*step, check=False).stdout.strip() == "restoring"
               or process.poll() is not None, 60)
    process.kill()
    process.communicate()
    wait_until("the guard to end", wrapped.at_rest)
    assert wrapped.state() == "maintenance"
    assert "a restore is under way, or was broken off" in wrapped.inside_davit("db", "status").stdout
    done = wrapped.restore("--settle")
    assert "the old cluster is back, and its server runs" in done.stdout
    assert wrapped.rows() == before
    assert wrapped.leftovers() == []


def test_data_that_were_removed_by_hand(wrapped):
    """As the seed does it: the server is stopped, the data directory removed."""
    wrapped.make_ready()
    wrapped.insert("before it was removed")
    before = wrapped.rows()
    wrapped.engine.run("exec", wrapped.db.container, "pgbackrest", "--stanza=poddb", "--pg1-user=admin1234", "check")
    wrapped.inside_davit("db", "stop")
    wrapped.engine.run("exec", wrapped.db.container, "rm", "-rf", "/home/postgres/pgdata/data")
    wrapped.inside_davit("pgbackrest", "restore")
    assert wrapped.rows() == before
    assert wrapped.state() == "running" and wrapped.leftovers() == []


def test_on_a_bare_host_without_the_configuration(wrapped):
    """It lay in the volume of the cluster, as the images of TimescaleDB have it, which is no part of the backup."""
    wrapped.make_ready()
    wrapped.ask("truncate marks; insert into marks values ('kept')")
    backup = json.loads(wrapped.davit("backup", "--stack", wrapped.stack.name, "--json").stdout)["id"]
    wrapped.stack.down(volumes=True)
    restored = wrapped.davit("restore", "--stack", wrapped.stack.name, backup)
    assert "`davit init` makes it anew" in restored.stderr
    wrapped.stack.up(wait=False)
    wrapped.wait()
    assert wrapped.sql("select what from marks") == "kept" and wrapped.leftovers() == []
    wrapped.davit("init", "--stack", wrapped.stack.name)
    wrapped.backup("full")
