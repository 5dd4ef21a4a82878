"""A Compose project in a directory of its own."""

import shutil
import subprocess

from support.engine import wait_until


class Stack:
    def __init__(self, engine, name, directory):
        self.engine, self.name, self.directory = engine, name, directory

    def write(self, text, files):
        """compose.yaml and further files of the project directory; contents are text or bytes."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, content in {"compose.yaml": text, **files}.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def compose(self, *args, check=True):
        done = subprocess.run([*self.engine.command, "compose", "-p", self.name, *args], cwd=self.directory,
                              capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"docker compose {' '.join(args)}: exit code {done.returncode}\n{done.stderr}")
        return done

    def up(self, *args, wait=True):
        """Up, and when `wait`: every service runs, and is healthy where it has a health check."""
        self.compose("up", "-d", *(["--wait", "--wait-timeout", "120"] if wait else []), *args)

    def down(self, volumes=True):
        self.compose("down", "-t", "10", "--remove-orphans", *(["-v"] if volumes else []))

    def destroy(self):
        """Everything of the project is gone after this, also what Compose doesn't know any more."""
        if self.directory.exists():  # Compose runs in it
            self.compose("down", "-t", "1", "-v", "--remove-orphans", check=False)
        label = f"label=com.docker.compose.project={self.name}"
        for container in self.engine.names("ps", "-aq", "--filter", label):
            self.engine.run("rm", "-f", "-v", container, check=False)
        for volume in self.engine.names("volume", "ls", "-q", "--filter", label):
            self.engine.run("volume", "rm", "-f", volume, check=False)
        for network in self.engine.names("network", "ls", "-q", "--filter", label):
            self.engine.run("network", "rm", network, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def container(self, service):
        """The name of the (first) container of a service, running or not."""
        names = sorted(self.engine.containers(f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"))
        assert names, f"service {service} has no container"
        return names[0]

    def volume(self, name):
        """The Engine's name of a volume of the project."""
        return f"{self.name}_{name}"

    def states(self):
        """{service: state} of every container, such as running, exited, paused."""
        containers = self.engine.containers(f"com.docker.compose.project={self.name}").values()
        return {each["Labels"]["com.docker.compose.service"]: each["State"] for each in containers}

    def wait_healthy(self, service, seconds=120):
        wait_until(f"{service} to be healthy",
                   lambda: self.engine.inspect(self.container(service))["State"].get("Health", {}).get("Status") == "healthy",
                   seconds)
