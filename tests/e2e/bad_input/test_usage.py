"""A slip of the pen is an error that names what was meant, and never a setting that silently does nothing."""

import pytest
from support.refusal import CODES


@pytest.mark.parametrize("args, message, hint", [
    (["backup", "--frobnicate"], "not expected: --frobnicate$", "davit backup --help"),
    (["frob"], "no such command: frob$", "davit --help"),
    ([], "subcommand is required$", "davit --help"),
    (["backup", "--compress"], "--compress.* required", "davit backup --help"),
    (["backup", "--compress", "lzma:3"], "no such compression: 'lzma:3'", "zstd:LEVEL"),
    (["backup", "--compress", "zstd:99"], "no such compression: 'zstd:99'", "from 1 to 19"),
    (["backup", "--compress", "zstd:0"], "no such compression", "from 1 to 19"),
    (["backup", "--compress", "zstd:3x"], "no such compression", "from 1 to 19"),
    (["backup", "--channel", "pigeon"], 'channel "pigeon" is unknown', "auto or attach"),
    (["backup", "--only", "data"], "--only data: not of the form KIND:NAME", "volume:uploads"),
    (["backup", "--repository", "ftp://bucket/x"], "is neither a directory nor in S3", "."),
])
def test_command_line(davit, refuses, stack, args, message, hint):
    name = ["--stack", stack.name] if args[:1] == ["backup"] and args[-1] != "--compress" else []
    refuses(davit, [*args[:1], *name, *args[1:]], "usage", message, hint)


def test_no_repository(davit, stack):
    done = davit("backup", "--stack", stack.name, code=CODES["usage"], repository=False)
    assert "error: no repository was named\nhint: set --repository, DAVIT_REPOSITORY or BACKUP_ROOT" in done.stderr


@pytest.mark.parametrize("name, meant", [("DAVIT_REPOSITRY", "did you mean DAVIT_REPOSITORY"), ("DAVIT_STAK", "did you mean DAVIT_STACK"),
                                         ("DAVIT_QQQQQQQQQQQQ", "davit --help")])
def test_unknown_variable(davit, refuses, stack, name, meant):
    refuses(davit, ["backup", "--stack", stack.name], "usage", f"variable {name} is unknown", meant, env={name: "x"})


def test_bad_value_of_a_variable(davit, refuses, stack):
    refuses(davit, ["backup", "--stack", stack.name], "usage", "no such compression: 'best'", "zstd:LEVEL", env={"DAVIT_COMPRESS": "best"})


@pytest.mark.parametrize("label, message, meant", [
    ("davit.exclud=*.tmp", r"davit\.exclud\b", r"davit\.exclude"),
    ("davit.enable=perhaps", r"davit\.enable", "true|false"),
    ("davit.postgres=maybe", r"davit\.postgres", "dump|off"),
])
def test_labels(davit, refuses, small_stack, label, message, meant):
    labelled = small_stack("echo x >x", labels=[label])
    refuses(davit, ["backup", "--stack", labelled.name], "usage", message, meant)


def test_only_and_exclude_that_match_nothing(davit, refuses, stack):
    for flag in ("--only", "--exclude"):
        refuses(davit, ["backup", "--stack", stack.name, flag, "volume:nope"], "not-found",
                f"{flag} volume:nope: no such item", "volume:data")


def test_everything_is_excluded(davit, refuses, stack):
    refuses(davit, ["backup", "--stack", stack.name, "--exclude", "volume:*"], "not-found", "nothing to back up", "--dry-run")


def test_ids_of_backups(davit, refuses, stack):
    restore = ["restore", "--stack", stack.name]
    refuses(davit, [*restore, "2020"], "not-found", f"no backup of stack {stack.name}", None)
    first = davit("backup", "--stack", stack.name, "--quiet").stdout.strip()
    second = davit("backup", "--stack", stack.name, "--quiet").stdout.strip()
    refuses(davit, [*restore, "20200101T000000Z-ffff"], "not-found", "no backup 20200101T000000Z-ffff", f"{second}, {first}")
    refuses(davit, [*restore, first[:4]], "usage", f"more than one backup begins with {first[:4]}: {second}, {first}", "give more")
    refuses(davit, [*restore, ""], "usage", "id of a backup is empty", "latest")
    for command in ("show", "verify"):
        refuses(davit, [command, "nonsense"], "not-found", "no backup nonsense", first)
    shown = davit.json("show", first[:-1] if first[:-1] != second[:-1] else first)
    assert shown["id"] == first
