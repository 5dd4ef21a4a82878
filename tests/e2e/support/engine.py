"""The Engine as tests see it: by the docker command line for what they do, by its API for what they only look at and look
at often. None of it is davit's."""

import http.client
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

SOCKET = Path("/var/run/docker.sock")
PATHS = {"container": "/containers/{}/json", "image": "/images/{}/json", "network": "/networks/{}", "volume": "/volumes/{}"}
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


class Connection(http.client.HTTPConnection):
    """To a unix socket."""

    def __init__(self, path):
        super().__init__("docker", timeout=600)  # nothing that tests ask takes so long, unless the Engine never answers
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


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

    def ask(self, path, **query):
        """(status, answer) of a GET of the API; dicts in the query are sent as JSON."""
        query = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in query.items()}
        connection = Connection(self.socket)
        try:
            connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path, **query):
        """The answer, which is there."""
        status, answer = self.ask(path, **query)
        assert status == 200, (path, query, status, answer)
        return answer

    def find(self, kind, name):
        """What the Engine says of a container, image, network or volume; None if there is none of that name."""
        status, answer = self.ask(PATHS[kind].format(urllib.parse.quote(str(name), safe="")))
        return answer if status == 200 else None

    def inspect(self, name):
        for kind in PATHS:
            if found := self.find(kind, name):
                return found
        raise AssertionError(f"the Engine has nothing named {name}")

    def exists(self, kind, name):
        return self.find(kind, name) is not None

    def id_of(self, image):
        """Empty if there is no such image."""
        found = self.find("image", image)
        return found["Id"] if found else ""

    def state(self, container):
        """running, exited, paused…; empty if there is none of that name."""
        found = self.find("container", container)
        return found["State"]["Status"] if found else ""

    def containers(self, *labels, **filters):
        """{name: what a listing says of it} of all containers, running or not, with these labels."""
        filters["label"] = labels
        return {each["Names"][0].strip("/"): each for each in self.get("/containers/json", all=1, filters=filters) if each["Names"]}

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
        def ours(name, labels):
            return "davit.run" in (labels or {}) or (name.startswith("davit-") and name != "davit-ccache")

        others = ("davit-helper", "davit-base/", "davit-test/", "davit-toolchain:")
        images = {tag for image in self.get("/images/json") for tag in image["RepoTags"] or []}
        volumes, networks = self.get("/volumes")["Volumes"] or [], self.get("/networks")
        return {
            "container": {name for name, each in self.containers().items() if ours(name, each["Labels"])},
            "volume": {each["Name"] for each in volumes if ours(each["Name"], each["Labels"])},
            "network": {each["Name"] for each in networks if "davit.run" in (each["Labels"] or {})},
            "image": {tag for tag in images if tag.startswith("davit-") and not tag.startswith(others)},
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
