"""Wrong hosts, passwords, keys and buckets: what is wrong is said, and nothing is made."""

import pytest
from support.bak import PASSWORD
from support.refusal import CODES, said
from support.rgw import KEY, SECRET


@pytest.fixture
def refuses(bak, server_17, rgw, bucket, dumps):
    """refuses(kind, message, hint, changed flags or variables): `backup` fails so, and leaves no file and no object."""

    def check(kind, message, hint, env=None, **changed):
        flags = {"host": "localhost", "port": server_17.port, "user": "postgres", "db": "postgres", "dir": dumps,
                 "endpoint": rgw.endpoint, "bucket": bucket, "key": KEY, "secret": SECRET, **changed}
        args = [word for name, value in flags.items() if value is not None for word in (f"--{name}", value)]
        done = bak("backup", *args, "--allow-http", code=CODES[kind], env={"PGPASSWORD": PASSWORD, **(env or {})})
        said(done.stderr, message, hint)
        assert done.stdout == ""
        assert list(dumps.iterdir()) == []
        assert rgw.client.objects(bucket) == {} and rgw.client.uploads(bucket) == []
        for secret in (PASSWORD, SECRET):
            assert secret not in done.stderr

    return check


def test_wrong_host(refuses):
    refuses("unavailable", "nowhere.invalid", ".", host="nowhere.invalid")


def test_nobody_listens(refuses):
    refuses("unavailable", "refused", ".", port="9")


def test_wrong_password(refuses):
    refuses("credentials", "password authentication failed", ".", env={"PGPASSWORD": "wrong"})


def test_no_such_database(refuses):
    refuses("not-found", "nothing-like-it", None, db="nothing-like-it*")


def test_wrong_key(refuses):
    refuses("credentials", "does not know this access key", ".", key=KEY + "X")


def test_wrong_secret(refuses):
    refuses("credentials", "the secret key does not belong", ".", secret="wrong")


def test_no_such_bucket(refuses, unused_name):
    refuses("not-found", unused_name, ".", bucket=unused_name)


def test_no_such_endpoint(refuses):
    refuses("unavailable", "127.0.0.1:9: connection refused", "--endpoint", endpoint="http://127.0.0.1:9")


def test_tools_that_are_too_old(bak, server_17, dumps):
    done = bak("dump", "--host", "localhost", "--port", server_17.port, "--dir", dumps, "--tools-image", "davit-test/postgres:15",
               code=CODES["usage"], env={"PGPASSWORD": PASSWORD})
    said(done.stderr, "the server is PostgreSQL 17, and the tools of image davit-test/postgres:15 are of 15", "--tools-image")
    assert list(dumps.iterdir()) == []


def test_a_damaged_dump(bak, server_17, dumps):
    env, flags = {"PGPASSWORD": PASSWORD}, ["--host", "localhost", "--port", server_17.port, "--dir", dumps]
    server_17.create("lost", "create table t as select n from generate_series(1, 10000) n")
    try:
        bak("dump", *flags, "--db", "lost", env=env)
    finally:
        server_17.drop("lost")
    [dump] = dumps.glob("lost-*.sql")
    whole = dump.read_bytes()
    for damaged in (whole[:-100], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]):
        dump.write_bytes(damaged)
        said(bak("restore", *flags, code=CODES["corrupt"], env=env).stderr, "lost-", None)
        assert "lost" not in server_17.databases()
