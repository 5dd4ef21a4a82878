"""`davit pg` with everything that holds more than a database: base backups, scripts of pg_dumpall, and dumps in each format; what a file
is, is told by its contents."""

import json
import subprocess

import pytest

# What differs between versions is in test_stack.py.
pytestmark = pytest.mark.parametrize("site", ["17"], indirect=True)


@pytest.fixture
def place(site, scratch):
    """A directory for dumps, which davit's container sees."""
    directory = scratch / "dumps"
    directory.mkdir()
    return directory


def pg(site, place, command, *args, **more):
    return site.davit("pg", command, "--stack", site.stack.name, "--service", "db", *args, mounts=[f"{place}:{place}"], **more)


def test_base_backup_under_another_name(site, place):
    site.db.sql("drop table if exists marks; create table marks (what text); insert into marks values ('backed up')")
    made = json.loads(pg(site, place, "basebackup", "--dir", place, "--json").stdout)
    assert made["dump"].endswith(".base.tar.zst") and made["findings"] == []
    names = sorted(path.name for path in place.iterdir())
    assert names == [made["dump"], made["dump"] + ".json", made["dump"] + ".sha256"]
    site.db.sql("insert into marks values ('later')")
    assert "is replaced as a whole" in pg(site, place, "restore", "--dir", place, made["dump"], code=1).stderr
    for name in names:
        (place / name).rename(place / name.replace(made["dump"], "anything.at.all"))
    done = pg(site, place, "restore", "--dir", place, "anything.at.all", "--replace")
    assert "whose server runs" in done.stdout
    assert site.marks() == "backed up" and site.leftovers() == []


def test_base_backup_of_ones_own(site, place):
    site.db.sql("drop table if exists marks; create table marks (what text); insert into marks values ('by hand')")
    tar = site.engine.run("exec", "-u", "postgres", site.db.container, "pg_basebackup", "-D", "-", "-F", "tar", "-X", "fetch",
                          "-c", "fast", text=False).stdout
    (place / "base.tar").write_bytes(tar)
    site.db.sql("insert into marks values ('later')")
    pg(site, place, "restore", place / "base.tar", "--replace")
    assert site.marks() == "by hand"
    (place / "base.tar").write_bytes(tar[: len(tar) // 2])
    assert pg(site, place, "restore", place / "base.tar", "--replace", code=13)
    assert site.marks() == "by hand" and site.leftovers() == []


def test_into_the_repository(site, place):
    made = json.loads(pg(site, place, "basebackup", "--json").stdout)
    assert (site.repository / "dumps" / f"{site.stack.name}-db" / made["dump"]).exists()
    pg(site, place, "restore", made["dump"], "--replace")
    pg(site, place, "dump", "--db", "postgres")
    listed = json.loads(pg(site, place, "ls", "--dir", site.repository / "dumps" / f"{site.stack.name}-db", "--json").stdout)
    assert [each["dump"] for each in listed if each["kind"] == "basebackup"] == [made["dump"]]
    assert list((site.repository / "dumps" / f"{site.stack.name}-db").glob("postgres-*.sql"))


@pytest.mark.parametrize("arguments, suffix", [(["--format", "custom"], ".sql"), (["--format", "tar"], ".tar"),
                                               (["--format", "directory"], ".dir.tar")])
def test_dump_formats(site, place, arguments, suffix):
    site.db.sql("drop database if exists shop")
    site.db.sql("create database shop")
    site.db.sql("create table goods as select i, repeat('x', i) t from generate_series(1, 300) i; create index on goods (i);"
                "select lo_from_bytea(0, 'large')", "shop")
    before = site.db.dumpall("--no-sync", "-l", "shop")
    made = json.loads(pg(site, place, "dump", "--dir", place, "--db", "shop", *arguments, "--json").stdout)
    (dump,) = made["dumps"]
    assert dump["dump"].endswith(suffix) and dump["dump"].startswith("shop-")
    site.db.sql("drop database shop")
    # By another name, and without its digest: only the contents tell.
    (place / dump["dump"]).rename(place / "nothing.known")
    if suffix == ".dir.tar":
        # And as somebody else packs a directory: it comes first itself, and its table of contents last.
        (place / "unpacked").mkdir()
        subprocess.run(["tar", "-C", place / "unpacked", "-xf", place / "nothing.known"], check=True)
        subprocess.run(["tar", "-C", place / "unpacked", "--sort", "name", "-cf", place / "nothing.known", "."], check=True)
    pg(site, place, "restore", place / "nothing.known", "--as", "shop", "--no-roles")
    assert site.db.sql("select count(*), sum(length(t)) from goods", "shop") == "300|45150"
    assert site.db.sql("select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata", "shop") == "large"
    assert len(site.db.dumpall("--no-sync", "-l", "shop")) == len(before)
    site.db.sql("drop database shop")


def test_everything_as_a_script(site, place):
    site.db.sql("drop table if exists marks, kept; drop schema if exists gone cascade")
    for name in ("pgbench_accounts", "pgbench_branches", "pgbench_history", "pgbench_tellers"):
        site.db.sql(f"drop table if exists {name} cascade")
    site.db.sql("drop extension if exists amcheck; create role clerk login password 'x'; create database shop owner clerk")
    site.db.sql("create table goods as select generate_series(1, 100) i; alter table goods owner to clerk", "shop")
    made = json.loads(pg(site, place, "dumpall", "--dir", place, "--json").stdout)
    assert made["dump"].endswith(".all.sql.zst")
    refused = pg(site, place, "restore", "--dir", place, made["dump"], code=1).stderr
    assert "holds data already (database shop)" in refused
    before = site.dump()
    site.db.sql("drop database shop")
    site.db.sql("drop role clerk")
    data = (place / made["dump"]).read_bytes()
    (place / "cut").write_bytes(data[: len(data) // 2])
    pg(site, place, "restore", "--dir", place, "cut", code=13)
    assert "shop" not in site.db.databases()
    done = json.loads(pg(site, place, "restore", "--dir", place, made["dump"], "--json").stdout)
    assert done["databases"] == ["shop"]
    assert site.dump() == before
    site.db.sql("drop database shop")
    site.db.sql("drop role clerk")


def test_a_script_with_an_error_leaves_nothing(site, place):
    script = ("--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE postgres;\nCREATE ROLE clerk;\nCREATE DATABASE shop;\n"
              "\\connect shop\ncreate table goods (i int);\nselect 1 / 0;\n--\n-- PostgreSQL database cluster dump complete\n--\n")
    (place / "all.sql").write_text(script)
    for options in (["--replace"], ["--tablespace", "fast=/srv"], ["--lock-wait", "1s"]):
        assert "is no base backup" in pg(site, place, "restore", place / "all.sql", *options, code=2).stderr
    assert "division by zero" in pg(site, place, "restore", place / "all.sql", code=1).stderr
    assert "shop" not in site.db.databases()
    assert site.db.sql("select count(*) from pg_roles where rolname = 'clerk'") == "0"
