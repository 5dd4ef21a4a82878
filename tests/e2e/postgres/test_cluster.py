"""A cluster with everything in it: backed up while clients write, replaced while clients read, destroyed, brought back.

The tests of a version share one server, and go in the order of the story.
"""

import subprocess

import pytest

from support.postgres_seed import ODD_NAMES, SEED
from support.engine import wait_until

VERSIONS = [15, 17]
BALANCES = """select count(*) as accounts, sum(abalance) = (select sum(delta) from pgbench_history) and
    sum(abalance) = (select sum(bbalance) from pgbench_branches) and
    sum(abalance) = (select sum(tbalance) from pgbench_tellers) as balanced,
    md5(string_agg(a::text, ',' order by aid)) as digest, (select count(*) from pgbench_history) as history
    from pgbench_accounts a"""


class Facts:
    """What is compared: the dump of all but the database that clients write to, passwords, properties, large objects."""

    def __init__(self, db):
        self.dump = db.dumpall("--exclude-database=bench")
        self.passwords = db.rows("select rolname, rolpassword, rolconnlimit, rolvaliduntil from pg_authid "
                                 "where rolname !~ '^pg_' order by rolname")
        self.members = db.rows("select roleid::regrole::text as role, member::regrole::text as member, "
                               "admin_option from pg_auth_members where member >= 16384 order by 1, 2")
        self.databases = db.rows(
            "select datname, pg_get_userbyid(datdba) as owner, pg_encoding_to_char(encoding) as encoding, datcollate, "
            "datctype, datlocprovider, datconnlimit, datacl::text, spcname, shobj_description(d.oid, 'pg_database') as "
            "comment from pg_database d join pg_tablespace t on t.oid = dattablespace where datallowconn order by 1")
        self.settings = db.rows("select datname, rolname, array(select unnest(setconfig) order by 1) as config from pg_db_role_setting left join pg_database d on "
                                "d.oid = setdatabase left join pg_roles r on r.oid = setrole "
                                "where datname is null or datallowconn order by 1, 2")
        self.large = db.rows("select oid, md5(lo_get(oid)) as digest, lomacl::text, pg_get_userbyid(lomowner) as owner "
                             "from pg_largeobject_metadata order by oid", "app")
        self.bench = db.rows(BALANCES, "bench")

    def assert_same(self, other, bench=True):
        for name, value in vars(self).items():
            if name != "bench" or bench:
                assert getattr(other, name) == value, name


@pytest.fixture(scope="module", params=VERSIONS)
def site(request, make_wide_site):
    site = make_wide_site(request.param)
    db = site.db
    # Room for a tablespace, owned by the server's user.
    db.run("install", "-d", "-o", "postgres", "-g", "postgres", "-m", "700", "/srv/space/one")
    db.sql(SEED)
    db.run("pgbench", "-i", "-q", "-s", "2", "-U", "postgres", "bench")
    site.before = Facts(db)
    clients = db.background("pgbench", "-U", "postgres", "-c", "3", "-T", "300", "-n", "bench")
    try:
        db.wait("select count(*) > 100 from pgbench_history", database="bench")
        site.plan = site.davit.json("backup", "--stack", site.stack.name, "--dry-run")
        begun = int(db.sql("select count(*) from pgbench_history", "bench"))
        site.done = site.run("backup")
        ended = int(db.sql("select count(*) from pgbench_history", "bench"))
        assert clients.poll() is None, clients.communicate()
        # They went on while the backup was made.
        assert ended > begun
        site.history = range(begun, ended + 1)
    finally:
        db.sql("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'pgbench'")
        clients.communicate(timeout=60)
    [site.backup] = site.listed()
    return site


def test_the_backup_says_what_it_holds(site):
    assert "closed" in site.done.stdout + site.done.stderr
    shown = site.davit.json("show", site.backup)
    [item] = [each for each in shown["items"] if each["kind"] == "postgres"]
    dumped = {each["attributes"]["database"] for each in item["artefacts"] if "database" in each.get("attributes", {})}
    assert dumped == {"postgres", "app", "bench", "latin", "german", *ODD_NAMES}
    assert any("closed" in each["what"] and "allows no connections" in each["why"] for each in shown["not_covered"])
    assert item["attributes"]["skipped.closed"] == "allows no connections"
    # The cluster's volumes are not also copied as files.
    assert not [each for each in shown["items"] if each["kind"] == "volume"]
    assert item["attributes"]["version"].startswith(str(site.version))


