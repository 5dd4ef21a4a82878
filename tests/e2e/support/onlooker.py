"""Somebody who looks for secrets where everybody can look."""

import json
import os
import threading
from pathlib import Path


class Onlooker(threading.Thread):
    """Reads every command line of the machine, and what the Engine tells of davit's containers and they print, again and
    again. None of the secrets may be found there."""

    def __init__(self, engine, *secrets):
        super().__init__()
        self.engine, self.secrets = engine, [secret.encode() for secret in secrets]
        self.hidden = [json.dumps(secret)[1:-1] for secret in secrets]
        self.done, self.found, self.programs, self.inspected = threading.Event(), [], set(), set()

    def run(self):
        asking = threading.Thread(target=self.ask_the_engine)
        asking.start()
        while not self.done.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                self.programs.update(os.path.basename(word.decode(errors="replace")) for word in line.split(b"\0"))
                if any(secret in line for secret in self.secrets):
                    self.found.append(line)
        asking.join()

    def ask_the_engine(self):
        while not self.done.is_set():
            for name in self.engine.containers("davit.run"):
                told = json.dumps(self.engine.find("container", name), ensure_ascii=False)
                printed = self.engine.run("logs", name, check=False)
                self.inspected.add(name)
                if any(secret in told for secret in self.hidden):
                    self.found.append(told)
                if any(secret.decode() in printed.stdout + printed.stderr for secret in self.secrets):
                    self.found.append(printed)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()

    def check(self, programs, *outputs):
        """Nothing was found, also in the outputs of davit; and it has looked at what there was to see."""
        assert not self.found
        assert programs & self.programs and self.inspected, (programs, self.inspected)
        for done in outputs:
            assert not [secret for secret in self.secrets if secret.decode() in done.stdout + done.stderr]
