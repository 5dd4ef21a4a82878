"""Holding a davit of the host at a place of its work: stopped by a signal, it reads nothing, and nobody is told."""

import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path


class Pausable:
    """A davit in its host way that was started and not waited for."""

    def __init__(self, davit, *args):
        variables = {"DAVIT_REPOSITORY": str(davit.repository)}
        self.process = subprocess.Popen(davit.argv(args, variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True)
        self.repository = davit.repository

    def staged(self, pattern):
        """The bytes of the artefact that has been stored so far, if it isn't whole yet."""
        sizes = []
        for path in (self.repository).rglob(pattern):
            try:
                sizes.append(path.stat().st_size)
            except FileNotFoundError:
                pass
        return max(sizes, default=0)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{self.process.pid}/stat")
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "T":
            time.sleep(0.001)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def pause_at(self, pattern, size, step=None):
        """Pauses when `size` bytes of the artefact are stored. With `step`, from there on in slices of so many seconds,
        so that it is not missed by much. Returns what is stored then."""
        near = size if step is None else size * 3 // 4
        while self.staged(pattern) < near:
            assert self.process.poll() is None, f"davit ended too early: {self.process.communicate()}"
            time.sleep(0.001)
        self.pause()
        while step is not None and self.staged(pattern) < size:
            self.resume()
            time.sleep(step)
            self.pause()
        return self.staged(pattern)

    def stall(self, seconds):
        """Stays paused so long. That time passes is the point here: there is nothing to poll for."""
        time.sleep(seconds)
        self.resume()

    def finish(self, code=0):
        out, err = self.process.communicate(timeout=120)
        assert code is None or self.process.returncode == code, f"exit code {self.process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)


@contextmanager
def pausable(davit, *args):
    started = Pausable(davit, *args)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
            started.resume()
            started.process.wait()
