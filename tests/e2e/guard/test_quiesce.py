"""Services are held while their volumes are read, and run again: contents that are of one moment, and nobody left behind."""

import json
import subprocess

import pytest

from support.engine import wait_until
from support.postgres import Postgres

# Writes the same number into two files, one after the other: they may differ by one, and by no more.
WRITER = """
n=0
while :; do n=$((n + 1)); echo $n >/data/a.new; mv /data/a.new /data/a; echo $n >/data/b.new; mv /data/b.new /data/b; done"""

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sh, /scripts/writer]
    stop_grace_period: 1s
    volumes: ["data:/data", "./scripts:/scripts:ro"]
    labels: {labels}
volumes:
  data:
"""


def up(compose, **labels):
    stack = compose(COMPOSE.format(labels=json.dumps({name.replace("_", "."): value for name, value in labels.items()})),
                    {"scripts/writer": WRITER})
    return stack


def events(engine, stack, since):
    template = '{{index .Actor.Attributes "com.docker.compose.service"}} {{.Action}}'
    lines = engine.out("events", "--since", since, "--until", engine_time(engine), "--filter",
                       f"label=com.docker.compose.project={stack.name}", "--filter", "type=container", "--format", template)
    return [line for line in lines.split("\n") if line.split(" ", 1)[-1] in ("pause", "unpause", "stop", "start")]


def engine_time(engine):
    return engine.out("info", "--format", "{{.SystemTime}}")


def item(shown, name):
    kind, _, rest = name.partition(":")
    return next(i for i in shown["items"] if (i["kind"], i["name"]) == (kind, rest))


def backed_up(engine, davit, stack):
    """The two numbers of the backup, after a restore into an empty volume."""
    stack.down()
    davit("restore", "--stack", stack.name, "--data-only")
    return [int(n) for n in engine.in_volume(stack.volume("data"), "cat a b").split()]


@pytest.mark.parametrize("quiesce, consistency, doing", [("pause", "paused", ["app pause", "app unpause"]),
                                                         ("stop", "stopped", ["app stop", "app start"])])
def test_contents_are_of_one_moment(engine, compose, davit, quiesce, consistency, doing):
    stack = up(compose, davit_quiesce=quiesce)
    wait_until("the writer to write", lambda: engine.exec(stack.container("app"), "cat", "/data/b", check=False))
    since = engine_time(engine)
    shown = davit.json("backup", "--stack", stack.name)
    assert item(shown, "volume:data")["consistency"] == consistency
    assert [(h["service"], h["how"]) for h in shown["held"]] == [("app", consistency)]
    assert 0 < shown["held"][0]["seconds"] < 60
    assert stack.states() == {"app": "running"}
    assert events(engine, stack, since) == doing
    a, b = backed_up(engine, davit, stack)
    assert a - 1 <= b <= a


def test_none_is_read_live(engine, compose, davit):
    stack = up(compose, davit_quiesce="none")
    since = engine_time(engine)
    shown = davit.json("backup", "--stack", stack.name, code=None)
    assert item(shown, "volume:data")["consistency"] == "live"
    assert "held" not in shown
    assert events(engine, stack, since) == []


def test_the_plan_says_who_is_held(engine, compose, davit):
    stack = up(compose, davit_quiesce_max="90")
    since = engine_time(engine)
    plan = davit("backup", "--stack", stack.name, "--dry-run").stdout
    assert "services meanwhile:\n  app  paused  for volume:data  at most 90.0 s\n" in plan
    assert events(engine, stack, since) == []


def test_its_time_is_over(engine, compose, davit):
    stack = up(compose, davit_quiesce_max="1")
    engine.in_volume(stack.volume("data"), "dd if=/dev/urandom of=big bs=1M count=600 2>/dev/null")
    done = davit("backup", "--stack", stack.name, "--compress", "zstd:15", "--json", code=3)
    shown = json.loads(done.stdout)
    assert item(shown, "volume:data")["consistency"] == "live"
    assert any("davit.quiesce.max" in finding["what"] for finding in shown["findings"])
    assert shown["held"][0]["seconds"] < 4
    assert stack.states() == {"app": "running"}


def test_what_somebody_else_lets_run_meanwhile_is_live(engine, compose, davit):
    stack = up(compose)
    container = stack.container("app")
    engine.in_volume(stack.volume("data"), "dd if=/dev/urandom of=big bs=1M count=8 2>/dev/null")
    argv = davit.argv(["backup", "--stack", stack.name, "--compress", "zstd:19", "--json"],
                      {"DAVIT_REPOSITORY": str(davit.repository)})
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        wait_until("the service to be held", lambda: engine.inspect(container)["State"]["Paused"])
        engine.run("unpause", container)
        shown = json.loads(process.communicate(timeout=120)[0])
    assert process.returncode == 3
    assert item(shown, "volume:data")["consistency"] == "live"
    assert "service app was let run by somebody else, before everything was read" in [f["what"] for f in shown["findings"]]
    assert stack.states() == {"app": "running"}


# Its shell hears of the end at once, and takes its time.
SLOW_TO_STOP = """
services:
  app:
    image: busybox
    command: [sh, -c, "trap 'sleep 4; exit 0' TERM; touch /data/ready; while :; do sleep 0.1; done"]
    stop_grace_period: 20s
    volumes: ["data:/data"]
    labels: {davit.quiesce: stop}
