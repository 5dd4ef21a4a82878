"""pytest on an Engine of the lane's own, as on another machine: scenarios that run at the same time as those on this one.

Run by `scripts/dev e2e`. The lane's container has the namespaces and the socket of that Engine's, so its tests see no
other; `--load IMAGE` gives it an image of this machine, and everything else goes to pytest.
"""

import argparse
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


def main():
    parser = argparse.ArgumentParser(prog="lane", description=__doc__)
    parser.add_argument("--load", action="append", default=[])
    options, args = parser.parse_known_args()
    here = os.getcwd()
    nested = NestedEngine(Engine(), SCRATCH)
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
