"""A thin wrapper over the docker command line: tests see the Engine by another way than davit does."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

SOCKET = Path("/var/run/docker.sock")
TOOLCHAIN = os.environ.get("DAVIT_TOOLCHAIN", "davit-toolchain")


def host_process():
    """The id of a process in the host's namespaces that we may enter. Where pid 1 has more capabilities than a container
    can get, the Engine's daemon does as well."""
    daemons = subprocess.run(["pidof", "dockerd"], capture_output=True, text=True).stdout.split()
    for pid in ["1", *sorted(daemons, key=int)]:  # the oldest: the tests have Engines of their own
        try:
            # A daemon in a container has a second id, in that container: an Engine of some test's own.
            if len(re.search(r"^NSpid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M)[1].split()) > 1:
                continue
            os.readlink(f"/proc/{pid}/ns/mnt")
            return pid
        except OSError:
            continue
    raise AssertionError("no process of the host can be entered: davit can't be run as one")


class Engine:
    """The one behind a socket, which lies at this path on the Engine's own host, too."""

    def __init__(self, socket=SOCKET):
        self.socket = socket
        self.command = ["docker"] if socket == SOCKET else ["docker", "-H", f"unix://{socket}"]

    def pid(self):
        """The id, among ours, of a process of the Engine's host."""
        return host_process()

    def process(self):
        """The beginning of a command line that makes the rest a process of the Engine's host."""
        return ["nsenter", "-t", self.pid(), "-m", "-n", "-i", "-u"]

    def run(self, *args, check=True, text=True, **more):
        """docker ARGS… → CompletedProcess; on failure the output is in the exception's message. Nothing that tests do with
        it takes ten minutes, unless the Engine never answers."""
        more.setdefault("timeout", 600)
        done = subprocess.run([*self.command, *map(str, args)], capture_output=True, text=text, **more)
        if check and done.returncode != 0:
            raise AssertionError(f"docker {' '.join(map(str, args))}: exit code {done.returncode}\n{done.stderr}")
        return done

    def out(self, *args, **more):
        """The standard output of docker ARGS…, without its last newline."""
        return self.run(*args, **more).stdout.rstrip("\n")

    def names(self, *args):
        """The lines of a listing, as a set."""
        return set(filter(None, self.out(*args).split("\n")))

    def inspect(self, name):
        return json.loads(self.out("inspect", name))[0]

    def exists(self, kind, name):
        return self.run(kind, "inspect", name, check=False).returncode == 0

    def id_of(self, image):
        """Empty if there is no such image."""
        return self.run("image", "inspect", "--format", "{{.Id}}", image, check=False).stdout.strip()

    def exec(self, container, *command, check=True, **more):
        """The output of a command in a container."""
        interactive = ["-i"] if "input" in more else []
        return self.run("exec", *interactive, container, *command, check=check, **more).stdout

    def sql(self, container, statement, database="postgres", user="postgres"):
        """psql -At of one statement in a database container."""
        return self.exec(container, "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database, "-c",
                         statement).rstrip("\n")

    def in_volume(self, volume, script, image="busybox"):
        """A shell script as root in a container of `image` with `volume` at /v."""
        return self.out("run", "--rm", "--init", "--network", "none", "-v", f"{volume}:/v", "-w", "/v", image, "sh", "-ec",
                        script)

    def ours(self):
        """What davit has on the Engine now: by label davit.run, or by a name that starts with davit-."""
        labelled = ["--filter", "label=davit.run"]
        images = {i for i in self.names("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
                  if i.startswith("davit-") and not i.startswith(("davit-helper", "davit-base/", "davit-test/", "davit-toolchain:"))}
        return {
            "container": self.names("ps", "-a", *labelled, "--format", "{{.Names}}")
            | {n for n in self.names("ps", "-a", "--format", "{{.Names}}") if n.startswith("davit-")},
            "volume": self.names("volume", "ls", *labelled, "--format", "{{.Name}}")
            | {n for n in self.names("volume", "ls", "--format", "{{.Name}}") if n.startswith("davit-") and n != "davit-ccache"},
            "network": self.names("network", "ls", *labelled, "--format", "{{.Name}}"),
            "image": images,
        }


def wait_until(what, condition, seconds=60.0):
    """Polls until condition() is true; says `what` was waited for when time is up. Asking takes no more than half of the
    time, so that what is waited for gets along."""
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if condition():
            return
        answered = time.monotonic()
        assert answered < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(min(1, max(0.1, answered - asked)))
