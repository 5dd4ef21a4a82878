"""Every artefact opens without davit: the blocks of the backup's own RESTORE.md, run as they stand with tar, zstd, psql and
pg_restore, bring back what was there."""

import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from support.engine import TOOLCHAIN, wait_until
from support.guide import blocks_of, in_toolchain
from support.tree import differences

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "900"]
    volumes: ["odd:/odd", "./conf'ig dir:/config:ro"]
  db:
    image: davit-test/postgres:{major}
    environment: {{POSTGRES_PASSWORD: "s'ecret"}}
    volumes: ["pg:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      retries: 60
volumes:
  odd: {{name: "{name}-odd"}}
  pg:
"""

FILL = r"""
cd /v; mkdir -p d/e 'with space'; seq 5000 >d/e/numbers; ln d/e/numbers hard; ln -s d/e/numbers soft; mkfifo pipe
mknod null c 1 3; truncate -s 8M sparse; printf end >>sparse; printf x >"$(printf 'bytes-\377')"; echo q >"quo'te \"\$x"
echo n >"$(printf 'new\nline')"; echo d >-dash; chown -R 1042:1043 d; chmod 6755 hard; chmod 1777 'with space'
setfattr -n user.origin -v camera d/e; setfacl -m u:1234:r hard; setcap cap_net_bind_service+ep quo*
touch -d '2001-02-03 04:05:06.123456789' soft d
"""

SEED = """
create role clerk login password 'w0rd';
create table orders (id bigint primary key, customer text);
insert into orders select n, 'customer ' || n from generate_series(1, 5000) n;
grant select on orders to clerk;
select lo_from_bytea(4711, decode(repeat('c0ffee', 5000), 'hex'));
"""
NAMES = ["postgres", "shop", "my\"db 'x", "-dash"]


def dump(engine, container, database):
    """A database as SQL text; what differs from run to run is left out."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    text = engine.exec(container, "pg_dump", "-U", "postgres", "-d", f"dbname='{escaped}'")
    return [line for line in text.splitlines() if not re.match(r"\\(un)?restrict|-- Dumped", line)]


def roles(engine, container):
    return engine.sql(container, "select string_agg(r::text, chr(10) order by rolname) from (select rolname, rolsuper, rolcanlogin, "
                                 "rolpassword from pg_authid) r")


def run_in_server(engine, server, backup, script):
    """A block where the server's own tools are."""
    copy = f"/tmp/{uuid.uuid4().hex[:8]}"
    engine.run("cp", str(backup), f"{server}:{copy}")
    done = subprocess.run(["docker", "exec", "-i", "-w", copy, "-e", "PGUSER=postgres", server, "bash", "-e", "-o", "pipefail"], input=script,
                          capture_output=True, text=True)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


@pytest.fixture
def lent_zstd(scratch):
    """A directory with the toolchain's zstd and all that it loads, for images that have none."""
    place = scratch / "zstd"
    place.mkdir()
    program = shutil.which("zstd")
    shutil.copy(program, place / "program")
    for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
        for library in re.findall(r"/\S+", line.split("=>")[-1]):
            shutil.copy(library, place / Path(library).name)
    loader = next(place.glob("ld-linux*")).name
    (place / "zstd").write_text(f'#!/bin/sh\nexec /opt/zstd/{loader} --library-path /opt/zstd /opt/zstd/program "$@"\n')
    (place / "zstd").chmod(0o755)
    return place


@pytest.fixture
def server(engine, lent_zstd):
    """server(major) → name of a fresh PostgreSQL of that version."""
    made = []

    def start(major):
        name = f"e2ebyhand{uuid.uuid4().hex[:8]}"
        made.append(name)
        engine.run("run", "-d", "--name", name, "-e", "POSTGRES_PASSWORD=other", f"davit-test/postgres:{major}")
        wait_until("the scratch server", lambda: engine.run("exec", name, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres",
                                                            check=False).returncode == 0)
        engine.run("cp", str(lent_zstd), f"{name}:/opt/zstd")
        engine.run("exec", name, "ln", "-s", "/opt/zstd/zstd", "/usr/local/bin/zstd")
        return name

    yield start
    for name in made:
        engine.run("rm", "-f", "-v", name, check=False)


@pytest.mark.parametrize("major, codec", [(17, "zstd:3"), (15, "none")])
def test_restore_guide(compose, engine, davit, repository, scratch, server, tree_manifest, major, codec):
    name = f"e2ebyhand{uuid.uuid4().hex[:8]}"
    config = "conf'ig dir"
    stack = compose(COMPOSE.format(major=major, name=name), {f"{config}/app.ini": "x=1\n", f"{config}/sub/däta": b"\0\xff", ".env": "A=b\n"},
                    name=name)
    os.chown(stack.directory / config / "app.ini", 77, 78)
    engine.run("run", "--rm", "-i", "--cap-add", "SYS_ADMIN", "-v", f"{name}-odd:/v", TOOLCHAIN, "bash", "-e", input=FILL)
    db = stack.container("db")
    for database in NAMES[1:]:
        engine.run("exec", db, "createdb", "-U", "postgres", "--", database)
    engine.exec(db, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "shop", "-f", "-", input=SEED)
    for database in NAMES[2:]:
        connect = "dbname='" + database.replace("'", "\\'") + "'"
        engine.exec(db, "psql", "-X", "-q", "-U", "postgres", "-d", connect, "-c", "create table t as select 1 as one")

    davit("backup", "--stack", name, "--compress", codec)
    backup = next((repository / "backups" / name).iterdir())
    guide = (backup / "RESTORE.md").read_text()
    assert "s'ecret" not in guide and "w0rd" not in guide
    blocks = blocks_of(guide)
    headings = [heading for heading, _ in blocks]
    assert headings[0] == "Check" and {"stack:definition", "volume:odd", "postgres:db", "files:project", f"bind:{config}"} <= set(headings), headings

    out = scratch / "out"
    out.mkdir()
    scratch_server = server(major)
    for heading, script in blocks:
        if heading.startswith("postgres:"):
            run_in_server(engine, scratch_server, backup, script)
        else:
            in_toolchain(backup, out, script)

    assert differences(tree_manifest(f"{name}-odd"), tree_manifest(out / "volume" / "odd")) == []
    bound = [p for p in (out / "bind").iterdir()]
    assert len(bound) == 1 and differences(tree_manifest(stack.directory / config), tree_manifest(bound[0])) == []
    for file in ("compose.yaml", ".env"):
        assert (out / "files" / "project" / file).read_bytes() == (stack.directory / file).read_bytes()
    assert name in (out / "stack-definition.json").read_text()

    assert roles(engine, scratch_server).replace(name, "") == roles(engine, db)
    assert sorted(engine.sql(scratch_server, "select datname from pg_database").split("\n")) == \
        sorted(engine.sql(db, "select datname from pg_database").split("\n"))
    for database in NAMES:
        assert dump(engine, scratch_server, database) == dump(engine, db, database), database
    assert engine.sql(scratch_server, "select md5(lo_get(4711))", "shop") == engine.sql(db, "select md5(lo_get(4711))", "shop")
