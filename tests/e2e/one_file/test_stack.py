"""A stack's backup leaves its repository as one file, and comes back from it: into another repository, and at once."""

import json
import subprocess
import tarfile

import pytest
from support.davit import Davit
from support.postgres import Postgres
from support.rgw import Rgw
from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "900"]
    volumes: ["data:/data", "./config:/config:ro"]
  db:
    image: davit-test/postgres:17
    environment: {POSTGRES_PASSWORD: "s'ecret"}
    volumes: ["pg:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      retries: 60
volumes:
  data:
  pg:
"""
FILES = {"config/app.ini": "[app]\n", "config/deep/key": b"\x00\xff"}
FILL = r"""
head -c 40000000 /dev/urandom >large; mkdir 'two words'; seq 5000 >'two words/n'; ln large hard; ln -s large soft
echo x >"$(printf 'bytes-\377')"; chown -R 1042:1043 'two words'; chmod 4750 large"""
SEED = """
create role clerk login password 'w0rd';
create table orders (id bigint primary key, customer text);
insert into orders select n, 'customer ' || n from generate_series(1, 20000) n;
alter table orders owner to clerk;
"""


@pytest.fixture
def davit(engine, repository, binary):
    """As the container that most people run."""
    return Davit("container", engine, repository, binary)


def rows(stack):
    db = Postgres(stack)
    return (db.sql("select sum(hashtext(o::text)), count(*) from orders o"),
            db.sql("select tableowner from pg_tables where tablename = 'orders'"),
            db.sql("select rolpassword from pg_authid where rolname = 'clerk'"))


def test_through_a_file(engine, compose, davit, scratch, repository, tree_manifest):
    stack = compose(COMPOSE, FILES)
    engine.in_volume(stack.volume("data"), FILL)
    Postgres(stack).sql(SEED)
    trees = (stack.volume("data"), str(stack.directory / "config"))
    before, rows_before = [tree_manifest(tree) for tree in trees], rows(stack)
    backup = davit("backup", "-q", "--stack", stack.name).stdout.strip()

    # To standard output and into a file: the same bytes, each time.
    out = scratch / "out"
    out.mkdir()
    file = out / "shop.tar"
    streamed = davit("export", backup[:10], text=False)
    done = davit("export", "-o", file, "latest", mounts=[f"{out}:{out}"])
    assert f"{file} holds backup {backup} of {stack.name}, " in done.stdout, done
    assert file.read_bytes() == streamed.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in out.iterdir()] == ["shop.tar"]

    # It opens without davit.
    unpacked = scratch / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xf", file, "-C", unpacked], check=True)
    inside = unpacked / stack.name / backup
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=inside, check=True)
    original = repository / "backups" / stack.name / backup
    same = subprocess.run(["diff", "-r", "-x", "SHA256SUMS", original, inside], capture_output=True, text=True)
    assert same.returncode == 0, same
    with tarfile.open(file) as tar:
        names = [member.name.removeprefix(f"{stack.name}/{backup}/") for member in tar]
    assert names[:2] == ["manifest.json", "RESTORE.md"] and names[-1] == "SHA256SUMS"
    # And what was unpacked is a backup again, where its directory belongs.
    by_hand = scratch / "by-hand"
    by_hand.mkdir()
    unpacked.rename(by_hand / "backups")
    davit("--repository", by_hand, "verify", mounts=[f"{by_hand}:{by_hand}"])

    # Into an empty repository, where it is as good as in the old one, and gives the same file again.
    other = scratch / "other"
    other.mkdir()
    there = ["--repository", other]
    mounts = [f"{other}:{other}", f"{file}:/shop.tar:ro"]
    report = davit.json(*there, "import", "/shop.tar", mounts=mounts)
    assert (report["id"], report["stack"], report["was_there"]) == (backup, stack.name, False)
    assert [entry["id"] for entry in davit.json(*there, "ls", mounts=mounts)] == [backup]
    davit(*there, "verify", "--deep", mounts=mounts)
    assert davit(*there, "export", text=False, mounts=mounts).stdout == streamed.stdout
    again = davit(*there, "import", "/shop.tar", mounts=mounts)
    assert f"backup {backup} of {stack.name} is in {other} already" in again.stdout, again
    subprocess.run(["diff", "-r", original, other / "backups" / stack.name / backup], check=True)

    # And back at once, with no repository, from a file that is mounted somewhere.
    shown = davit("show", "/shop.tar", mounts=mounts, repository=False).stdout
    assert "postgres:db" in shown and "volume:data" in shown, shown
    verified = davit.json("verify", "--deep", "/shop.tar", mounts=mounts, repository=False)
    assert verified["problems"] == 0, verified
    stack.down()
    plan = davit("restore", "/shop.tar", "--plan", mounts=mounts, repository=False).stdout
    assert "volume:data" in plan, plan
    assert not engine.exists("volume", stack.volume("data"))
    # What davit's own container sees of the host is in nobody's use.
    davit("restore", "/shop.tar", mounts=[*mounts, f"{scratch}:{scratch}"], repository=False)
    stack.up()
    assert [differences(old, tree_manifest(tree)) for tree, old in zip(trees, before, strict=True)] == [[], []]
    assert rows(stack) == rows_before


def test_through_a_bucket(engine, binary, rgw: Rgw, bucket, exported, scratch):
    """In at the end of a pipe, and out again, with nothing on a disk; then restored from the file."""
    davit = Davit("host", engine, scratch, binary)
    variables = rgw.variables(DAVIT_REPOSITORY=f"s3://{bucket}/some/prefix", DAVIT_S3_ALLOW_HTTP="true")
    done = subprocess.run(davit.argv(["--json", "import", "-"], variables), input=exported.bytes, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["where"] == f"s3://{bucket}/some/prefix"
    assert rgw.client.uploads(bucket) == []
    davit("verify", "--deep", env=variables)
    assert davit("export", "latest", env=variables, text=False).stdout == exported.bytes
    davit("export", "-o", scratch / "from-s3.tar", env=variables)
    before = exported.stack.contents()
    engine.in_volume(exported.stack.volume, "echo changed >x; rm -r d")
    davit("restore", scratch / "from-s3.tar", "--replace", repository=False)
    assert exported.stack.contents() == before
