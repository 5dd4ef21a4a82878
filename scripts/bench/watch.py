"""What a command takes: wall time, and of the processes of some programs the CPU time and the peak memory, sampled."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path


class Watch:
    """CPU seconds and peak resident memory of all processes of `programs` that are born while it watches."""

    def __init__(self, programs):
        self.programs = programs

    def __enter__(self):
        self.before, self.seen, self.done = set(self.processes()), {}, threading.Event()
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    @staticmethod
    def processes():
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]

    def loop(self):
        while not self.done.wait(0.01):
            for pid in self.processes():
                if pid in self.before:
                    continue
                try:
                    name, rest = Path(f"/proc/{pid}/stat").read_text().split("(", 1)[1].rsplit(") ", 1)
                    if name not in self.programs:
                        continue
                    fields = rest.split()
                    ticks = int(fields[11]) + int(fields[12])
                    status = Path(f"/proc/{pid}/status").read_text()
                    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
                    self.seen[pid] = (ticks / os.sysconf("SC_CLK_TCK"), peak / 1024)
                except (OSError, StopIteration, IndexError):
                    continue  # it ended meanwhile

    def cpu(self):
        return sum(cpu for cpu, _ in self.seen.values())

    def memory(self):
        return sum(peak for _, peak in self.seen.values())


def shell(command, **environment):
    subprocess.run(["bash", "-eo", "pipefail", "-c", command], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, env={**os.environ, **environment})


def measure(programs, command, **environment):
    """Wall seconds, CPU seconds, peak MiB."""
    with Watch(programs) as watch:
        start = time.monotonic()
        try:
            shell(command, **environment)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{command}: {error.stderr.decode(errors='replace')}")
        wall = time.monotonic() - start
    return wall, watch.cpu(), watch.memory()
