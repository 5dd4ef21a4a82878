"""BACKUP_ROOT of the `.env` in the stack's project directory says where the repository is, where nobody says otherwise."""

import pytest

from support.refusal import said

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "3600"]
    volumes: ["data:/data"]
volumes: {data: }
"""
WAYS = pytest.mark.parametrize("davit", ["container", "host", "host-user"], indirect=True)


def listed(repository):
    return sorted(path.parent.name for path in repository.glob("backups/*/*/manifest.json"))


@WAYS
def test_it_is_found(davit, compose, repository):
    """davit's container has the repository mounted, and not the project's directory: a helper reads the file."""
    stack = compose(COMPOSE, {".env": f"BASE={repository.parent}\n# of the backups\nexport BACKUP_ROOT=\"${{BASE}}/backups\"\n"})
    made = davit("backup", "--stack", stack.name, repository=False)
    source = f"repository {repository} (BACKUP_ROOT of {stack.directory}/.env)"
    assert source in made.stderr, made.stderr
    [backup] = listed(repository)
    for command in (["ls"], ["show"], ["verify"], ["restore", "--plan"], ["backup", "--dry-run"]):
        said_by = davit(*command, "--stack", stack.name, repository=False)
        assert source in said_by.stderr, said_by.stderr
    assert backup in davit("ls", "--stack", stack.name, repository=False).stdout


def test_a_variable_and_a_flag_win(davit, compose, repository, scratch):
    stack = compose(COMPOSE, {".env": "BACKUP_ROOT=/srv/nowhere\n"})
    for name in ("DAVIT_REPOSITORY", "BACKUP_ROOT"):
        davit("backup", "--stack", stack.name, repository=False, env={name: str(repository)})
    davit("backup", "--stack", stack.name, "--repository", repository, repository=False)
    assert len(listed(repository)) == 3


def test_one_that_is_not_mounted_says_what_to_mount(davit, compose, scratch):
    stack = compose(COMPOSE, {".env": "BACKUP_ROOT=/srv/nowhere # a disk\n"})
    refused = davit("backup", "--stack", stack.name, repository=False, code=2)
    said(refused.stderr, rf"repository /srv/nowhere \(BACKUP_ROOT of {stack.directory}/.env\) is not mounted in davit's container",
         r"run it with -v /srv/nowhere:/srv/nowhere")


@pytest.mark.parametrize("text, why", [("BACKUP_ROOT=$SOMEWHERE/backups\n", r"it needs the variable SOMEWHERE"),
                                       ("BACKUP_ROOT=~/backups\n", r"begins with ~")])
def test_what_only_a_shell_knows_is_refused(davit, compose, text, why):
    stack = compose(COMPOSE, {".env": text})
    refused = davit("ls", "--stack", stack.name, repository=False, code=2)
    said(refused.stderr, rf"BACKUP_ROOT of {stack.directory}/.env.*{why}|{why}", r"--repository or DAVIT_REPOSITORY")


def test_a_stack_without_one(davit, compose):
    stack = compose(COMPOSE, {".env": "OTHER=1\n"})
    refused = davit("ls", "--stack", stack.name, repository=False, code=2)
    said(refused.stderr, r"no repository was named", r"may stand in the \.env")
