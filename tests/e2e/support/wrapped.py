"""A database container whose first process is davit, made with plain `docker run`."""

import json
import time
import uuid

from support.engine import wait_until

PROGRAM = "/opt/davit/davit"


class Wrapped:
    """One container. Its data lie in a volume of its own, so that a test may also make a second one of it."""

    def __init__(self, engine, binary, image, data, options=(), arguments=(), command=("docker-entrypoint.sh", "postgres")):
        self.engine, self.name = engine, f"e2ewrap{uuid.uuid4().hex[:8]}"
        self.volume = f"{self.name}_data"
        engine.run("volume", "create", self.volume)
        engine.run("run", "-d", "--name", self.name, "-e", "POSTGRES_PASSWORD=first secret", "-v", f"{self.volume}:{data}", "-v",
                   f"{binary}:{PROGRAM}:ro", *options, "--entrypoint", PROGRAM, image, "entrypoint", *arguments, "--", *command)

    def exec(self, *command, **more):
        return self.engine.run("exec", self.name, *command, **more)

    def db(self, *arguments, code=0, options=()):
        """davit db in the container, as its users type it."""
        done = self.engine.run("exec", *options, self.name, PROGRAM, "db", *arguments, check=False)
        assert code is None or done.returncode == code, \
            f"davit db {arguments}: {done.returncode}\n{done.stdout}{done.stderr}\nthe container says:\n{self.logs()}"
        return done

    def status(self):
        return json.loads(self.db("status", "--json").stdout)

    def wait_for(self, state, seconds=90):
        wait_until(f"state {state}", lambda: self.status()["state"] == state, seconds)

    def sql(self, statement):
        return self.engine.sql(self.name, statement)

    def stop(self, grace=10):
        """docker stop: the seconds that it took, and the exit code. 137 would be the Engine's SIGKILL."""
        begin = time.monotonic()
        self.engine.run("stop", "-t", str(grace), self.name)
        return time.monotonic() - begin, self.engine.inspect(self.name)["State"]["ExitCode"]

    def start(self):
        self.engine.run("start", self.name)
        self.wait_for("running")

    def running(self):
        return self.engine.inspect(self.name)["State"]["Running"]

    def wait_exited(self, seconds=30):
        wait_until("the container to end", lambda: not self.running(), seconds)
        return self.engine.inspect(self.name)["State"]["ExitCode"]

    def logs(self):
        done = self.engine.run("logs", self.name)
        return done.stdout + done.stderr

    def processes(self):
        """[(pid, parent, state, program)] of everything in the container."""
        lines = self.exec("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null", check=False).stdout.splitlines()
        split = [(line[: line.index("(")], line[line.index("(") + 1: line.rindex(")")], line[line.rindex(")") + 2:].split())
                 for line in lines]
        return [(int(pid), int(rest[1]), rest[0], program) for pid, program, rest in split]

    def kill(self, pid):
        """SIGKILL, by the shell's own kill: not every image has another."""
        self.exec("sh", "-c", f"kill -9 {pid}")

    def check_reaped(self):
        """No process stays a zombie: any is one for the moment until its parent looks."""
        wait_until("the zombies to be taken in", lambda: not [process for process in self.processes() if process[2] == "Z"], 5)

    def destroy(self):
        self.engine.run("rm", "-f", "-v", self.name, check=False)
        self.engine.run("volume", "rm", "-f", self.volume, check=False)


OFFICIAL = {"image": "davit-test/postgres:17", "data": "/var/lib/postgresql/data"}
# uid 1000, no stop signal: SIGTERM comes.
HA = {"image": "davit-test/timescaledb-ha:15", "data": "/home/postgres/pgdata"}
