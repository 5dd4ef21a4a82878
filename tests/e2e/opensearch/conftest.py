"""Stacks with a search cluster of one node. A server takes its time to start, so they live as long as the session, and each
test leaves them as they were."""

import contextlib
import os
import shutil
import socket
import uuid
from pathlib import Path

import pytest

from support.davit import Davit
from support.killing import KillingEngine
from support.search import IMAGE, PASSWORD, PLAIN, SECURE, Search
from support.stack import Stack

SCRATCH = Path(os.environ.get("DAVIT_SCRATCH", "/var/tmp/davit-e2e"))
MOUNT = "/mnt/opensearch"


def service(environment, volumes, more=""):
    settings = "\n".join(f'      {name}: "{value}"' for name, value in environment.items())
    mounts = "\n".join(f'      - "{volume}"' for volume in volumes)
    return f"    image: {IMAGE}\n    environment:\n{settings}\n    volumes:\n{mounts}\n{more}"


class Site:
    """The stack, a repository whose .opensearch it has mounted, and davit."""

    def __init__(self, engine, binary, secure=False, environment=None, volumes=None, more="", up=True):
        self.engine, self.binary, self.secure = engine, binary, secure
        name = f"e2esearch{uuid.uuid4().hex[:8]}"
        self.directory = SCRATCH / name
        self.repository = self.directory / "backups"
        self.repository.mkdir(parents=True)
        self.snapshots = self.repository / ".opensearch"
        self.stack = Stack(engine, name, self.directory / "project")
        # Of its own: who looks for it on this machine must not find a neighbour's.
        self.password = f"{PASSWORD}-{uuid.uuid4().hex[:8]}"
        if environment is None:
            environment = {**(SECURE if secure else PLAIN), "path.repo": MOUNT}
        self.environment = {**environment, **({"OPENSEARCH_INITIAL_ADMIN_PASSWORD": self.password} if secure else {})}
        self.volumes = ["data:/usr/share/opensearch/data", f"{self.snapshots}:{MOUNT}"] if volumes is None else volumes
        self.more = more
        self.search = Search(self.stack, secure=secure, password=self.password)
        self.davit = Davit("container", engine, self.repository, binary)
        self.host = Davit("host", engine, self.repository, binary)
        if up:
            self.up()

    def up(self, environment=None, volumes=None, more=None):
        """With other settings, which stay. A container that has them already is left as it is."""
        self.environment = environment or self.environment
        self.volumes = volumes or self.volumes
        self.more = self.more if more is None else more
        self.stack.write("services:\n  search:\n" + service(self.environment, self.volumes, self.more) +
                         "volumes: {data: }\n", {})
        port = self.environment.get("http.port", 9200)
        self.search.address = f"{'https' if self.secure else 'http'}://localhost:{port}"
        self.stack.up(wait=False)
        self.search.wait()
        if "/tmp/password" in self.more:  # a container that was made anew has none
            self.write_inside("/tmp/password", f"{self.password}\n")

    def forget(self):
        """As before davit came: no index, no snapshot, and a directory that Docker has made."""
        self.clear()
        if "davit" in self.search.get("_snapshot"):
            self.search.do("DELETE", "_snapshot/davit")
        self.engine.run("run", "--rm", "-v", f"{self.snapshots}:/s", "busybox", "sh", "-ec", "rm -rf /s/* && chown 0:0 /s")

    @contextlib.contextmanager
    def without_curl(self):
        """Nobody finds curl in the container, we no more than davit."""
        here = self.engine.exec(self.search.container, "sh", "-c", "command -v curl").strip()
        as_root = ["exec", "-u", "0", self.search.container]
        self.engine.run(*as_root, "mv", here, f"{here}.hidden")
        try:
            yield
        finally:
            self.engine.run(*as_root, "mv", f"{here}.hidden", here)

    def write_inside(self, path, text):
        """A file of the container, which its user may read."""
        self.engine.exec(self.search.container, "sh", "-ec", f"cat > {path}", input=text)

    def run(self, command, *args, **more):
        """davit COMMAND --stack THIS ARGS…"""
        return self.davit(command, "--stack", self.stack.name, *args, **more)

    def back_up(self, **more):
        return self.run("backup", "--only", "search:*", "-q", **more).stdout.strip()

    def restore(self, *args, **more):
        return self.run("restore", "--only", "search:*", *args, **more)

    def own_snapshots(self):
        return sorted(each["snapshot"] for each in self.search.get("_snapshot/davit/_all")["snapshots"])

    def clear(self):
        """No index is left."""
        for name in self.search.indices():
            self.search.do("DELETE", name)

    def left(self):
        """What davit has left in the cluster and its directory beside its own repository."""
        repositories = set(self.search.get("_snapshot")) - {"davit"}
        blocked = [name for name, each in self.search.get("_all/_settings/index.blocks.write?expand_wildcards=all").items()]
        return sorted(repositories) + blocked + [name for name in os.listdir(self.snapshots) if name != "davit"]

    def destroy(self):
        self.stack.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def site(engine, binary):
    site = Site(engine, binary)
    yield site
    site.destroy()


@pytest.fixture(scope="session")
def secure_site(engine, binary):
    site = Site(engine, binary, secure=True)
    yield site
    site.destroy()


@pytest.fixture(scope="session")
def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def killing(scratch):
    proxy = KillingEngine(scratch / "engine.sock")
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def make_site(engine, binary):
    sites = []

    def make(**more):
        sites.append(Site(engine, binary, **more))
        return sites[-1]

    yield make
    for each in sites:
        each.destroy()
