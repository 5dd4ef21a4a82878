"""A stack without Compose."""

import uuid


class SmallStack:
    """A stack of one container and one volume, by the labels that Compose would give them: made in a fraction of a second."""

    def __init__(self, engine, fill, driver_options=(), labels=()):
        self.engine, self.name = engine, f"e2ebad{uuid.uuid4().hex[:8]}"
        self.volume, self.container = f"{self.name}_data", f"{self.name}-app-1"
        project = f"com.docker.compose.project={self.name}"
        engine.run("volume", "create", "--label", project, "--label", "com.docker.compose.volume=data",
                   *[o for option in driver_options for o in ("--opt", option)], self.volume)
        engine.run("run", "-d", "--init", "--name", self.container, "--label", project, "--label",
                   "com.docker.compose.service=app", "--label", "com.docker.compose.oneoff=False",
                   *[o for label in labels for o in ("--label", label)], "-v", f"{self.volume}:/v", "busybox", "sleep", "900")
        engine.exec(self.container, "sh", "-ec", f"cd /v; {fill}")

    def stop(self):
        """The volume is in nobody's use after this, as a restore wants it."""
        self.engine.run("stop", "-t", "0", self.container)

    def contents(self):
        """Names, owners, modes and digests of everything in the volume."""
        return self.engine.in_volume(self.volume, "find . | sort | xargs stat -c '%n %F %a %u:%g %s'; find . -type f | sort | xargs sha256sum")

    def destroy(self):
        self.engine.run("rm", "-f", "-v", self.container, check=False)
        self.engine.run("volume", "rm", "-f", self.volume, check=False)