volumes:
  data:
"""


@pytest.mark.parametrize("davit", ["host"], indirect=True)
def test_one_that_was_just_being_stopped_is_started(engine, compose, davit):
    stack = compose(SLOW_TO_STOP)
    app = stack.container("app")
    wait_until("the service to be ready", lambda: engine.exec(app, "ls", "/data", check=False) == "ready\n")
    since = engine_time(engine)
    argv = davit.argv(["backup", "--stack", stack.name], {"DAVIT_REPOSITORY": str(davit.repository)})
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        # What the Engine was asked for shows as a signal, long before the service ends.
        template = '{{.Action}}'
        wait_until("the service to be told", lambda: "kill" in engine.out(
            "events", "--since", since, "--until", engine_time(engine), "--filter", f"container={app}", "--format", template))
        assert stack.states() == {"app": "running"}
        process.kill()
    wait_until("the service to end", lambda: stack.states() == {"app": "exited"}, 30)
    wait_until("the service to run again", lambda: stack.states() == {"app": "running"}, 10)
    wait_until("the guard to end", lambda: engine.state(f"davit-guard-{stack.name}") != "running", 60)
    assert f"of stack {stack.name} had died: started service app again" in davit("ls").stderr
    assert davit.json("ls") == []


def test_who_did_not_run_is_not_started(engine, compose, davit):
    stack = up(compose, davit_quiesce="stop")
    engine.run("stop", "-t", "0", stack.container("app"))
    since = engine_time(engine)
    shown = davit.json("backup", "--stack", stack.name)
    assert item(shown, "volume:data")["consistency"] == "stopped"
    assert stack.states() == {"app": "exited"}
    engine.run("start", stack.container("app"))
    engine.run("pause", stack.container("app"))
    shown = davit.json("backup", "--stack", stack.name)
    assert item(shown, "volume:data")["consistency"] == "paused"
    assert stack.states() == {"app": "paused"}
    engine.run("unpause", stack.container("app"))
    assert events(engine, stack, since) == ["app start", "app pause", "app unpause"]


def test_another_stack_is_not_touched(engine, compose, davit):
    stack = up(compose)
    other = f"{stack.name}-stranger"
    engine.run("run", "-d", "--init", "--name", other, "--label", "com.docker.compose.project=another", "--label",
               "com.docker.compose.service=app", "-v", f"{stack.volume('data')}:/v", "busybox", "sleep", "900")
    try:
        started = engine.inspect(other)["State"]["StartedAt"]
        done = davit("backup", "--stack", stack.name, "--json", code=3)
        shown = json.loads(done.stdout)
        assert item(shown, "volume:data")["consistency"] == "live"
        assert f"container {other} writes it, and is not held: it belongs to stack another" in done.stderr
        state = engine.inspect(other)["State"]
        assert (state["Status"], state["StartedAt"]) == ("running", started)
        assert stack.states() == {"app": "running"}
    finally:
        engine.run("rm", "-f", other)


ORDER = """
services:
  db:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: [sh, -c, "rm -f /tmp/ok; sleep 2; touch /tmp/ok; sleep 900"]
    volumes: ["data:/data"]
    labels: {davit.quiesce: stop}
    healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 1s, retries: 60}
  app:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sleep 900
    volumes: ["data:/data"]
    labels: {davit.quiesce: stop}
    depends_on: {db: {condition: service_healthy}}
