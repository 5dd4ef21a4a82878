"""The first process of a database container: what becomes of the server, of the container, and of what they leave."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.engine import wait_until
from support.wrapped import HA, OFFICIAL, PROGRAM

KINDS = {"official": OFFICIAL, "ha": HA, "init": {**OFFICIAL, "options": ["--init"]}}


def check_next_start(server):
    """The container starts again as it is, and nothing blocks its server."""
    server.start()
    assert server.sql("select 40 + 2") == "42"
    server.check_reaped()


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_while_running(wrapped, kind):
    server = wrapped(**KINDS[kind])
    server.wait_for("running")
    server.sql("create table t(n int); insert into t values (7)")
    # A client that is connected would keep a server up that was asked to wait.
    client = subprocess.Popen(["docker", "exec", server.name, "psql", "-X", "-U", "postgres", "-c", "select pg_sleep(600)"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until("the client", lambda: server.sql("select count(*) from pg_stat_activity where query like '%sleep(600)%' "
                                                "and pid <> pg_backend_pid()") == "1")
    took, code = server.stop()
    client.wait()
    assert code == 0 and took < 9, (took, code, server.logs())
    assert "database system is shut down" in server.logs()
    check_next_start(server)
    assert server.sql("select n from t") == "7"
    assert "was not properly shut down" not in server.logs()


@pytest.mark.parametrize("kind", KINDS)
def test_maintenance(wrapped, kind):
    server = wrapped(**KINDS[kind])
    server.wait_for("running")
    server.sql("create table t(n int); insert into t values (7)")
    first = server.status()
    user = server.engine.out("exec", "-u", "postgres", server.name, "id", "-u")
    done = server.db("stop")
    assert done.stdout.startswith("maintenance since ") and "last exit: code 0" in done.stdout
    assert server.running()
    # What the seed's users look for.
    status = server.exec("sh", "-c", 'exec pg_ctl -D "$PGDATA" status', check=False)
    if user == "1000":
        assert (status.returncode, status.stdout.strip()) == (3, "pg_ctl: no server running")
    status = server.engine.run("exec", "-u", "postgres", server.name, "sh", "-c", 'exec pg_ctl -D "$PGDATA" status', check=False)
    assert (status.returncode, status.stdout.strip()) == (3, "pg_ctl: no server running")
    assert [p[3] for p in server.processes() if "postgres" in p[3]] == []
    # The user that the server ran as may speak to the wrapper, too.
    server.db("start", options=["-u", "postgres"])
    assert server.sql("select n from t") == "7"
    second = server.status()
    assert second["state"] == "running" and second["starts"] == 2 and second["pid"] != first["pid"]
    assert second["last_exit"]["code"] == 0 and second["accepting"] is True
    server.db("restart", "--mode", "immediate")
    assert server.sql("select n from t") == "7"
    assert server.status()["starts"] == 3
    # And the container ends from maintenance.
    server.db("stop")
    took, code = server.stop()
    assert code == 0 and took < 3, (took, code)
    check_next_start(server)


class Initdb:
    """A container whose initdb has begun. That is over in a second, so it is slow until it has been seen, and then held."""

    def __init__(self, wrapped, options=(), **kind):
        self.server = wrapped(**kind, options=[*options, "--cpus", "0.2"])
        wait_until("initdb", lambda: self.look() is not None, 60)
        self.pid, self.parent = self.look()
        os.kill(self.pid, signal.SIGSTOP)
        self.server.engine.run("update", "--cpus", "2", self.server.name)

    def look(self):
        """(id, parent) as the host has them."""
        lines = self.server.engine.out("top", self.server.name, "-o", "pid,ppid,comm").splitlines()
        return next(((int(pid), int(parent)) for pid, parent, name in map(str.split, lines) if name == "initdb"), None)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_while_it_makes_its_cluster(wrapped, kind):
    """initdb clears away its half of a cluster, so the next start makes a whole one."""
    initdb = Initdb(wrapped, **KINDS[kind])
    server = initdb.server
    with ThreadPoolExecutor() as other:
        stopped = other.submit(server.stop)
        try:
            wait_until("the entrypoint to end", lambda: initdb.look()[1] != initdb.parent, 9)
        finally:
            initdb.go_on()
        took, code = stopped.result()
    assert code not in (0, 137) and took < 9, (took, code, server.logs())
    check_next_start(server)


@pytest.mark.parametrize("kind", ["official", "ha"])
def test_stopped_while_it_is_prepared(wrapped, kind, scratch):
    """The server of the image's preparations ends well, although the entrypoint that started it has gone."""
    (scratch / "slow.sh").write_text("echo now it is slow; sleep 600\n")
    (scratch / "slow.sh").chmod(0o755)
    options = ["-v", f"{scratch}/slow.sh:/docker-entrypoint-initdb.d/slow.sh:ro"]
    server = wrapped(**KINDS[kind], options=options)
    wait_until("the preparations", lambda: "now it is slow" in server.logs())
    assert server.status()["state"] == "starting"
    done = server.db("stop", "--timeout", "1", code=11)
    assert "still preparing" in done.stderr
    took, code = server.stop()
    assert code == 143 and took < 9, (took, code, server.logs())
    assert "database system is shut down" in server.logs()
    check_next_start(server)
    assert "was not properly shut down" not in server.logs()


