"""Somebody who looks for a secret where everybody can look."""

import json
import os
import threading
from pathlib import Path


class Onlooker(threading.Thread):
    """Reads every command line of the machine, and what the Engine tells of davit's containers, again and again."""

    def __init__(self, engine, password):
        super().__init__()
        self.engine, self.password = engine, password
        self.done, self.found, self.programs, self.inspected = threading.Event(), [], set(), set()

    def run(self):
        while not self.done.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                self.programs.add(os.path.basename(line.split(b"\0")[0].decode(errors="replace")))
                if self.password.encode() in line:
                    self.found.append(line)
            for name in self.engine.names("ps", "-aq", "--filter", "label=davit.run"):
                text = self.engine.run("inspect", name, check=False).stdout
                self.inspected.add(name)
                if json.dumps(self.password)[1:-1] in text:
                    self.found.append(text)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
