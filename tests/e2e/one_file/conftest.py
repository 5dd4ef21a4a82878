"""Backups as one file: small stacks, and files of their backups to be damaged."""

import subprocess

import pytest
from support.davit import SCRATCH, Davit
from support.small_stack import SmallStack

FILL = "mkdir d; seq 50000 >d/numbers; head -c 300000 /dev/urandom >random; echo x >x; chown 5:6 x"


@pytest.fixture
def davit(engine, repository, binary):
    """davit as a process of the host: fast, and what it leaves behind can be seen."""
    return Davit("host", engine, repository, binary)


@pytest.fixture
def small_stack(engine):
    """small_stack(script that fills the volume) → SmallStack; any number of them."""
    stacks = []

    def make(fill, *driver_options):
        stacks.append(SmallStack(engine, fill, driver_options))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.destroy()


class Exported:
    """A stack that doesn't run, and the file of a backup of it."""

    def __init__(self, engine, binary):
        self.stack = SmallStack(engine, FILL)
        self.repository = SCRATCH / f"exported-{self.stack.name}"
        self.repository.mkdir(parents=True)
        davit = Davit("host", engine, self.repository, binary)
        self.id = davit("backup", "-q", "--stack", self.stack.name).stdout.strip()
        self.bytes = davit("export", "latest", text=False).stdout
        self.stack.stop()


@pytest.fixture(scope="session")
def exported(engine, binary):
    """Whoever restores it says --replace, and looks at what is there before and after."""
    made = Exported(engine, binary)
    yield made
    subprocess.run(["rm", "-r", str(made.repository)], check=True)
    made.stack.destroy()


@pytest.fixture
def feed(davit, repository):
    """feed("import", "-") → a davit whose standard input is a pipe."""
    processes = []

    def start(*args, variables=None, by=davit):
        variables = variables or {"DAVIT_REPOSITORY": str(repository)}
        process = subprocess.Popen(by.argv(args, variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()
