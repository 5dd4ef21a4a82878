"""What people read: --help and errors, word by word. When a change is meant, DAVIT_GOLDEN=write writes the files anew."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from support.davit import IMAGE

GOLDEN = Path(__file__).parents[2] / "golden"

# Nothing here needs an Engine: there is none in these containers.
ERRORS = [
    ({}, []),
    ({}, ["frob"]),
    ({}, ["backup", "--frobnicate"]),
    ({}, ["backup", "--compress"]),
    ({}, ["--json", "backup", "--frobnicate"]),
    ({}, ["backup", "--compress", "lzma:3"]),
    ({"DAVIT_REPOSITRY": "/backups"}, ["ls"]),
    ({"DAVIT_QQQQQQQQQ": "x"}, ["ls"]),
    ({}, ["ls"]),
    ({}, ["ls", "--repository", "/nowhere"]),
    ({}, ["ls", "--repository", "ftp://bucket/prefix"]),
    ({}, ["ls", "--repository", "s3://bucket/prefix"]),
    ({}, ["ls", "--repository", "s3://"]),
    ({}, ["restore", "--repository", "/tmp"]),
    ({}, ["restore", "/nowhere/shop.tar"]),
    ({}, ["show", "/nowhere/shop.tar"]),
    ({}, ["export", "--json", "--repository", "/tmp"]),
    ({}, ["export", "--repository", "/tmp"]),
    ({}, ["import", "--repository", "/tmp"]),
    ({}, ["import", "-"]),
    ({}, ["import", "-", "--repository", "/tmp"]),
    ({}, ["backup", "--stack", "shop", "--repository", "/tmp"]),
    ({"DOCKER_HOST": "unix:///none.sock"}, ["--json", "backup", "--stack", "shop", "--repository", "/tmp"]),
    ({"DOCKER_HOST": "ssh://host"}, ["backup", "--stack", "shop", "--repository", "/tmp"]),
    ({"DOCKER_API_VERSION": "1.24"}, ["backup", "--stack", "shop", "--repository", "/tmp"]),
    ({}, ["pg"]),
    ({}, ["pg", "frob"]),
    ({}, ["pg", "ls", "--host", "/nowhere"]),
    ({}, ["pgbackrest"]),
    ({}, ["pgbackrest", "backup", "--container", "db", "--type", "whole"]),
    ({}, ["pgbackrest", "info", "--container", "db", "--service", "db"]),
    ({}, ["pgbackrest", "restore", "--container", "db", "--at", "2026-11-20 12:00:00"]),
    ({}, ["pgbackrest", "restore", "--container", "db", "--at", "yesterday"]),
    ({}, ["pgbackrest", "restore", "--container", "db", "--at", "2026-11-20 12:00Z", "--set", "20261120-000000F"]),
    ({}, ["pgbackrest", "restore", "--container", "db", "--settle", "--delta"]),
]
BAK_ERRORS = [
    ({}, []),
    ({}, ["frob"]),
    ({}, ["dump", "--host", "/nowhere"]),
    ({}, ["dump", "--host", "/nowhere", "--dir", "/tmp"]),
    ({"PGPASSWORD": "x", "PGPASSWORD_FILE": "/x"}, ["ls"]),
    ({}, ["ls", "--host", "db:port"]),
    ({}, ["upload", "--dir", "/tmp"]),
    ({}, ["upload", "--dir", "/nowhere", "--bucket", "bucket"]),
    ({}, ["upload", "--dir", "/tmp", "--bucket", "Bucket_/x"]),
    ({}, ["upload", "--dir", "/tmp", "--bucket", "bucket"]),
    ({}, ["restore", "--host", "/nowhere"]),
    ({}, ["restore", "--host", "/nowhere", "--dir", "/nowhere"]),
    ({}, ["restore", "--host", "/nowhere", "--dir", "/tmp", "--create", "--into-existing"]),
    ({}, ["--json", "restore", "--host", "/nowhere", "/nowhere/db-20260101T000000Z.sql"]),
]


def run(variables, args, program="davit"):
    """The command line, what it printed to both outputs, and its exit code, as text."""
    pairs = [o for k, v in variables.items() for o in ("-e", f"{k}={v}")]
    done = subprocess.run(["docker", "run", "--rm", "--network", "none", *pairs, "--entrypoint", f"/{program}", IMAGE, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = " ".join([f"{k}={v}" for k, v in variables.items()] + [program, *map(shlex.quote, args)])
    return f"$ {line}\n{done.stdout}{done.stderr}[exit code {done.returncode}]\n"


def compare(name, text):
    path = GOLDEN / name
    if os.environ.get("DAVIT_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text(), f"{name} has changed: if that was meant, run with DAVIT_GOLDEN=write"


@pytest.mark.parametrize("command", ["", "backup", "restore", "ls", "show", "verify", "export", "import"])
def test_help(command):
    args = [*filter(None, [command]), "--help"]
    compare("-".join(filter(None, ["help", command])) + ".txt", run({}, args))


@pytest.mark.parametrize("command", ["", "ls", "dump", "upload", "download", "restore", "backup"])
def test_help_of_bak(command):
    args = [*filter(None, [command]), "--help"]
    compare("-".join(filter(None, ["help-bak", command])) + ".txt", run({}, args, "bak"))


@pytest.mark.parametrize("command", ["", "backup", "info", "verify", "restore"])
def test_help_of_pgbackrest(command):
    args = [*filter(None, ["pgbackrest", command]), "--help"]
    compare("-".join(filter(None, ["help-pgbackrest", command])) + ".txt", run({}, args))


def test_help_of_init():
    compare("help-init.txt", run({}, ["init", "--help"]))


def test_help_of_pg():
    compare("help-pg.txt", run({}, ["pg", "--help"]))


def test_errors_of_bak():
    compare("errors-bak.txt", "\n".join(run(variables, args, "bak") for variables, args in BAK_ERRORS))


def test_errors():
    compare("errors.txt", "\n".join(run(variables, args) for variables, args in ERRORS))


def test_version():
    assert run({}, ["--version"]).splitlines()[1].startswith("davit ") and "[exit code 0]" in run({}, ["--version"])


DB_ERRORS = [
    ({}, ["entrypoint"]),
    ({}, ["-q", "entrypoint"]),
    ({}, ["entrypoint", "--on-exit", "stay", "--"]),
    ({}, ["entrypoint", "--on-exit", "leave", "--", "/davit"]),
    ({"DAVIT_ON_EXIT": "leave"}, ["entrypoint", "--", "/davit"]),
    ({"DAVIT_ON_EXITT": "stay"}, ["entrypoint", "--", "/davit"]),
    ({}, ["entrypoint", "--", "/nowhere"]),
    ({}, ["entrypoint", "--", "nowhere", "--help"]),
    ({}, ["db", "stop", "--mode", "gentle"]),
    ({}, ["db", "start", "--timeout", "soon"]),
    ({}, ["db", "status"]),
    ({}, ["db", "status", "--service", "db"]),
    ({}, ["install", "/nowhere/below"]),
]


@pytest.mark.parametrize("command", ["db", "db stop", "db start", "entrypoint", "install"])
def test_help_of_db(command):
    compare("-".join(["help", *command.split()]) + ".txt", run({}, [*command.split(), "--help"]))


def test_errors_of_db():
    compare("errors-db.txt", "\n".join(run(variables, args) for variables, args in DB_ERRORS))