@pytest.mark.parametrize("kind", ["official", "ha"])
def test_other_signals_while_it_is_prepared(wrapped, kind, scratch):
    """A reload or a rotation of logs ends neither the entrypoint, nor the server that it prepares, nor the one that serves."""
    (scratch / "slow.sh").write_text("echo now it is slow; until [ -e /tmp/go ]; do sleep 0.1; done\n")
    (scratch / "slow.sh").chmod(0o755)
    slow = ["-v", f"{scratch}/slow.sh:/docker-entrypoint-initdb.d/slow.sh:ro"]
    initdb = Initdb(wrapped, **KINDS[kind], options=slow)
    server = initdb.server
    others = ("HUP", "USR1", "USR2", "WINCH", "CONT")

    def send():
        for name in others:
            server.engine.run("kill", "-s", name, server.name)

    send()
    initdb.go_on()
    wait_until("the preparations", lambda: "now it is slow" in server.logs(), 60)
    send()
    assert server.status()["state"] == "starting"
    server.exec("touch", "/tmp/go")
    server.wait_for("running")
    server.exec("sh", "-c", "echo \"work_mem = '7MB'\" >> $PGDATA/postgresql.conf")
    send()
    wait_until("the reload", lambda: server.sql("show work_mem") == "7MB")
    status = server.status()
    assert (status["state"], status["starts"], status["last_exit"]) == ("running", 1, None)
    # And in maintenance there is nobody whom they concern.
    server.db("stop")
    send()
    assert server.status()["state"] == "maintenance"
    assert server.stop()[1] == 0