def test_replaced_while_clients_are_connected(site):
    db = site.db
    db.sql("""
        create table extra(); drop table words cascade; update notes set body = 'newer';
        alter role alice password 'other'; alter role alice reset search_path; revoke staff from alice;
        alter database app connection limit 7;
        select lo_unlink(4711);""", "app")
    db.sql("create database additional; \\connect additional\ncreate table kept as select 1 as n;")
    db.sql("insert into pgbench_history(tid, bid, aid, delta) values (1, 1, 1, 1000000)", "bench")
    # Clients that come again and again, and one that doesn't want to go.
    db.run("sh", "-c", "rm -f /tmp/seen /tmp/stop")
    clients = db.background("sh", "-c", """
        until [ -e /tmp/stop ]; do
          psql -X -At -U postgres -d app -c 'select max(body) from notes' >> /tmp/seen 2>> /tmp/errors || echo - >> /tmp/seen
          sleep 0.02
        done""")
    idle = db.background("psql", "-X", "-U", "postgres", "-d", "app", "-c", "select pg_sleep(1000)")
    try:
        wait_until("clients", lambda: "newer" in db.run("sh", "-c", "cat /tmp/seen || :"))
        before_restore = len(db.run("cat", "/tmp/seen").split("\n"))
        refused = site.run("restore", code=None)
        assert refused.returncode == 1 and "--replace" in refused.stderr, refused
        assert db.sql("select max(body) from notes", "app") == "newer"
        site.run("restore", "--replace")
        restored_at = len(db.run("cat", "/tmp/seen").split("\n"))
        wait_until("clients to come back", lambda: len(db.run("cat", "/tmp/seen").split("\n")) > restored_at + 3)
    finally:
        db.run("touch", "/tmp/stop")
        clients.communicate(timeout=60)
    assert "terminating connection" in idle.communicate(timeout=30)[1]

    seen = db.run("cat", "/tmp/seen").split()
    changed = seen.index("older")
    # The old one to the swap, the new one from there on, and nobody without a database for long.
    assert set(seen[:changed]) <= {"newer", "-"} and changed > before_restore + 5
    assert set(seen[changed:]) <= {"older", "-"}
    assert seen.count("-") < 20 and seen[-1] == "older", (seen, db.run("cat", "/tmp/errors"))

    assert db.sql("select n from kept", "additional") == "1"
    db.sql("drop database additional; drop database closed")
    site.replaced = Facts(db)
    site.before.assert_same(site.replaced, bench=False)
    [bench] = site.replaced.bench
    assert bench["accounts"] == 200000 and bench["balanced"] and bench["history"] in site.history, bench
    assert not [name for name in db.databases() if name.startswith("davit_")]


def test_destroyed_and_brought_back(site, engine):
    site.stack.down(volumes=True)
    for volume in ("pgdata", "space"):
        assert not engine.exists("volume", site.stack.volume(volume))
    done = site.run("restore", "--data-only")
    # The one-off container is gone, and so is every container of the service: Compose makes it.
    assert site.stack.states() == {}
    up = site.stack.compose("up", "-d", "--wait", "--wait-timeout", "120")
    assert "already exists" not in up.stderr and "warn" not in up.stderr.lower(), up.stderr
    assert engine.inspect(site.stack.container("db"))["State"]["Health"]["Status"] == "healthy", done.stderr
    labels = engine.inspect(site.stack.volume("pgdata"))["Labels"]
    assert labels["purpose"] == "shop" and labels["com.docker.compose.volume"] == "pgdata"
    after = Facts(site.db)
    site.replaced.assert_same(after)
    site.before.assert_same(after, bench=False)
    site.db.run("pg_amcheck", "-U", "postgres", "--all", "--install-missing", "--rootdescend")
    # Roles log in with the passwords that they had.
    for role, password in (("alice", "pa'ss"), ("bob", "old hash")):
        assert engine.run("exec", "-e", f"PGPASSWORD={password}", site.stack.container("db"), "psql", "-X", "-At", "-h",
                          "127.0.0.1", "-U", role, "-d", "app", "-c", "select current_user").stdout == role + "\n"


def test_deep_verification(site):
    good = site.davit("verify", "--deep", site.backup)
    assert good.returncode == 0
    [dump] = site.repository.rglob("latin.dump*")
    whole = dump.read_bytes()
    dump.chmod(0o600)
    middle = len(whole) // 2
    dump.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
    try:
        for options in ([], ["--deep"]):
            bad = site.davit("verify", *options, site.backup, code=13)
            assert dump.name in bad.stdout + bad.stderr
    finally:
        dump.write_bytes(whole)
    assert subprocess.run(["cmp", dump, "-"], input=whole, check=False).returncode == 0
