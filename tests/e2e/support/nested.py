"""An Engine of the tests' own: dockerd in a container of this machine's Engine. It may be killed and started again.

It sees DAVIT_SCRATCH at its own path, its socket lies there and at the usual place, and it shares nothing else with this machine. Everything that
takes an Engine takes this one: `Stack`, `Davit`, `Postgres`.
"""

import subprocess
import uuid

from support.engine import SOCKET, Engine, wait_until

IMAGE = "davit-test/engine"
# As near to `--privileged` as it gets where this machine lacks a capability itself.
FLAGS = ["--init", "--cap-add", "ALL", "--security-opt", "seccomp=unconfined",
         "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined", "--cgroupns", "host",
         "-v", "/sys/fs/cgroup:/sys/fs/cgroup", "--device-cgroup-rule", "a *:* rwm", "--tmpfs", "/run"]
# What the machine lacks must be dropped, and can't be dropped by an Engine in a container that hasn't got it.
WITHOUT = ["--cap-drop", "SYS_RESOURCE"]


class NestedEngine(Engine):
    def __init__(self, outer, scratch, volume=None):
        """`volume`: one that keeps its images for the next, which nobody else may use meanwhile."""
        self.outer, self.scratch, self.keeps = outer, scratch, volume is not None
        self.name = f"e2eengine{uuid.uuid4().hex[:8]}"  # of its container
        self.volume = volume or self.name  # with its data
        self.directory = scratch / self.name
        super().__init__(self.directory / "docker.sock")

    def create(self, *images):
        """Runs, with these images of this machine, after this."""
        self.directory.mkdir(parents=True)
        argv = ["--name", self.name, *FLAGS, "-v", f"{self.volume}:/var/lib/docker", "-v", f"{self.scratch}:{self.scratch}", IMAGE]
        done = self.outer.run("run", "-d", *WITHOUT, *argv, check=False)
        if done.returncode != 0:
            assert "CAP_SYS_RESOURCE" in done.stderr, done.stderr
            self.outer.run("run", "-d", *argv)
        self.start()
        self.clear()
        self.load(*images)
        return self

    def clear(self):
        """Of all that it had, only images are left after this."""
        for container in self.names("ps", "-aq"):
            self.run("rm", "-f", "-v", container, check=False)
        for volume in self.names("volume", "ls", "-q"):
            self.run("volume", "rm", "-f", volume, check=False)
        self.run("network", "prune", "-f", check=False)

    def load(self, *images):
        """Images of this machine, if it doesn't have them yet."""
        missing = [image for image in images if self.id_of(image) != self.outer.id_of(image)]
        if not missing:
            return
        with subprocess.Popen(["docker", "save", *missing], stdout=subprocess.PIPE) as save:
            self.run("load", "-q", stdin=save.stdout)
        assert save.returncode == 0, f"docker save {missing}"

    def inside(self, script, check=True):
        """The output of a shell script in its container, as root: beside its daemon, as on the machine of an Engine."""
        return self.outer.run("exec", self.name, "sh", "-ec", script, check=check).stdout

    def answers(self):
        try:
            return self.ask("/version")[0] == 200
        except OSError:
            return False

    def log(self, lines=100):
        return self.inside(f"tail -n {lines} /var/log/dockerd.log")

    # Its process id is written by the daemon itself; a file of a dead one stays.
    def start(self):
        """The daemon runs and answers after this."""
        self.outer.run("exec", "-d", self.name, "sh", "-c",
                       f"exec dockerd -H unix://{self.socket} -H unix://{SOCKET} --exec-opt native.cgroupdriver=cgroupfs "
                       ">>/var/log/dockerd.log 2>&1")
        try:
            wait_until("the Engine in a container to answer", self.answers, 90)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.log()}") from None

    def signal(self, name):
        """Sends a signal to the daemon, and waits until it has ended."""
        self.inside(f'pid=$(cat /run/docker.pid); kill -{name} "$pid"; '
                    'for i in $(seq 600); do [ -e "/proc/$pid" ] || exit 0; sleep 0.1; done; exit 1')

    def kill(self):
        """As if the daemon had crashed: the processes of its containers go on without it, until it is started again."""
        self.signal("KILL")

    def stop(self):
        """As `systemctl stop docker`: every container is stopped."""
        self.signal("TERM")

    def cut_power(self):
        """As if the machine had lost its power, and has it back: no process is left, and the daemon starts with it."""
        self.outer.run("kill", self.name)
        self.outer.run("start", self.name)
        self.start()

    def pid(self):
        return str(self.outer.inspect(self.name)["State"]["Pid"])

    def process(self):
        """What enters its container as a process of its host."""
        return [*super().process(), "-p"]

    def destroy(self):
        """Nothing is left of it after this, but a volume that it was given."""
        if self.answers():
            self.clear()  # it removes the control groups of containers, which this machine keeps
            if self.keeps:
                self.run("image", "prune", "-f", check=False)
                self.stop()
        self.outer.run("rm", "-f", "-v", self.name, check=False)
        if not self.keeps:
            self.outer.run("volume", "rm", "-f", self.volume, check=False)
        (self.socket).unlink(missing_ok=True)
        for path in self.directory.iterdir():
            path.unlink()
        self.directory.rmdir()
