"""The examples that this was asked for by, word for word: from a server of each version into a directory and a bucket, and
back."""

import hashlib
import re
import subprocess

import pytest
from support.bak import ODD_NAMES, PASSWORD, databases_in, name_of
from support.rgw import KEY, SECRET

NAMES = sorted({"empty", "small", "postgres", *ODD_NAMES})


def files_of(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def check_dumps(files):
    """Each is one that pg_restore reads, with its digest beside it."""
    assert databases_in(files) == NAMES
    assert len({re.search(r"\d{8}T\d{6}Z", name)[0] for name in files}) == 1
    [globals_file] = [name for name in files if name.endswith(".globals.sql")]
    assert b"CREATE ROLE clerk" in files[globals_file]
    for name in [globals_file, *(name for name in files if name.endswith(".sql") and "globals" not in name)]:
        assert files[name + ".sha256"].split()[0].decode() == hashlib.sha256(files[name]).hexdigest()
        if name != globals_file:
            assert name_of(name)[2] == "sql"
            subprocess.run(["pg_restore", "-f", "/dev/null"], input=files[name], check=True)


@pytest.fixture
def example(server, bak, rgw, bucket, tls):
    """example(command, directory): as it stands in the seed, with the place's own host, port, keys and directory."""
    endpoint, variables = tls
    server_flags = ["--host", "localhost", "--port", server.port, "--user", "postgres", "--password", PASSWORD]
    s3_flags = ["--endpoint", endpoint, "--bucket", bucket, "--key", KEY, "--secret", SECRET]

    def run(command, directory, **more):
        flags = {"backup": [*server_flags, "--dir", directory, *s3_flags], "upload": ["--dir", directory, *s3_flags],
                 "download": ["--dir", directory, *s3_flags], "restore": [*server_flags, "--dir", directory],
                 "dump": [*server_flags, "--dir", directory], "ls": server_flags}
        return bak(command, *flags[command], env={"PGPASSWORD": PASSWORD, **variables}, **more)

    return run


def test_the_examples(example, server, rgw, bucket, scratch):
    before = {name: server.contents(name) for name in NAMES}
    listed = example("ls", None).stdout
    for name in ("empty", "small", "my\"db 'x"):
        assert re.search(rf"^{re.escape(name)} .*\b(clerk|postgres)\b.*UTF8.*\b{server.version}\.", listed, re.M), listed
    assert "template" not in listed

    done = example("backup", scratch / "db_dumps")
    assert "PGPASSWORD" in done.stderr  # a flag can be seen by others
    made = files_of(scratch / "db_dumps")
    check_dumps(made)
    assert {key: rgw.client.get(bucket, key) for key in rgw.client.objects(bucket)} == made

    example("download", scratch / "downloaded_dumps")
    assert files_of(scratch / "downloaded_dumps") == made
    rgw.client.empty(bucket)
    example("upload", scratch / "downloaded_dumps")
    assert {key: rgw.client.get(bucket, key) for key in rgw.client.objects(bucket)} == made

    # All of it is lost, the owner too.
    lost = [name for name in NAMES if name != "postgres"]
    password = server.db.sql("select rolpassword from pg_authid where rolname = 'clerk'")
    for name in lost:
        server.drop(name)
    server.db.sql("drop role clerk")
    example("restore", scratch / "downloaded_dumps")
    assert {name: server.contents(name) for name in NAMES} == before
    assert server.db.sql("select rolpassword from pg_authid where rolname = 'clerk'") == password


def test_the_quick_start(server, bak, rgw, bucket):
    """The password comes from a variable; the rest is for the variables that the AWS tools have, too."""
    bak("backup", "--host", f"localhost:{server.port}", "--bucket", f"s3://{bucket}/", "--allow-http",
        env={"PGPASSWORD": PASSWORD, **rgw.variables()})
    stored = {key: rgw.client.get(bucket, key) for key in rgw.client.objects(bucket)}
    check_dumps(stored)


def test_into_databases_that_are_there(server, bak, dumps):
    flags = ["--host", "localhost", "--port", server.port]
    env = {"PGPASSWORD": PASSWORD}
    bak("dump", *flags, "--dir", dumps, "--db", "small", "--db", "n*me", env=env)
    assert databases_in(files_of(dumps)) == ["näme", "small"]
    before = server.contents("small")
    server.db.sql("delete from orders where id > 100; create table other (x int)", "small")
    changed = server.contents("small")
    refused = bak("restore", *flags, "--dir", dumps, "--db", "small", env=env, code=1)
    assert "--into-existing" in refused.stderr
    assert server.contents("small") == changed
    server.db.sql("drop table other, orders", "small")
    bak("restore", *flags, "--dir", dumps, "--db", "small", "--into-existing", env=env)
    assert server.contents("small") == before
    # As another one, beside it.
    try:
        bak("restore", *flags, "--dir", dumps, "--db", "small", "--as", "Copy of \"small\"", env=env)
        rows = "select sum(hashtext(o::text)) from orders o"
        assert server.db.sql(rows, "Copy of \"small\"") == server.db.sql(rows, "small")
    finally:
        server.drop("Copy of \"small\"")


def test_copies_are_never_overwritten(bak, server, rgw, bucket, dumps):
    env = {"PGPASSWORD": PASSWORD, **rgw.variables()}
    s3 = ["--dir", dumps, "--bucket", f"{bucket}/below", "--allow-http"]
    bak("dump", "--host", "localhost", "--port", server.port, "--dir", dumps, "--db", "small", env=env)
    bak("upload", *s3, env=env)
    before = {key: rgw.client.get(bucket, key) for key in rgw.client.objects(bucket)}
    assert {key.removeprefix("below/"): value for key, value in before.items()} == files_of(dumps)
    bak("upload", *s3, env=env)  # once more: there is nothing to do
    [globals_file] = dumps.glob("*.globals.sql")
    (dumps / (globals_file.name + ".sha256")).unlink()
    globals_file.write_text("-- other\n")
    assert globals_file.name in bak("upload", *s3, env=env, code=1).stderr
    assert {key: rgw.client.get(bucket, key) for key in rgw.client.objects(bucket)} == before
    # One that was altered in the bucket is not taken for a dump.
    [key] = [key for key in before if databases_in([key])]
    rgw.client.put(bucket, key, before[key][:-1])
    for file in dumps.iterdir():
        file.unlink()
    assert f"{key.removeprefix('below/')} in s3://{bucket}/below is not what its digest says" in \
        bak("download", *s3, env=env, code=13).stderr
    assert databases_in(files_of(dumps)) == []


def test_a_single_file(bak, server, dumps):
    flags, env = ["--host", "localhost", "--port", server.port], {"PGPASSWORD": PASSWORD}
    bak("dump", *flags, "--dir", dumps, "--db", "small", env=env)
    before = server.contents("small")
    [dump] = dumps.glob("small-*.sql")
    server.drop("small")
    bak("restore", *flags, dump, env=env)
    assert server.contents("small") == before


def test_several_jobs(server, bak, dumps):
    flags = ["--host", "localhost", "--port", server.port, "--jobs", 3]
    env = {"PGPASSWORD": PASSWORD}
    bak("dump", *flags, "--dir", dumps, "--db", "small", "--db", "my*", env=env)
    assert databases_in(files_of(dumps)) == ["my\"db 'x", "small"]
    assert {name_of(name)[2] for name in files_of(dumps) if name.endswith(".tar")} == {"dir.tar"}
    names = ("small", "my\"db 'x")
    before = {name: server.contents(name) for name in names}
    for name in names:
        server.drop(name)
    bak("restore", *flags, "--dir", dumps, env=env)
    assert {name: server.contents(name) for name in names} == before


def test_one_of_thousands(bak, rgw, many, dumps):
    bucket, prefix = many
    s3 = ["--bucket", f"s3://{bucket}/{prefix}", "--allow-http"]
    bak("download", "--dir", dumps, *s3, "--db", "db2999", env=rgw.variables())
    assert files_of(dumps) == {"db2999-20200101T000000Z.sql": b"x"}
    bak("download", "--dir", dumps, *s3, "--db", "db29*", env=rgw.variables())
    assert len(files_of(dumps)) == 100


def test_help_shows_the_seed_s_commands(bak):
    shown = bak("--help").stdout
    for command, text in {"backup": "Postgres ➜ S3", "download": "S3 ➜ local", "dump": "Postgres ➜ local", "ls": "List databases",
                          "restore": "S3 ➜ Postgres", "upload": "local ➜ S3"}.items():
        assert re.search(rf"^ +{command} +.*{text}", shown, re.M), shown
    for flag in ("--version", "--verbose", "--debug", "--help"):
        assert flag in shown
    assert bak("--version").stdout.startswith("bak ")
