"""Running davit in the ways its users do: as a container, as a process of the host, as a user of the docker group."""

import json
import os
import subprocess
import uuid
from pathlib import Path

SOCKET = "/var/run/docker.sock"
IMAGE = os.environ.get("DAVIT_IMAGE", "davit:dev")  # the product
SCRATCH = Path(os.environ.get("DAVIT_SCRATCH", "/var/tmp/davit-e2e"))  # at the same path for the host, the Engine and us


def extract_binary(engine, path):
    """Copies /davit out of the product's image to `path`, which the host sees too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    container = engine.out("create", IMAGE, "--version")
    try:
        fresh = path.with_suffix(f".{uuid.uuid4().hex[:8]}")
        engine.run("cp", f"{container}:/davit", str(fresh))
        fresh.chmod(0o755)
        fresh.replace(path)
    finally:
        engine.run("rm", "-f", container)


class Davit:
    IMAGE = IMAGE

    def __init__(self, way, engine, repository, binary):
        self.way, self.engine, self.repository, self.binary = way, engine, repository, binary

    def __call__(self, *args, code=0, env=None, mounts=(), timeout=600, text=True, repository=True):
        """davit ARGS… → CompletedProcess, whose exit code must be `code` (None: any).

        `env` are further variables, `mounts` further -v arguments of the container. DAVIT_REPOSITORY names the test's
        repository unless `repository` is False.
        """
        variables = {**({"DAVIT_REPOSITORY": str(self.repository)} if repository else {}), **(env or {})}
        done = subprocess.run(self.argv(args, variables, mounts), capture_output=True, text=text, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        if code is not None and done.returncode != code:
            raise AssertionError(f"davit {' '.join(map(str, args))}: exit code {done.returncode}, expected {code}\n"
                                 f"stdout:\n{done.stdout}\nstderr:\n{done.stderr}")
        return done

    def argv(self, args, variables, mounts=()):
        """The whole command line; for tests that start davit themselves (Popen) and signal it."""
        args = [str(a) for a in args]
        pairs = [f"{k}={v}" for k, v in variables.items()]
        if self.way == "container":
            options = [o for p in pairs for o in ("-e", p)] + [o for m in mounts for o in ("-v", m)]
            return [*self.engine.command, "run", "--rm", "-v", f"{self.engine.socket}:{SOCKET}", "-v",
                    f"{self.repository}:{self.repository}", *options, self.IMAGE, *args]
        socket = [] if str(self.engine.socket) == SOCKET else [f"DOCKER_HOST=unix://{self.engine.socket}"]
        # A process of the host: its mount and network namespace, its environment cleared of ours.
        enter = [*self.engine.process(), "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent",
                 *socket, *pairs]
        if self.way == "host-user":
            # nobody, plus the group that owns the socket: what membership of the docker group gives.
            group = os.stat(SOCKET).st_gid
            os.chown(self.repository, 65534, 65534)
            enter += ["setpriv", "--reuid", "65534", "--regid", "65534", "--groups", str(group)]
        return [*enter, str(self.binary), *args]

    def json(self, *args, **more):
        """The parsed output of davit ARGS… --json."""
        return json.loads(self(*args, "--json", **more).stdout)
