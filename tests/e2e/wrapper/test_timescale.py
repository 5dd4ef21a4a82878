"""compose/timescale.yaml, as it is, with an image that keeps the contract of timescaledb-ha."""

import json
from pathlib import Path

import pytest

from support.davit import IMAGE
from support.engine import wait_until

TEXT = (Path(__file__).parents[3] / "compose" / "timescale.yaml").read_text()
SETTINGS = {"TIMESCALEDB_IMAGE": "davit-test/timescaledb-ha:15", "DAVIT_IMAGE": IMAGE, "POSTGRES_PASSWORD": "first secret",
            "POSTGRES_PORT": "0"}


def env_file(**more):
    return "".join(f"{name}={value}\n" for name, value in {**SETTINGS, **more}.items())


def config(stack):
    return json.loads(stack.compose("--profile", "full", "config", "--format", "json").stdout)["services"]


# An image that has davit needs no volume for it. Classic builders can't copy from another image here without it being in a
# registry's form, so the image is made by hand.
@pytest.fixture
def image_with_davit(engine, binary):
    name = f"e2ewrap-with-davit:{id(binary)}"
    container = engine.out("create", "--user", "root", SETTINGS["TIMESCALEDB_IMAGE"])
    try:
        engine.run("cp", str(binary), f"{container}:/usr/local/bin/davit")
        engine.run("commit", "--change", "USER postgres", container, name)
        yield name
    finally:
        engine.run("rm", "-f", container, check=False)
        engine.run("rmi", name, check=False)


def check(stack, engine, program):
    """The seed's steps: stop, look, start; and the container ends in time."""
    stack.wait_healthy("db")
    container = stack.container("db")
    engine.sql(container, "create table t(n int); insert into t values (7)")
    data = "/home/postgres/pgdata/data"
    engine.exec(container, "pg_ctl", "-D", data, "stop")
    # As the seed has it: whoever stops the server is left with the container.
    wait_until("maintenance", lambda: json.loads(engine.exec(container, program, "db", "status", "--json"))["state"] == "maintenance")
    status = engine.run("exec", container, "pg_ctl", "-D", data, "status", check=False)
    assert (status.returncode, status.stdout.strip()) == (3, "pg_ctl: no server running")
    engine.exec(container, program, "db", "start")
    assert engine.sql(container, "select n from t") == "7"
    stack.compose("stop", "-t", "20", "db")
    assert engine.inspect(container)["State"]["ExitCode"] == 0
    stack.compose("start", "db")
    stack.wait_healthy("db")
    assert engine.sql(container, "select n from t") == "7"


def test_davit_from_a_volume(compose, engine):
    stack = compose(TEXT, {".env": env_file()}, wait=False)
    check(stack, engine, "/opt/davit/davit")


def test_davit_in_the_image(compose, engine, image_with_davit):
    changed = TEXT.replace("entrypoint: [/opt/davit/davit,", "entrypoint: [davit,").replace("      - davit:/opt/davit:ro\n", "")
    assert changed.count("/opt/davit:ro") == 0
    stack = compose(changed, {".env": env_file(TIMESCALEDB_IMAGE=image_with_davit)}, wait=False)
    check(stack, engine, "davit")


def test_the_schedule(engine, scratch):
    """What Ofelia reads: its fields count seconds first, and what is not set is empty."""
    from support.stack import Stack

    stack = Stack(engine, "e2ewraplabels", scratch / "labels")
    stack.write(TEXT, {".env": env_file()})
    done = stack.compose("--profile", "full", "config", "--format", "json")
    assert "variable is not set" not in done.stderr
    services = json.loads(done.stdout)["services"]
    labels = services["db"]["labels"]
    assert labels["ofelia.job-exec.db-full.schedule"] == "0 0 0 * * *"
    assert labels["ofelia.job-exec.db-diff.schedule"] == "0 */15 * * * *"
    for job, kind in (("db-full", "full"), ("db-diff", "diff")):
        assert labels[f"ofelia.job-exec.{job}.command"] == f"/opt/davit/davit pgbackrest backup --type {kind}"
        assert labels[f"ofelia.job-exec.{job}.user"] == "postgres"
    # The file outlives the cluster, and the check is of a database that there is.
    assert services["db"]["environment"]["PGBACKREST_CONFIG"].startswith("/var/lib/pgbackrest/")
    assert '-d "$$POSTGRES_DB"' in services["db"]["healthcheck"]["test"][1]
    told = services["ofelia"]["labels"]
    assert {told[f"ofelia.{name}"] for name in ("smtp-host", "smtp-user", "smtp-password", "email-to", "email-from",
                                                "slack-webhook")} == {""}
    assert (told["ofelia.smtp-port"], told["ofelia.mail-only-on-error"], told["ofelia.slack-only-on-error"]) == ("0", "false", "false")
    assert services["ofelia"]["command"] == ["daemon", "--docker", "--docker-filter",
                                             "label=com.docker.compose.project=e2ewraplabels"]
    stack.write(TEXT, {".env": env_file(OFELIA_SMTP_HOST="mail.example", OFELIA_SMTP_PORT="587", OFELIA_EMAIL_TO="a@example")})
    told = config(stack)["ofelia"]["labels"]
    assert (told["ofelia.smtp-host"], told["ofelia.smtp-port"], told["ofelia.email-to"]) == ("mail.example", "587", "a@example")
