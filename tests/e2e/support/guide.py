"""The RESTORE.md of a backup: its blocks, run as they stand."""

import os
import re
import subprocess

from support.engine import TOOLCHAIN


def blocks_of(guide):
    """[(heading, commands)] of the fenced sh blocks."""
    found, heading = [], ""
    for part in re.finditer(r"^## ([^\n]*)$|^```sh\n(.*?)^```$", guide, re.M | re.S):
        if part.group(1) is not None:
            heading = part.group(1)
        else:
            found.append((heading, part.group(2)))
    return found


def in_toolchain(backup, out, script, *options):
    """A block, in the directory of the backup, as root, in a container that has nothing of davit."""
    done = subprocess.run(["docker", "run", "--rm", "-i", "--cap-add", "SYS_ADMIN", "--cap-add", "MKNOD", *options, "-v", f"{backup}:{backup}:ro", "-v", f"{out}:{out}",
                           "-w", str(backup), "-e", f"OUT={out}", TOOLCHAIN, "bash", "-e", "-o", "pipefail"], input=script, capture_output=True,
                          text=True)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done


def beside_the_engine(backup, heading, container, out):
    """The blocks under a heading that are for a machine with the Engine, told the name of the service's container."""
    found = [script for of, script in blocks_of((backup / "RESTORE.md").read_text()) if of == heading]
    assert found, heading
    for script in found:
        done = subprocess.run(["bash", "-e", "-o", "pipefail"], input=script, capture_output=True, text=True, cwd=backup,
                              env={**os.environ, "OUT": str(out), "CONTAINER": container})
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