volumes:
  data:
"""


def test_order(engine, compose, davit):
    stack = compose(ORDER)
    since = engine_time(engine)
    davit("backup", "--stack", stack.name)
    assert events(engine, stack, since) == ["app stop", "db stop", "db start", "app start"]
    states = {s: engine.inspect(stack.container(s))["State"] for s in ("db", "app")}
    healthy = [log["End"] for log in states["db"]["Health"]["Log"] if log["ExitCode"] == 0]
    assert states["app"]["StartedAt"][:19] >= min(healthy)[:19]


SHARED_NETWORK = """
services:
  gate:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sleep 900
    volumes: ["data:/data"]
    labels: {davit.quiesce: stop}
  behind:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sleep 900
    network_mode: "service:gate"
volumes:
  data:
"""


def test_who_uses_the_network_of_another_keeps_it(engine, compose, davit):
    stack = compose(SHARED_NETWORK)
    devices = lambda: engine.exec(stack.container("behind"), "ls", "/sys/class/net").split()
    before = devices()
    assert "eth0" in before
    since = engine_time(engine)
    davit("backup", "--stack", stack.name)
    assert events(engine, stack, since) == ["behind stop", "gate stop", "gate start", "behind start"]
    assert devices() == before


HOOKS = """
services:
  app:
    image: busybox
    init: true
    command: sleep 900
    volumes: ["data:/data"]
    labels:
      davit.before: '["sh", "-c", "yes before | head -c 20000000; echo before >>/data/log; id -u >/data/user"]'
      davit.after: '["sh", "-c", "echo after >>/data/log"]'
      davit.hook.user: "65534"
      davit.command: '["cat", "/data/secret"]'
      davit.command.restore: '["sh", "-c", "cat >/data/restored"]'
volumes:
  data:
"""


def test_hooks_and_commands(engine, compose, davit):
    stack = compose(HOOKS)
    volume = stack.volume("data")
    secret = "line\\000\\377 two"
    engine.in_volume(volume, f"chmod 777 .; printf '{secret}' >secret; chmod 644 secret")
    done = davit("backup", "--stack", stack.name, code=3)
    assert "davit.before and davit.after of service app not run: --allow-hooks is not set" in done.stderr
    assert engine.in_volume(volume, "ls") == "secret"

    shown = davit.json("backup", "--stack", stack.name, "--allow-hooks")
    assert engine.in_volume(volume, "cat log user") == "before\nafter\n65534"
    artefact = item(shown, "command:app")["artefacts"][0]
    assert (artefact["path"], artefact["content"]) == ("commands/app.zst", "raw")

    refused = davit("restore", "--stack", stack.name, "--only", "command:app", "--replace", code=None)
    assert refused.returncode != 0 and "--allow-hooks" in refused.stderr
    engine.in_volume(volume, "rm -f restored")
    davit("restore", "--stack", stack.name, "--only", "command:app", "--replace", "--allow-hooks")
    assert engine.in_volume(volume, "cmp secret restored && echo same") == "same"
    engine.run("stop", "-t", "0", stack.container("app"))
    refused = davit("restore", "--stack", stack.name, "--only", "command:app", "--replace", "--allow-hooks", code=None)
    assert refused.returncode != 0 and "no container of service app runs" in refused.stderr


def test_a_failing_hook(engine, compose, davit):
    stack = compose(HOOKS.replace("id -u >/data/user", "echo no room >&2; exit 4").replace("after >>/data/log", "after >>/data/log; exit 5"))
    engine.in_volume(stack.volume("data"), "chmod 777 .; touch secret")
    done = davit("backup", "--stack", stack.name, "--allow-hooks", code=1)
    assert "davit.before of service app: it ended with exit code 4: no room" in done.stderr
    assert "finding: davit.after of service app: it ended with exit code 5" in done.stderr
    assert engine.in_volume(stack.volume("data"), "cat log") == "before\nafter"
    assert stack.states() == {"app": "running"}
    davit("ls", "--stack", stack.name, code=None)
    assert not list((davit.repository / "backups").glob(f"{stack.name}/*/manifest.json"))


def test_a_failing_hook_afterwards(engine, compose, davit):
    stack = compose(HOOKS.replace("echo after >>/data/log", "echo no way >&2; exit 5"))
    engine.in_volume(stack.volume("data"), "chmod 777 .; touch secret")
    davit("backup", "--stack", stack.name, "--allow-hooks", "--exclude", "command:app", code=3)
    findings = davit.json("show", "--stack", stack.name)["findings"]
    assert [finding["what"] for finding in findings] == ["davit.after of service app: it ended with exit code 5: no way"]


def test_a_hook_that_takes_too_long(engine, compose, davit):
    stack = compose(HOOKS.replace("id -u >/data/user", "sleep 600").replace('davit.hook.user: "65534"', "davit.hook.timeout: 1s"))
    engine.in_volume(stack.volume("data"), "touch secret")
    wrong = davit("backup", "--stack", stack.name, env={"DAVIT_ALLOW_HOOKS": "yes"}, code=2)
    assert "DAVIT_ALLOW_HOOKS" in wrong.stderr
    done = davit("backup", "--stack", stack.name, env={"DAVIT_ALLOW_HOOKS": "1"}, code=14)
    assert "davit.before of service app: it took longer than 1 s, and may still run" in done.stderr
    assert engine.in_volume(stack.volume("data"), "cat log") == "before\nafter"
    assert stack.states() == {"app": "running"}


CONSISTENT = """
services:
  db:
    image: davit-test/postgres:17
    environment: {POSTGRES_HOST_AUTH_METHOD: trust}
    volumes: ["pgdata:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD-SHELL, "pg_isready -q -h 127.0.0.1 -U postgres"], interval: 2s, retries: 60}
  app:
    image: davit-test/postgres:17
    entrypoint: [bash, /scripts/writer]
    stop_grace_period: 1s
    volumes: ["data:/data", "./scripts:/scripts:ro"]
    depends_on: {db: {condition: service_healthy}}
volumes:
  pgdata:
  data:
"""
# One marker in both places, the database first: what is in flight is at most one. pgbench keeps the same server busy.
MARKER = """
set -e
export PGHOST=db PGUSER=postgres
createdb load 2>/dev/null || :
pgbench -qi load 2>/dev/null
pgbench -R 50 -c 2 -T 3600 load >/data/pgbench 2>&1 &
psql -qc 'create table if not exists marker (n bigint)'
n=$(psql -Atc 'select coalesce(max(n), 0) from marker')
while :; do n=$((n + 1)); echo "insert into marker values ($n);"; echo "\\\\! echo $n >/data/n.new && mv /data/n.new /data/n"; done |
  psql -qX -v ON_ERROR_STOP=1"""


def test_consistent(engine, compose, davit):
    stack = compose(CONSISTENT, {"scripts/writer": MARKER})
    data = lambda: int(engine.exec(stack.container("app"), "cat", "/data/n", check=False) or 0)
    wait_until("the writer to write", lambda: data() > 20)
    for _ in range(3):
        shown = davit.json("backup", "--stack", stack.name, "--consistent")
        assert [h["service"] for h in shown["held"]] == ["app"]
        assert stack.states() == {"db": "running", "app": "running"}
        before = data()
        wait_until("the writer to write on", lambda: data() > before)
        stack.compose("stop", "-t", "1", "app")
        davit("restore", "--stack", stack.name, "--replace")
        in_volume = int(engine.in_volume(stack.volume("data"), "cat n"))
        in_database = int(Postgres(stack).sql("select max(n) from marker"))
        assert 20 < in_volume and abs(in_volume - in_database) <= 1
        stack.compose("start", "app")
        wait_until("the writer to write", lambda: data() > 20)
