"""A whole stack goes into a bucket, and comes back: on another machine, and from among thousands of objects."""

import json
import re

import pytest
from support.davit import IMAGE
from support.nested import NestedEngine
from support.postgres import Postgres
from support.rgw import KEY, SECRET
from support.stack import Stack

POSTGRES = "davit-test/postgres:17"
COMPOSE = f"""
services:
  app:
    image: busybox
    init: true
    command: [sleep, "900"]
    volumes: ["data:/data", "./config:/config:ro"]
  db:
    image: {POSTGRES}
    environment: {{POSTGRES_PASSWORD: "s'ecret"}}
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
# More than one part.
FILL = r"""
head -c 50000000 /dev/urandom >large; mkdir -p 'two words'; seq 5000 >'two words/n%20 +&=?#'; ln large hard
ln -s large soft; echo x >"$(printf 'bytes-\377')"; chown -R 1042:1043 'two words'; chmod 4750 large"""
# A name that is an object's too, and that neither a URL nor a list of objects takes as it is.
SEED = """
create role clerk login password 'w0rd';
create table orders (id bigint primary key, customer text);
insert into orders select n, 'customer ' || n from generate_series(1, 20000) n;
alter table orders owner to clerk;
create database "odd / näme %2F +&=?#" owner clerk;
"""


def listing(engine, where):
    """Names, modes, owners, sizes, targets and contents."""
    script = r"find . ! -type d -exec stat -c '%N %F %a %u:%g %s %h' {} + | sort; find . -type f -exec sha256sum {} + | sort"
    return engine.run("run", "--rm", "-v", f"{where}:/v:ro", "-w", "/v", "busybox", "sh", "-c", script, text=False).stdout


def rows(stack):
    db = Postgres(stack)
    return (db.databases(), db.sql("select sum(hashtext(o::text)), count(*) from orders o"),
            db.sql("select tableowner from pg_tables where tablename = 'orders'"),
            db.sql("select rolpassword from pg_authid where rolname = 'clerk'"))


@pytest.fixture
def make_other_machine(engine, scratch):
    """An Engine that knows no stack, made when the test asks for it."""
    nested = NestedEngine(engine, scratch)
    made = []

    def make():
        made.append(nested)
        return nested.create(IMAGE, "busybox", POSTGRES)

    yield make
    for each in made:
        each.destroy()


def test_a_stack_comes_back_on_another_machine(engine, compose, make_davit, bucket, make_other_machine):
    stack = compose(COMPOSE, FILES)
    engine.in_volume(stack.volume("data"), FILL)
    Postgres(stack).sql(SEED)
    before = (listing(engine, stack.volume("data")), listing(engine, stack.directory / "config"), rows(stack))
    davit = make_davit("container", f"{bucket}/some/prefix")
    named = ["--stack", stack.name]

    davit("backup", *named)
    [backup] = davit.listed()
    below = f"some/prefix/backups/{stack.name}/{backup}/"
    objects = davit.objects()
    assert all(key.startswith(below) for key in objects), objects
    assert {f"{below}manifest.json", f"{below}RESTORE.md", f"{below}volumes/data.tar.zst"} < objects.keys()
    assert objects[f"{below}volumes/data.tar.zst"] > 50_000_000
    assert davit.uploads() == []
    manifest = json.loads(davit("show", *named, "latest", "--json").stdout)
    assert manifest["id"] == backup
    sizes = sorted(a["stored"]["bytes"] for item in manifest["items"] for a in item["artefacts"])
    others = ("manifest.json", "RESTORE.md")
    assert sizes == sorted(size for key, size in objects.items() if not key.endswith(others))
    davit("verify", "--deep", *named)

    stack.destroy()
    assert not stack.directory.exists()
    other = make_other_machine()
    make_davit("container", f"{bucket}/some/prefix", on=other)("restore", *named, "latest")
    restored = Stack(other, stack.name, stack.directory)
    try:
        restored.up()
        assert before == (listing(other, restored.volume("data")), listing(other, restored.directory / "config"), rows(restored))
    finally:
        restored.destroy()


def test_among_thousands_of_objects(make_davit, many, small_stack):
    """Those before it in the listing are of no backup."""
    bucket, prefix = many
    stack = small_stack("seq 1000 >numbers")
    davit = make_davit("host", f"{bucket}/many")
    davit("backup", "--stack", stack.name)
    [backup] = davit.listed()
    davit("verify", "--deep")
    stack.stop()
    before = stack.contents()
    stack.engine.in_volume(stack.volume, "rm numbers; echo x >other")
    davit("restore", "--stack", stack.name, "--replace", "latest")
    assert stack.contents() == before
    assert [key for key in davit.objects() if key.startswith("many/backups/aaa/")] == \
        [f"{prefix}/db{n:04}-20200101T000000Z.sql" for n in range(3000)]
    assert davit.listed() == [backup]


def test_repositories_in_one_bucket(make_davit, bucket, small_stack):
    """One's prefix is the beginning of the other's, and the third has none."""
    stack = small_stack("echo x >x")
    davits = [make_davit("host", f"{bucket}{prefix}") for prefix in ("/one", "/one-more", "")]
    ids = []
    for at, davit in enumerate(davits):
        for later in davits[at:]:
            assert later.listed() == []
        davit("backup", "--stack", stack.name)
        ids += davit.listed()
    assert [davit.listed() for davit in davits] == [[each] for each in ids] and len(set(ids)) == 3


def test_a_damaged_object_is_found(davit, small_stack):
    stack = small_stack("head -c 200000 /dev/urandom >x")
    davit("backup", "--stack", stack.name)
    [key] = [key for key in davit.objects() if key.endswith("data.tar.zst")]
    client = davit.server.client
    stored = client.get(davit.bucket, key)
    client.put(davit.bucket, key, stored[:100000] + bytes([stored[100000] ^ 1]) + stored[100001:])
    assert re.search("data.tar.zst  \\S", davit("verify", code=13).stdout)
    client.delete(davit.bucket, key)
    assert re.search("data.tar.zst +is missing", davit("verify", code=13).stdout)


def test_ways_to_give_keys(make_davit, bucket, small_stack, scratch):
    davit = make_davit("container", f"{bucket}/some/prefix")
    stack = small_stack("echo x >x")
    davit("backup", "--stack", stack.name)
    said = davit("ls", "--json").stdout
    shared = f"[other]\naws_access_key_id = NO\naws_secret_access_key = no\n\n[shop]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n"
    (scratch / "secret").write_text(SECRET + "\n")
    (scratch / "shared").write_text(shared)
    every = davit.variables
    for file, at, env in [
            ("secret", "/run/key", {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY_FILE": "/run/key"}),
            ("shared", "/run/aws", {"AWS_SHARED_CREDENTIALS_FILE": "/run/aws", "AWS_PROFILE": "shop"}),
            ("shared", "/home/somebody/.aws/credentials", {"HOME": "/home/somebody", "AWS_PROFILE": "shop"})]:
        davit.variables = {**{name: value for name, value in every.items() if "KEY" not in name}, **env}
        assert davit("ls", "--json", mounts=[f"{scratch / file}:{at}:ro"]).stdout == said
