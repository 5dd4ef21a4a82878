"""davit restore --replace that was started, not waited for, and may be killed at a moment that its guard's journal tells."""

import json
import subprocess
import time

from support.engine import wait_until


class Restoring:
    def __init__(self, davit, stack, *args):
        self.engine, self.guard = davit.engine, f"davit-guard-{stack.name}"
        argv = davit.argv(["restore", "--stack", stack.name, "--replace", *args], {"DAVIT_REPOSITORY": str(davit.repository)})
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        wait_until("the guard", lambda: self.over() or self.engine.exists("container", self.guard), 60)
        assert not self.over(), self.process.communicate()
        [self.directory] = [mount["Source"] for mount in self.engine.inspect(self.guard)["Mounts"]
                            if mount["Type"] == "volume"]

    def over(self):
        return self.process.poll() is not None

    def entries(self):
        """What the guard's journal holds now: its file is replaced as a whole."""
        read = subprocess.run([*self.engine.process(), "cat", f"{self.directory}/journal"], capture_output=True, text=True)
        return [each["entry"] for each in json.loads(read.stdout)["entries"]] if read.returncode == 0 else []

    def wait(self, moment):
        """Until moment(entries), which comes while davit still runs."""
        end = time.monotonic() + 120
        while not moment(self.entries()):
            assert not self.over(), self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.002)

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def wait_for_guard(self):
        """It puts right what there is, and stays as a stopped container, or goes."""
        wait_until("the guard to end", lambda: self.engine.out(
            "ps", "-a", "--filter", f"name=^{self.guard}$", "--format", "{{.State}}") in ("", "exited"), 120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
