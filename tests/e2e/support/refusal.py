"""How davit says no: one error and its hint, an exit code, and nothing left in the repository."""

import re

# What `davit --help` says of exit codes, by the word that --json gives.
CODES = {"failed": 1, "exists": 1, "usage": 2, "not-found": 10, "locked": 11, "credentials": 12, "corrupt": 13,
         "unavailable": 14, "bug": 70, "cancelled": 130}


def staging(repository):
    """What lies in the staging of a repository."""
    current = repository / ".current"
    return sorted(str(p.relative_to(repository)) for p in current.rglob("*")) if current.exists() else []


def manifests(repository):
    return sorted((repository / "backups").glob("*/*/manifest.json"))


def said(stderr, message, hint):
    """The one error and its hint in davit's form, matched by regular expressions; hint None: none is expected."""
    errors = [line for line in stderr.splitlines() if line.startswith("error: ")]
    hints = [line for line in stderr.splitlines() if line.startswith("hint: ")]
    assert len(errors) == 1, stderr
    # What stands in the way of a restore is listed below its error.
    text = "".join([errors[0].removeprefix("error: "), *re.findall(r"\n  - .*", stderr)])
    assert re.search(message, text), f"{text!r} does not match {message!r}"
    assert not re.match(r"[A-Z][a-z]", text) and not text.endswith("."), f"not in davit's form: {text!r}"
    assert len(hints) == (hint is not None), stderr
    assert hint is None or re.search(hint, hints[0]), f"{hints[0]!r} does not match {hint!r}"
