"""davit is killed again and again, in every way and at every moment, and what it promises is looked at after each time.

Run by `scripts/dev soak`; engine_killed/test_soak.py runs a short version. Everything happens on an Engine of the tests' own. A seed makes
the same kills in the same order, as far as time allows.
"""

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.davit import IMAGE, SCRATCH, Davit, extract_binary
from support.engine import Engine, wait_until
from support.nested import NestedEngine
from support.stack import Stack

# What ran comes back behind a crash of the Engine only with `always`: see test_nested.py.
COMPOSE = """
services:
  app:
    image: busybox
    init: true
    restart: always
    command: [sh, -c, "while :; do date >> /data/log; sleep 0.1; done"]
    volumes: ["data:/data"]
  worker:
    image: busybox
    init: true
    restart: always
    command: [sh, -c, "while :; do date >> /jobs/log; sleep 0.1; done"]
    labels: {davit.quiesce: stop}
    volumes: ["jobs:/jobs", "data:/data"]
  db:
    image: davit-test/postgres:17
    restart: always
    environment: {POSTGRES_PASSWORD: secret}
    volumes: ["pgdata:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres], interval: 1s, retries: 60}
  idle:
    image: busybox
    init: true
    restart: unless-stopped
    command: [sleep, "3600"]
    volumes: ["data:/data"]
volumes:
  data:
  jobs:
  pgdata:
"""
RUNNING = {"app": "running", "worker": "running", "db": "running", "idle": "exited"}
DATABASE_ONLY = {"db": "running"}
LIMIT = 10.0  # seconds until everything runs again

# How davit runs and what is done to it. "step" is a moment: behind a change of the guard's journal.
KINDS = ["SIGKILL", "SIGTERM", "docker kill", "docker kill TERM", "rm -f helper", "rm -f guard", "Engine kill -9",
         "Engine restart"]


class Broken(Exception):
    """A promise was not kept."""


class Run:
    """One davit that is about to be killed: as a process of the Engine's host, or as a container."""

    def __init__(self, soak, kind, *args):
        self.nested, self.kind = soak.nested, kind
        self.way = "container" if kind.startswith("docker") else "host"
        davit = Davit(self.way, soak.nested, soak.repository, soak.binary)
        argv = davit.argv([*args, "--stack", soak.stack.name], {"DAVIT_REPOSITORY": str(soak.repository)})
        self.container = f"e2e{uuid.uuid4().hex[:12]}"
        if self.way == "container":
            at = argv.index("run") + 1
            argv[at:at] = ["--name", self.container]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)

    def ended(self):
        return self.process.poll() is not None

    def _davit(self):
        # What enters the Engine's container waits for its child, which is davit.
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def _remove(self, role):
        wait_until(f"a {role}", lambda: self.ended() or self.nested.containers(f"davit.role={role}"), 60)
        found = list(self.nested.containers(f"davit.role={role}"))
        if found:
            self.nested.run("rm", "-f", found[0], check=False)
        return bool(found)

    def strike(self):
        """Kills it, or what it needs; False if there was none. The Engine is back when this returns."""
        if self.kind in ("SIGKILL", "SIGTERM"):
            wait_until("davit to be started", lambda: self.ended() or self._davit(), 10)
            for pid in self._davit():
                os.kill(pid, getattr(signal, self.kind))
        elif self.kind.startswith("docker"):
            how = ["-s", "TERM"] if self.kind.endswith("TERM") else []
            self.nested.run("kill", *how, self.container, check=False)
        elif self.kind.startswith("rm -f"):
            return self._remove(self.kind.split()[-1])
        else:
            getattr(self.nested, "kill" if self.kind.endswith("-9") else "stop")()
            self.nested.start()
        return True

    def wait(self):
        """Its exit code (negative: a signal) and what it said."""
        try:
            said, _ = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Broken(f"{self.kind}: davit has not ended after two minutes") from None
        return self.process.returncode, said


