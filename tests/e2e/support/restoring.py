"""A restore that is under way, to be killed when its journal holds what a test waits for."""

import json
import subprocess
import time
import uuid

from support.engine import wait_until


class Restoring:
    """davit restore of a stack, in the state that its guard is there."""

    def __init__(self, davit, stack, *flags):
        self.way, self.engine = davit.way, davit.engine
        self.guard = f"davit-guard-{stack}"
        argv = davit.argv(["restore", "--stack", stack, *flags], {"DAVIT_REPOSITORY": str(davit.repository)})
        self.name = f"e2ekill-{uuid.uuid4().hex[:8]}"
        if self.way == "container":
            argv[2:2] = ["--name", self.name]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        # One that is made and not yet started has no log to follow.
        wait_until("the guard", lambda: self.over() or self.engine.state(self.guard) == "running", 60)
        assert not self.over(), self.process.communicate()
        mounts = self.engine.inspect(self.guard)["Mounts"]
        [self.directory] = [mount["Source"] for mount in mounts if mount["Type"] == "volume"]

    def over(self):
        return self.process.poll() is not None

    def entries(self):
        """What the guard's journal holds now: its file is replaced as a whole."""
        read = subprocess.run([*self.engine.process(), "cat", f"{self.directory}/journal"], capture_output=True, text=True)
        return [each["entry"] for each in json.loads(read.stdout)["entries"]] if read.returncode == 0 else []

    def wait(self, moment):
        end = time.monotonic() + 120
        while not moment(self.entries()):
            assert not self.over(), self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.002)

    def kill(self):
        if self.way == "container":
            self.engine.run("kill", self.name)
        self.process.kill()
        self.process.communicate()

    def wait_for_guard(self):
        """It puts right what there is, and stays as a stopped container, or goes."""
        wait_until("the guard to end", lambda: self.engine.state(self.guard) in ("", "exited"), 60)
