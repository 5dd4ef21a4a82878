"""What goes wrong with a database, or stands in the way: nothing is listed that isn't whole, nothing is touched."""

import pytest

# In the place of pg_dump, which lies beside it.
FAILING_DUMP = """#!/bin/sh
case "$*" in *app*) ;; *) exec "$0.true" "$@" ;; esac
"$0.true" "$@"
echo 'pg_dump: error: the disk under the table went away' >&2
exit 1
"""


def test_a_dump_that_fails_after_good_output(small):
    small.db.run("sh", "-c", 'at=$(command -v pg_dump) && mv "$at" "$at.true" && cat >"$at" && chmod 755 "$at"', input=FAILING_DUMP)
    before = sorted(small.repository.rglob("*"))
    try:
        failed = small.run("backup", code=1)
    finally:
        small.db.run("sh", "-c", 'at=$(command -v pg_dump) && mv "$at.true" "$at"')
    assert "the disk under the table went away" in failed.stderr and "database app" in failed.stderr, failed.stderr
    assert small.listed() == [small.backup]
    assert sorted(small.repository.rglob("*")) == before


def test_a_missing_pg_dump(small):
    # /bin and /usr/bin are the same directory.
    small.db.run("bash", "-c", 'for at in $(type -aP pg_dump); do [ ! -e "$at" ] || mv "$at" "$at.hidden"; done; ! type -P pg_dump')
    try:
        failed = small.run("backup", code=None)
    finally:
        small.db.run("bash", "-c", 'for at in $(ls /usr/bin/pg_dump.hidden /usr/lib/postgresql/*/bin/pg_dump.hidden); do '
                     'mv "$at" "${at%.hidden}"; done')
    assert failed.returncode in (1, 10), failed
    assert "has no pg_dump" in failed.stderr and "davit.postgres=off" in failed.stderr, failed.stderr
    assert small.listed() == [small.backup]


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_damaged_dump_leaves_the_old_databases(small, marks, how):
    [dump] = small.repository.rglob("zz.dump*")
    whole = dump.read_bytes()
    middle = len(whole) * 3 // 4
    damaged = whole[:middle] + (b"" if how == "cut" else bytes([whole[middle] ^ 16]) + whole[middle + 1:])
    dump.chmod(0o600)
    dump.write_bytes(damaged)
    names = small.db.databases()
    try:
        failed = small.run("restore", "--replace", code=13)
    finally:
        dump.write_bytes(whole)
    assert "zz" in failed.stderr, failed.stderr
    assert marks(small) == ["backed up,newer"] * 2
    assert small.db.databases() == names


def test_databases_changed_missing_and_additional(small, marks):
    db = small.db
    db.sql("drop database zz; create database additional; \\connect additional\ncreate table t as select 5 as n;")
    refused = small.run("restore", code=1)
    assert "database app" in refused.stderr and "--replace" in refused.stderr, refused.stderr
    assert "zz" not in db.databases()
    assert db.sql("select count(*) from state", "app") == "2"
    small.run("restore", "--replace")
    assert marks(small) == ["backed up"] * 2
    assert db.sql("select n from t", "additional") == "5"
    # What is missing only needs no leave.
    db.sql("drop database zz; drop database app; drop database additional; drop role clerk")
    small.run("restore")
    assert marks(small) == ["backed up"] * 2
    assert db.sql("select pg_get_userbyid(datdba) from pg_database where datname = 'app'") == "clerk"


def test_a_stopped_service(small, marks, engine):
    container = small.stack.container("db")
    before = engine.inspect(container)["Id"]
    small.stack.compose("stop")
    refused = small.run("restore", code=1)
    assert "--replace" in refused.stderr, refused.stderr
    small.run("restore", "--replace")
    assert small.stack.states() == {"db": "exited"}
    small.stack.compose("start")
    small.stack.wait_healthy("db")
    assert engine.inspect(small.stack.container("db"))["Id"] == before
    assert marks(small) == ["backed up"] * 2


def test_another_major_version(make_site):
    site = make_site(17)
    site.db.sql("create table t as select 'backed up' as mark")
    site.run("backup")
    site.stack.down()
    compose = site.stack.directory / "compose.yaml"
    compose.write_text(compose.read_text(encoding="utf-8").replace("postgres:17", "postgres:15"), encoding="utf-8")
    site.stack.up()
    site.db.sql("create table t as select 'newer' as mark")
    before = site.db.dumpall()

    def refuse():
        refused = site.run("restore", "--replace", code=1)
        assert "17" in refused.stderr and "15" in refused.stderr, refused.stderr

    refuse()
    assert site.db.dumpall() == before
    assert site.db.databases() == ["postgres", "template0", "template1"]
    site.stack.compose("stop")
    refuse()
    site.stack.compose("start")
    site.stack.wait_healthy("db")
    assert site.db.dumpall() == before