class Soak:
    def __init__(self, engine, seed):
        self.random = random.Random(seed)
        self.directory = SCRATCH / f"e2esoak{uuid.uuid4().hex[:8]}"
        self.repository = self.directory / "backups"
        self.repository.mkdir(parents=True)
        self.binary = SCRATCH / "bin" / IMAGE.replace(":", "-").replace("/", "-")
        extract_binary(engine, self.binary)
        self.nested = NestedEngine(engine, SCRATCH)
        self.stack = Stack(self.nested, self.directory.name, self.directory / "project")
        self.kills = collections.defaultdict(lambda: collections.Counter())
        self.killed = collections.Counter()  # runs, by command
        self.seconds = collections.defaultdict(list)  # until everything ran again, by kind
        self.broken = []
        self.marks = 0
        self.steps = 0  # of a journal, as far as they were seen
        self.took = {"backup": 3.0, "restore": 5.0}

    def __enter__(self):
        self.nested.create(IMAGE, "busybox", "davit-test/postgres:17")
        self.stack.write(COMPOSE, {})
        self.stack.up()
        self.stack.compose("stop", "-t", "1", "idle")
        self.nested.sql(self.stack.container("db"), "create table mark(text text); insert into mark values ('')")
        self.volumes = self.nested.names("volume", "ls", "-q")
        self.mark("base")
        self.base = self.davit("backup", "--quiet").strip()
        return self

    def __exit__(self, *_):
        try:
            self.stack.destroy()
        finally:
            self.nested.destroy()
            for path in sorted(self.directory.rglob("*"), reverse=True):
                path.unlink() if path.is_file() or path.is_symlink() else path.rmdir()
            self.directory.rmdir()

    def davit(self, *args, code=0):
        davit = Davit("host", self.nested, self.repository, self.binary)
        return davit(*args, "--stack", self.stack.name, code=code).stdout

    def listed(self):
        return {backup["id"] for backup in Davit("host", self.nested, self.repository, self.binary).json("ls")}

    def mark(self, text):
        """What every volume and the database say."""
        for volume in ("data", "jobs"):
            self.nested.in_volume(self.stack.volume(volume), f"echo {text} > mark")
        self.nested.sql(self.stack.container("db"), f"update mark set text = '{text}'")

    def marked(self):
        found = {volume: self.nested.in_volume(self.stack.volume(volume), "cat mark; ls -A | grep davit || :")
                 for volume in ("data", "jobs")}
        found["db"] = self.nested.sql(self.stack.container("db"), "select text from mark")
        return found

    # --- a kill ---

    def journal(self):
        """The journals of guards as the Engine's host sees them: what changes with each step."""
        root = Path(f"/proc/{self.root}/root/var/lib/docker/volumes")
        seen = []
        for path in root.glob("*/_data/journal"):
            try:
                stat = path.stat()
                seen.append((stat.st_ino, stat.st_mtime_ns))
            except OSError:
                continue
        return seen

    def until_step(self, run, number):
        """Waits for the number-th change of the journal; False if the run ended before."""
        before, steps = self.journal(), 0
        while steps < number:
            if run.ended():
                return False
            now = self.journal()
            if now != before:
                before, steps = now, steps + 1
                self.steps = max(self.steps, steps)
            time.sleep(0.002)
        return True

    def kill(self, command, kind, moment, *args):
        """Runs a command, kills it, and looks at what is promised. `moment`: seconds, or ("step", number)."""
        self.root = self.nested.outer.inspect(self.nested.name)["State"]["Pid"]
        expected = RUNNING if command == "backup" else DATABASE_ONLY
        known = self.listed()
        began = time.monotonic()
        run = Run(self, kind, command, *args)
        if isinstance(moment, tuple):
            self.until_step(run, moment[1])
        else:
            while not run.ended() and time.monotonic() < began + moment:
                time.sleep(0.005)
        missed = run.ended() or not run.strike()
        struck = time.monotonic()
        while (states := self.stack.states()) != expected and time.monotonic() < struck + LIMIT:
            time.sleep(0.1)
        seconds = time.monotonic() - struck
        code, said = run.wait()
        what = f"{command}, {kind} at {moment}: "
        if missed or code == 0:
            self.took[command] = 0.8 * self.took[command] + 0.2 * (struck - began)
        self.kills[kind]["missed" if missed else "kills"] += 1
        if not missed:
            self.seconds[kind].append(seconds)
        try:
            if states != expected:
                raise Broken(f"{what}after {LIMIT:.0f} s there is {states}\n{said}")
            self.kills[kind]["running"] += not missed
            self.killed[command] += not missed
            # Another look: what was put right stays so.
            self.davit("backup", "--dry-run")
            if (states := self.stack.states()) != expected:
                raise Broken(f"{what}behind the next command there is {states}\n{said}")
            left = self.nested.ours()
            new = self.nested.names("volume", "ls", "-q") - self.volumes
            staged = [path.name for path in (self.repository / ".current").glob("*")]
            if left["container"] or left["network"] or new or staged:
                raise Broken(f"{what}left behind: {left['container']} {new} {staged}\n{said}")
            come = self.listed() - known
            if command == "backup" and bool(come) != (code in (0, 3)) and not (come and code in (-9, 137)):
                raise Broken(f"{what}exit code {code}, and listed are {come}\n{said}")
            return code, said
        except AssertionError as error:
            raise Broken(f"{what}{error}\n{said}") from None

    def moment(self, command, number):
        """Every other one at a step of the journal, one step after the other; the others at any time."""
        if number % 2 == 0 or command != "backup" and self.steps == 0:
            return round(self.random.uniform(0, 1.1 * self.took[command]), 2)
        return ("step", 1 + (number // 2) % max(self.steps + 1, 4))

    def backup(self, kind, number):
        self.kill("backup", kind, self.moment("backup", number))

    def restore(self, kind, number):
        self.stack.compose("rm", "-f", "-s", "app", "worker", "idle")
        self.marks += 1
        self.mark(f"m{self.marks}")
        try:
            code, said = self.kill("restore", kind, self.moment("restore", number), "--replace", "--data-only", self.base)
            wait_until("the database", lambda: self.nested.run(
                "exec", self.stack.container("db"), "pg_isready", "-q", "-h", "127.0.0.1", check=False).returncode == 0)
            found = self.marked()
            if set(found.values()) not in ({"base"}, {f"m{self.marks}"}) or (code == 0 and found["db"] != "base"):
                raise Broken(f"restore, {kind}: exit code {code}, and there is {found}\n{said}")
        finally:
            self.heal()

    def heal(self):
        """Everything is as at the beginning, whatever happened."""
        if not self.nested.answers():
            self.nested.start()
        self.stack.up()
        self.stack.compose("stop", "-t", "1", "idle")
        self.volumes = self.nested.names("volume", "ls", "-q")

    def go(self, backups, restores):
        """Until so many of each were killed: a run that ended before its kill doesn't count, and gets another try."""
        kinds = []
        wanted = {"backup": backups, "restore": restores}
        numbers = collections.Counter()
        while left := {name: number - self.killed[name] for name, number in wanted.items() if number > self.killed[name]}:
            assert sum(numbers.values()) < 3 * (backups + restores) + 20, f"most kills come too late: {dict(self.killed)}"
            name = self.random.choices(list(left), list(left.values()))[0]
            if not kinds:
                kinds = self.random.sample(KINDS, len(KINDS))
            kind = kinds.pop()
            killed = self.killed[name]
            try:
                getattr(self, name)(kind, numbers[name])
                print(f"{name} {numbers[name]}: {kind}: {'ok' if self.killed[name] > killed else 'too late'}", file=sys.stderr)
            except Broken as broken:
                print(f"BROKEN: {broken}", file=sys.stderr)
                self.broken.append(str(broken))
                if len(self.broken) == 10:
                    return
                self.heal()
            numbers[name] += 1

    def finish(self):
        """The table, and whether every promise was kept."""
        self.davit("backup")
        listed = self.listed()
        verified = 0
        for backup in listed:
            done = Davit("host", self.nested, self.repository, self.binary)("verify", "--deep", backup, "--stack", self.stack.name,
                                                                           code=None)
            if done.returncode == 0:
                verified += 1
            else:
                self.broken.append(f"verify --deep {backup}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        print(f"{'kill':<18}{'kills':>6}{'too late':>10}{'all runs':>10}{'s median':>10}{'s longest':>11}")
        for kind in KINDS:
            times = sorted(self.seconds[kind])
            counts = self.kills[kind]
            print(f"{kind:<18}{counts['kills']:>6}{counts['missed']:>10}{counts['running']:>10}"
                  f"{times[len(times) // 2] if times else 0:>10.1f}{times[-1] if times else 0:>11.1f}")
        print(f"backups killed: {self.killed['backup']}, restores killed: {self.killed['restore']}; "
              f"steps of a journal: {self.steps}; backups listed: {len(listed)}, verified: {verified}; "
              f"broken promises: {len(self.broken)}")
        return not self.broken and verified == len(listed)


def main():
    parser = argparse.ArgumentParser(prog="scripts/dev soak", description=__doc__)
    parser.add_argument("--backups", type=int, default=200)
    parser.add_argument("--restores", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"--backups {options.backups} --restores {options.restores} --seed {options.seed}")
    with Soak(Engine(), options.seed) as soak:
        soak.go(options.backups, options.restores)
        good = soak.finish()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
