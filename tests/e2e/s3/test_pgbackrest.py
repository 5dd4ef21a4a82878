"""A cluster whose pgBackRest keeps its repository in S3, in a stack whose restore points lie in S3: neither holds anything on this machine."""

import json
import re

from support.engine import wait_until
from support.postgres import Postgres
from support.rgw import KEY, SECRET

COMPOSE = """
services:
  db:
    image: davit-test/postgres-pgbackrest:17
    command: [postgres, -c, archive_mode=on, -c, "archive_command=pgbackrest --stanza=shop archive-push %p"]
    environment:
      POSTGRES_PASSWORD: secret
      PGBACKREST_PG1_PATH: /var/lib/postgresql/data
      PGBACKREST_REPO1_RETENTION_FULL: 9
      PGBACKREST_REPO1_PATH: /of/shop
      PGBACKREST_REPO1_TYPE: s3
      PGBACKREST_REPO1_S3_BUCKET: {bucket}
      PGBACKREST_REPO1_S3_ENDPOINT: {host}
      PGBACKREST_REPO1_S3_REGION: us-east-1
      PGBACKREST_REPO1_S3_URI_STYLE: path
      PGBACKREST_REPO1_S3_KEY: {key}
      PGBACKREST_REPO1_S3_KEY_SECRET: {secret}
      PGBACKREST_REPO1_STORAGE_PORT: 8443
      # The address is not in the certificate of the tests.
      PGBACKREST_REPO1_STORAGE_VERIFY_TLS: n
    # The network that the S3 server is in.
    network_mode: bridge
    labels: {{davit.pgbackrest.stanza: shop, davit.postgres: pgbackrest}}
    stop_grace_period: 120s
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 2s
      retries: 60
volumes: {{data: }}
"""


def contents(db):
    return [line for line in db.dumpall() if not re.match(rb"-- (Started|Completed) on ", line)]


def test_repository_and_restore_points_in_s3(engine, compose, make_davit, bucket, rgw):
    repository = rgw.bucket()
    stack = compose(COMPOSE.format(bucket=repository, host=rgw.host, key=KEY, secret=SECRET), {})
    db = Postgres(stack)
    engine.run("exec", "-u", "postgres", db.container, "pgbackrest", "--stanza=shop", "stanza-create")
    db.sql("create table marks (what text); insert into marks values ('backed up')")
    davit = make_davit("container", f"{bucket}/some/prefix")
    named = ["--stack", stack.name]

    made = json.loads(davit("backup", *named, "--json").stdout)
    before = contents(db)
    shown = json.loads(davit("show", *named, made["id"], "--json").stdout)
    [item] = [each["attributes"] for each in shown["items"] if each["kind"] == "postgres"]
    assert item["repository"] == f"s3 {repository} at {rgw.host} /of/shop" and item["set.type"] == "full"
    # The set lies where pgBackRest keeps it, and the restore point only names it.
    assert any(f"/backup/shop/{item['set']}/" in f"/{key}" for key in rgw.client.objects(repository))
    assert not any("pg_data" in key for key in davit.objects())
    text = davit("show", *named, made["id"]).stdout
    assert item["repository"] in text and SECRET not in text
    davit("verify", *named, "--deep")

    db.sql("insert into marks values ('later')")
    davit("restore", *named, made["id"], "--only", "postgres:db", "--replace")
    assert contents(db) == before
    made_later = json.loads(davit("pgbackrest", "backup", *named, "--type", "diff", "--json").stdout)
    assert made_later["timelineSwitched"] is True and made_later["warnings"] == []
    later = made_later["set"]["label"]

    # The cluster is gone with its volume: what is left is what lies in S3.
    stack.down(volumes=True)
    davit("restore", *named, made["id"])
    stack.up()
    wait_until("the server", lambda: engine.run("exec", db.container, "pg_isready", "-q", "-h", "127.0.0.1", check=False).returncode == 0)
    assert contents(db) == before
    listed = json.loads(davit("pgbackrest", "info", *named, "--json").stdout)
    assert [each["label"] for each in listed["sets"]] == [item["set"], later]
