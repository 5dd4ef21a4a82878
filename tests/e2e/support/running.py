"""A backup that is under way, to be killed or got in the way of, and what is looked at behind that."""

import signal
import subprocess

from support.engine import wait_until


class Running:
    """davit backup of a stack that takes it a while, in the state that its guard runs."""

    def __init__(self, davit, stack, *more, **popen):
        self.davit, self.stack, self.engine = davit, stack, davit.engine
        self.guard = f"davit-guard-{stack.name}"
        argv = davit.argv(["backup", "--stack", stack.name, "--compress", "zstd:19", *more],
                          {"DAVIT_REPOSITORY": str(davit.repository)})
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, **popen)
        wait_until("the backup to be under way", self.packing, 60)

    def packing(self):
        assert self.process.poll() is None, self.process.communicate()
        # Until it runs: while a container is filled, the Engine lets nobody look at it or remove it.
        helpers = self.engine.containers("davit.role=helper", status=["running"])
        return self.state() == "running" and helpers

    def state(self):
        return self.engine.state(self.guard)

    def labels(self):
        return self.engine.inspect(self.guard)["Config"]["Labels"]

    def kill(self):
        """SIGKILL, which nobody can catch; of a container as a whole."""
        if self.davit.way == "container":
            self.engine.run("kill", self.labels()["davit.owner"].removeprefix("container/"))
        else:
            self.process.kill()

    def end(self, code):
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == code or (code is None and self.process.returncode != 0), (out, err)
        return err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.communicate(timeout=60)
            finally:
                self.process.kill()


def runs(stack):
    state = stack.engine.inspect(stack.container)["State"]
    return state["Running"] and not state["Paused"]


def put_right(running):
    """What was held runs again; the guard stays to tell, or is gone if there is nothing to be told."""
    wait_until("the service to run again", lambda: runs(running.stack), 10)
    # It gives the helpers of its run half a minute to end.
    wait_until("the guard to end", lambda: running.state() in ("exited", ""), 60)


def told(davit, running):
    """The next command says what was done, and nothing is left."""
    said = davit("ls").stderr
    assert running.state() == ""
    return said