def test_stopped_while_it_recovers_and_while_it_stops(wrapped):
    server = wrapped(**OFFICIAL, options=["-e", "DAVIT_ON_EXIT=stay"])
    server.wait_for("running")
    server.sql("create table t as select n, md5(n::text) as text from generate_series(1, 300000) n")
    # A server that was killed recovers when it starts.
    pid = server.status()["pid"]
    server.kill(pid)
    server.wait_for("maintenance")
    assert server.status()["last_exit"]["code"] == 137
    with subprocess.Popen(["docker", "exec", server.name, PROGRAM, "db", "start"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as starting:
        wait_until("the second server", lambda: server.status()["starts"] == 2)
        took, code = server.stop()
        starting.wait()
    # 130: before PostgreSQL has said what to do with a signal.
    assert code in (0, 1, 130, 143) and took < 9, (took, code, server.logs())
    check_next_start(server)
    assert server.sql("select count(*) from t") == "300000"
    # One that waits for a client is told to wait no longer.
    client = subprocess.Popen(["docker", "exec", server.name, "psql", "-X", "-U", "postgres", "-c", "select pg_sleep(600)"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until("the client", lambda: server.sql("select count(*) from pg_stat_activity where query like '%sleep(600)%' "
                                                "and pid <> pg_backend_pid()") == "1")
    done = server.db("stop", "--mode", "smart", "--timeout", "1", code=14)
    assert "--mode fast" in done.stderr
    assert server.status()["state"] == "stopping"
    took, code = server.stop()
    client.wait()
    assert code == 0 and took < 9, (took, code)
    check_next_start(server)


@pytest.mark.parametrize("kind", KINDS)
def test_crash(wrapped, kind):
    server = wrapped(**KINDS[kind])
    server.wait_for("running")
    server.kill(server.status()["pid"])
    assert server.wait_exited() == 137
    check_next_start(server)


@pytest.mark.parametrize("kind", ["official", "ha"])
def test_the_seeds_own_stop(wrapped, kind):
    """pg_ctl stop, which knows nothing of davit, and a server that is killed: the container stays when it is told to."""
    server = wrapped(**KINDS[kind], arguments=["--on-exit", "stay"])
    server.wait_for("running")
    server.sql("create table t(n int); insert into t values (7)")
    server.engine.run("exec", "-u", "postgres", server.name, "sh", "-c", 'pg_ctl -D "$PGDATA" stop')
    server.wait_for("maintenance")
    server.db("start")
    server.kill(server.status()["pid"])
    server.wait_for("maintenance")
    assert server.status()["last_exit"]["code"] == 137
    server.db("start")
    assert server.sql("select n from t") == "7"
    server.check_reaped()


def test_what_a_killed_server_has_left_blocks_no_start(wrapped):
    """The number in its postmaster.pid may be another process's by now, of the same user: PostgreSQL would not start."""
    server = wrapped(**HA, arguments=["--on-exit", "stay"])
    server.wait_for("running")
    server.sql("create table t(n int); insert into t values (7)")
    server.kill(server.status()["pid"])
    server.wait_for("maintenance")
    server.engine.run("exec", "-d", server.name, "sh", "-c", "echo $$ > /tmp/other; exec sleep 600")
    wait_until("the other process", lambda: server.exec("cat", "/tmp/other", check=False).stdout.strip() != "")
    server.exec("sh", "-c", 'sed -i "1s/.*/$(cat /tmp/other)/" $PGDATA/postmaster.pid /var/run/postgresql/.s.PGSQL.5432.lock')
    server.db("start")
    assert server.sql("select n from t") == "7"
    assert "is removed" in server.logs()
    # And so it is when everything was killed with the container.
    server.engine.run("kill", server.name)
    check_next_start(server)
    assert server.sql("select n from t") == "7"


def test_another_container_on_the_same_data(wrapped, binary):
    """`docker compose run db psql`: what looks like a dead server's lock there is that of the one that runs here."""
    server = wrapped(**OFFICIAL)
    server.wait_for("running")
    server.sql("create table t(n int); insert into t values (7)")

    def second(*command):
        return server.engine.run("run", "--rm", "--name", f"{server.name}-run", "-e", "POSTGRES_PASSWORD=first secret", "-v",
                                 f"{server.volume}:{OFFICIAL['data']}", "-v", f"{binary}:{PROGRAM}:ro", "--entrypoint", PROGRAM,
                                 OFFICIAL["image"], "entrypoint", "--", "docker-entrypoint.sh", *command, check=False)

    assert "PostgreSQL" in second("psql", "--version").stdout
    refused = second("postgres")
    assert refused.returncode == 11 and "another container has the data directory" in refused.stderr
    assert second("-c", "port=5555").returncode == 11
    # Without the file it would end within a minute.
    assert server.exec("head", "-n", "1", f"{OFFICIAL['data']}/postmaster.pid").stdout.strip() == str(server.status()["pid"])
    assert server.sql("select n from t") == "7"
    server.stop()
    assert "PostgreSQL" in second("postgres", "--version").stdout


def test_a_restore_that_was_broken_off_between_two_clusters(wrapped):
    """The container doesn't end again and again with it: there is one to put it right in."""
    server = wrapped(**OFFICIAL)
    server.wait_for("running")
    server.stop()
    server.engine.run("run", "--rm", "-v", f"{server.volume}:/data", "busybox", "sh", "-c",
                      "mkdir /data/.davit-restore && echo entering > /data/.davit-restore/step && mv /data/global /data/.davit-restore/")
    server.engine.run("start", server.name)
    server.wait_for("maintenance")
    assert "davit pgbackrest restore --settle" in server.logs()
    assert "davit pgbackrest restore --settle" in server.db("start", code=1).stderr
    _, code = server.stop()
    assert code == 0


def test_without_stay_it_ends_the_container(wrapped):
    server = wrapped(**OFFICIAL)
    server.wait_for("running")
    server.engine.run("exec", "-u", "postgres", server.name, "sh", "-c", 'pg_ctl -D "$PGDATA" stop', check=False)
    assert server.wait_exited() == 0


@pytest.mark.parametrize("kind", ["official", "init"])
def test_a_thousand_orphans(wrapped, kind):
    server = wrapped(**KINDS[kind])
    server.wait_for("running")
    server.exec("sh", "-c", "i=0; while [ $i -lt 1000 ]; do (sleep 1 &); i=$((i+1)); done")
    wait_until("the orphans to go", lambda: not any(p[3] == "sleep" for p in server.processes()))
    server.check_reaped()
    assert server.sql("select 1") == "1"


def test_a_start_that_fails_can_be_mended(wrapped):
    server = wrapped(**OFFICIAL)
    server.wait_for("running")
    server.db("stop")
    server.exec("sh", "-c", "echo nonsense >> $PGDATA/postgresql.conf")
    done = server.db("start", "--json", code=1)
    assert "ended with exit code 1 while it was starting" in json.loads(done.stdout)["error"]["message"]
    assert server.status()["state"] == "maintenance" and server.running()
    server.exec("sh", "-c", "sed -i '$d' $PGDATA/postgresql.conf")
    server.db("start")
    assert server.sql("select 1") == "1"


def test_it_needs_no_place_to_write_to_and_no_privilege(wrapped):
    server = wrapped(**HA, options=["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/var/run/postgresql:uid=1000", "--cap-drop",
                                    "ALL", "--security-opt", "no-new-privileges", "-v", "/home/postgres/pgdata/backup"])
    server.wait_for("running")
    server.db("stop")
    server.db("start")
    assert server.sql("select 1") == "1"
    done = server.db("stop", options=["-u", "65534"], code=12)
    assert "takes no orders from user 65534" in done.stderr
    assert server.stop()[1] == 0


def test_restart_policy_of_the_engine(wrapped):
    """A server that ends at once, over and over, costs next to nothing: the Engine waits longer each time."""
    server = wrapped(**OFFICIAL, options=["--restart", "always"], command=["docker-entrypoint.sh", "postgres", "-c", "nonsense=1"])
    wait_until("some restarts", lambda: server.engine.inspect(server.name)["RestartCount"] >= 2, 60)
    assert "nonsense" in server.logs()


@pytest.mark.parametrize("command,code,message", [
    (["/nowhere/entrypoint"], 10, "no such file or directory"),
    (["no-such-program"], 10, "no program no-such-program in PATH"),
    (["sh", "-c", "exit 77"], 77, ""),
])
def test_exit_codes(wrapped, command, code, message):
    server = wrapped(**OFFICIAL, command=command)
    assert server.wait_exited() == code
    assert message in server.logs()
