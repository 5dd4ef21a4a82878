"""pytest on an Engine of the lane's own, as on another machine: scenarios that run at the same time as those on this one.

Run by `scripts/dev e2e`. The lane's container has the namespaces and the socket of that Engine's, so its tests see no
other; `--load IMAGE` gives it an image of this machine, and everything else goes to pytest. Images are kept for the next run
of a lane of that `--name`.
"""

import argparse
import fcntl
import os
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.davit import SCRATCH, SOCKET
from support.engine import TOOLCHAIN, Engine
from support.nested import NestedEngine

# Tests change namespaces and mount, as those on this machine do.
FLAGS = ["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt", "seccomp=unconfined", "--security-opt",
         "apparmor=unconfined"]


def kept_volume(name):
    """The lane's volume, and what must stay open as long as nobody else may use it; none while another run does."""
    lock = open(SCRATCH / f"e2elane-{name}.lock", "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None, lock
    volume = f"e2elane-{name}"
    machine = Engine()
    for left in machine.names("ps", "-aq", "--filter", f"volume={volume}"):  # of a run that was broken off
        machine.run("rm", "-f", "-v", left)
    return volume, lock


def main():
    parser = argparse.ArgumentParser(prog="lane", description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--load", action="append", default=[])
    options, args = parser.parse_known_args()
    here = os.getcwd()
    volume, _lock = kept_volume(options.name)
    nested = NestedEngine(Engine(), SCRATCH, volume)
    try:
        nested.create(*options.load)
        environment = [word for name in os.environ if name.startswith("DAVIT_") for word in ("-e", name)]
        return subprocess.run(["docker", "run", "--rm", *FLAGS, "--network", f"container:{nested.name}", "--pid",
                               f"container:{nested.name}", "-v", f"{nested.socket}:{SOCKET}", "-v", f"{SCRATCH}:{SCRATCH}",
                               "-v", f"{here}:{here}", "-w", here, *environment, "-e", "PYTHONDONTWRITEBYTECODE=1", "-e",
                               "PYTHONUNBUFFERED=1", TOOLCHAIN, "python3", "-m", "pytest", *args]).returncode
    finally:
        nested.destroy()


if __name__ == "__main__":
    sys.exit(main())
