"""A backup by pgBackRest as a part of a stack's backup: the restore point names its set, and a restore brings back that very one."""

import json

import pytest

# What differs between versions is in test_restore.py.
pytestmark = pytest.mark.parametrize("site", ["17"], indirect=True)


def back_up(site, *args):
    made = json.loads(site.davit("backup", "--stack", site.stack.name, *args, "--json").stdout)
    (item,) = [each for each in made["items"] if each["kind"] == "postgres"]
    return made["id"], item["attributes"]


def test_the_very_set(site):
    site.db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('first')")
    first, item = back_up(site)
    assert item["set.type"] == "diff" and item["repository.volume"] == "repo" and item["stanza"] == "shop"
    listed = json.loads(site.run("pgbackrest", "info", "--json").stdout)
    assert listed["sets"][-1]["label"] == item["set"]
    site.db.sql("insert into marks values ('second')")
    second, item = back_up(site, "--pgbackrest-type", "full")
    assert item["set.type"] == "full"
    site.db.sql("insert into marks values ('third')")
    site.davit("verify", "--stack", site.stack.name, first, "--deep")
    for backup, rows in ((first, "first"), (second, "first,second")):
        refused = site.davit("restore", "--stack", site.stack.name, backup, "--only", "postgres:db", code=1).stderr
        assert "is replaced as a whole" in refused
        site.davit("restore", "--stack", site.stack.name, backup, "--only", "postgres:db", "--replace")
        assert site.rows() == rows and site.db.sql("select pg_is_in_recovery()") == "f"
        assert site.leftovers() == []


def test_a_set_that_is_gone(site):
    site.db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('as it is')")
    site.run("pgbackrest", "backup", "--type", "full")
    backup, item = back_up(site)
    site.inside("pgbackrest", "--stanza=shop", f"--set={item['set']}", "expire")
    started = site.started()
    refused = site.davit("restore", "--stack", site.stack.name, backup, "--only", "postgres:db", "--replace", code=1).stderr
    assert f"has not the set {item['set']}" in refused
    assert site.started() == started and site.rows() == "as it is" and site.leftovers() == []
    assert "has not the set" in site.davit("verify", "--stack", site.stack.name, backup, "--deep", code=13).stdout


def test_on_a_bare_host(site):
    site.db.sql("create table if not exists marks (what text); truncate marks; insert into marks values ('kept')")
    backup, _ = back_up(site, "--pgbackrest-type", "full")
    before = site.dump()
    site.stack.down(volumes=True)
    site.davit("restore", "--stack", site.stack.name, backup)
    site.stack.up(wait=False)
    site.wait()
    assert site.dump() == before
    site.inside("pgbackrest", "--stanza=shop", "check")
    assert site.leftovers() == []
