"""The stack of compose/hoss.yaml in a directory of its own: brought up, seeded, and looked at."""

import os
import random
import socket
from pathlib import Path

from support.ldap import Ldap
from support.ldap import PASSWORD as LDAP_PASSWORD
from support.postgres import Postgres
from support.rabbitmq import PASSWORD as RABBITMQ_PASSWORD
from support.rabbitmq import Rabbit
from support.search import PASSWORD as SEARCH_PASSWORD
from support.search import Search
from support.stack import Stack
from support.tree import tree_manifest, walk

COMPOSE = Path(__file__).resolve().parents[3] / "compose" / "hoss.yaml"
IMAGES = {"HOSS_POSTGRES_IMAGE": "davit-test/postgres:17", "HOSS_OPENSEARCH_IMAGE": "davit-test/opensearch:latest",
          "HOSS_OPENLDAP_IMAGE": "davit-test/openldap:latest", "HOSS_RABBITMQ_IMAGE": "davit-test/rabbitmq:latest",
          "HOSS_BUSYBOX_IMAGE": "busybox:latest"}
# What isn't backed up, and the volume that shows it.
UNCOVERED = {"etcd": "etcd-data", "minio": "objects"}
KEY_OWNER = (3333, 4444)
PASSWORDS = {"POSTGRES_PASSWORD": "first 'secret", "OPENSEARCH_PASSWORD": SEARCH_PASSWORD, "LDAP_ADMIN_PASSWORD": LDAP_PASSWORD,
             "RABBITMQ_PASSWORD": RABBITMQ_PASSWORD}

DATABASES_SQL = """
create role hoss login password 'hoss''s own';
create database hoss_auth owner hoss;
alter database hoss_core owner to hoss;
"""
CORE_SQL = """
create extension pgcrypto;
create table objects (id bigint primary key, name text not null, hash bytea, at timestamptz);
insert into objects select n, 'dataset ' || n, digest(n::text, 'sha256'), timestamptz '2024-01-01 00:00Z' + n * interval '1 minute'
  from generate_series(1, 20000) n;
create index on objects (name);
alter table objects owner to hoss;
select lo_from_bytea(4711, decode(repeat('c0ffee', 5000), 'hex'));
"""
AUTH_SQL = """
create table tokens (id uuid primary key default gen_random_uuid(), who text, note text);
insert into tokens (who, note) select 'person' || n % 200, E'größe\\t' || n from generate_series(1, 5000) n;
alter table tokens owner to hoss;
grant select on tokens to public;
"""


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


class Hoss:
    """`directory` is the project's, `root` the BACKUP_ROOT; neither has to be there."""

    def __init__(self, engine, directory, root, name, secure=True):
        self.engine, self.root, self.secure = engine, root, secure
        self.stack = Stack(engine, name, directory)
        self.db, self.search = Postgres(self.stack), Search(self.stack, secure=secure)
        self.ldap, self.rabbit = Ldap(self.stack), Rabbit(self.stack)

    def on(self, engine):
        """The same one on another Engine."""
        return Hoss(engine, self.stack.directory, self.root, self.stack.name, self.secure)

    def write(self, davit_image, address):
        """The project's directory, whose files have owners and modes of all kinds, and the BACKUP_ROOT."""
        values = {"BACKUP_ROOT": self.root, **PASSWORDS, "HOSS_ADDRESS": address,
                  "HOSS_SEARCH_WITHOUT_SECURITY": str(not self.secure).lower(), "DAVIT_IMAGE": davit_image,
                  "OPENSEARCH_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1", **IMAGES}
        env = "# of the tests\n" + "".join(f'{name}="{value}"\n' for name, value in values.items())
        rng = random.Random(7)
        files = {".env": env, "traefik.yaml": "entryPoints: {web: {address: ':80'}}\n", "core/databases.sql": DATABASES_SQL,
                 "core/config.yaml": "größe: 1\n", "core/empty": "", "auth/config.json": "{}\n", "auth/policies/ümlaut.rego": "package a\n",
                 "sync/state": rng.randbytes(300_000), "sync/run.sh": "#!/bin/sh\n", "elasticsearch/jvm.options": "-Xmx1g\n",
                 "elasticsearch/with space.yml": "a: b\n"}
        self.stack.write(COMPOSE.read_text(encoding="utf-8"), files)
        self.root.mkdir(parents=True, exist_ok=True)
        for name in (".db", ".opensearch"):
            (self.root / name).mkdir()
        at = self.stack.directory
        (at / "sync/latest").symlink_to("state")
        os.link(at / "sync/state", at / "sync/same")
        (at / "core/empty folder").mkdir()
        os.chown(at / "sync/state", 1042, 1043)
        os.chown(at / "auth/policies", 65534, 7)
        os.chown(at / ".env", 1000, 1000)
        (at / ".env").chmod(0o600)
        (at / "sync/run.sh").chmod(0o4755)
        (at / "core/config.yaml").chmod(0o400)
        os.utime(at / "core/config.yaml", ns=(1_000_000_000_123_456_789, 1_000_000_000_123_456_789))

    def up(self):
        """Every service runs, and is healthy where it has a health check."""
        return self.stack.compose("up", "-d", "--wait", "--wait-timeout", "400")

    def seed(self):
        self.db.sql(CORE_SQL, "hoss_core")
        self.db.sql(AUTH_SQL, "hoss_auth")
        self.ldap.seed()
        self.rabbit.seed()
        self.search.seed()
        self.stack.engine.in_volume(self.stack.volume("auth-secrets"), f"""
            echo 'the private key' >private.pem; chown {KEY_OWNER[0]}:{KEY_OWNER[1]} private.pem; chmod 0600 private.pem
            mkdir -m 0711 keys; ln -s ../private.pem keys/current; touch -d '2001-02-03 04:05:06' private.pem""")
        for volume in UNCOVERED.values():
            self.stack.engine.in_volume(self.stack.volume(volume), "echo not backed up >file")

    def facts(self, messages=None):
        """{what: everything that must be the same after a restore}, but for files and for messages that are queued, of which
        there are as many as in `messages` before this looks."""
        return {"rows, roles, grants": self.db.dumpall(), "indices and documents": self.search.facts(),
                "directory": self.ldap.facts(), "broker": self.rabbit.facts(messages)}

    def project_files(self):
        """{path: attributes} of the project's directory; that one itself has another time when it is made anew."""
        found = dict(walk(os.fsencode(self.stack.directory)))
        del found[b"."]["mtime_ns"]
        return found

    def secret_files(self):
        """The same of the volume auth-secrets."""
        return tree_manifest(self.engine, self.stack.volume("auth-secrets"))

    def ids(self):
        """{container's name: its id}"""
        containers = self.engine.containers(f"com.docker.compose.project={self.stack.name}")
        return {name: each["Id"] for name, each in containers.items()}
