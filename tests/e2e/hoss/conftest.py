"""The stack of compose/hoss.yaml, seeded and backed up once: the restores are the tests."""

import contextlib
import shutil
import subprocess
import uuid

import pytest

from support.davit import IMAGE, SCRATCH, Davit
from support.hoss import IMAGES, Hoss, free_port
from support.nested import NestedEngine


class Site:
    """The stack as it was at its backup, with what was seen then, and what davit said."""

    def __init__(self, engine, binary):
        self.engine, self.binary = engine, binary
        name = f"e2ehoss{uuid.uuid4().hex[:8]}"
        self.scratch = SCRATCH / name
        self.hoss = Hoss(engine, self.scratch / ".hoss", self.scratch / "backup root", name)

    def set_up(self):
        self.hoss.write(IMAGE, f"127.0.0.1:{free_port()}")
        self.hoss.up()
        self.hoss.seed()
        self.facts = self.hoss.facts()
        self.files, self.secrets = self.hoss.project_files(), self.hoss.secret_files()
        # As the compose file has it, with the BACKUP_ROOT of `.env`.
        self.planned = self.davit_service("backup", "--dry-run").stdout
        self.said = self.backup()
        return self

    def backup(self):
        """Without a finding, but that the stopped broker may take a minute to start again on a slow machine."""
        done = self.hoss.stack.compose("run", "--rm", "-T", "davit", check=False)
        findings = [line for line in done.stderr.splitlines() if line.startswith("finding: ")]
        assert done.returncode == (3 if findings else 0), done.stderr
        assert set(findings) <= {"finding: service rabbitmq runs again, and is starting still"}, done.stderr
        self.hoss.rabbit.wait(300)
        return done

    def davit_service(self, *args):
        """docker compose run --rm davit ARGS…"""
        return self.hoss.stack.compose("run", "--rm", "-T", "davit", *args)

    def davit(self, engine, repository):
        return Davit("container", engine, repository, self.binary)

    def export(self, to):
        """The backup as one file."""
        argv = [*self.engine.command, "compose", "-p", self.hoss.stack.name, "run", "--rm", "-T", "davit", "export", "latest"]
        with open(to, "wb") as file:
            done = subprocess.run(argv, cwd=self.hoss.stack.directory, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE,
                                  timeout=300)
        assert done.returncode == 0, done.stderr.decode()

    @contextlib.contextmanager
    def carried_away(self):
        """Neither the project's directory nor BACKUP_ROOT is there: of all that, only a file in the directory that this gives."""
        gone, carried = self.scratch / "gone", self.scratch / "carried"
        gone.mkdir()
        carried.mkdir()
        self.export(carried / "hoss.tar")
        places = (self.hoss.stack.directory, self.hoss.root)
        for path in places:
            path.rename(gone / path.name)
        try:
            yield carried
        finally:
            for path in places:
                shutil.rmtree(path, ignore_errors=True)
                (gone / path.name).rename(path)
            gone.rmdir()
            shutil.rmtree(carried)

    def destroy(self):
        self.hoss.stack.destroy()
        shutil.rmtree(self.scratch, ignore_errors=True)


@pytest.fixture(scope="module")
def site(engine, binary):
    site = Site(engine, binary)
    try:
        yield site.set_up()
    finally:
        site.destroy()


@pytest.fixture
def other_engine(engine, site):
    """An Engine that knows nothing of the stack, with the images of its services."""
    nested = NestedEngine(engine, site.scratch)
    try:
        yield nested.create(IMAGE, *sorted(set(IMAGES.values())))
    finally:
        nested.destroy()
