#!/usr/bin/env python3
"""Fails on an #include between layers that docs/architecture.md does not allow, and on words that only cli may know.

Linking alone cannot stop an include, so this reads the source. Usage: layers.py SRC_DIRECTORY
"""

import re
import sys
from pathlib import Path

# What a layer may use directly; what those may use is allowed too, and util is allowed everywhere.
USES = {
    "util": [],
    "stream": ["util"],
    "model": ["stream"],
    "net": ["stream"],
    "engine": ["net"],
    "helper": ["engine", "stream"],
    "supervise": ["stream"],
    "sources": ["engine", "helper", "net", "stream", "model", "supervise"],
    "storage": ["net", "stream"],
    "catalog": ["storage", "model"],
    "app": ["sources", "catalog"],
    "cli": ["app", "supervise"],
    "main": ["cli"],
}

# (what, pattern, where it is allowed besides cli and main)
FORBIDDEN = [
    ("CLI11", re.compile(r"#\s*include\s*[<\"]CLI/"), ()),
    ("iostream", re.compile(r"#\s*include\s*<(iostream|print)>"), ()),
    ("printing", re.compile(r"(?<![\w.>])(?:std::)?v?f?(?:printf|print|println|puts|putchar)\s*\("), ()),
    ("exit", re.compile(r"(?<![\w.>])(?:std::|::)?(?:exit|quick_exit|_Exit)\s*\("), ()),
    ("getenv", re.compile(r"(?<![\w.>])(?:std::|::)?(?:secure_)?getenv\s*\("), ("util/env",)),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
TOKEN = re.compile(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/', re.S)


def allowed(layer):
    """Every layer that `layer` may include, itself too."""
    seen, queue = {layer, "util"}, [layer]
    while queue:
        for used in USES[queue.pop()]:
            if used not in seen:
                seen.add(used)
                queue.append(used)
    return seen


def without_comments(text, strings):
    """`text` with its comments (and the contents of its strings) blanked, line by line as it was."""

    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return "\n" * token.count("\n")
        return token if strings else '""' + "\n" * token.count("\n")

    return TOKEN.sub(blank, text)


def check(src):
    """The findings of a source tree, as lines of text."""
    findings = []
    for path in sorted(p for p in src.rglob("*") if p.suffix in (".hpp", ".cpp", ".h")):
        name = path.relative_to(src).as_posix()
        layer = name.split("/")[0] if "/" in name else "main"
        if layer not in USES:
            findings.append(f"{name}: folder {layer} is no layer")
            continue
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(without_comments(text, True).split("\n"), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = found.group(1).split("/")[0] if "/" in found.group(1) else None
            if target is None or target == "..":
                findings.append(f"{name}:{number}: include by its layer, not \"{found.group(1)}\"")
            elif target != "CLI" and target not in USES:
                findings.append(f"{name}:{number}: {target} is no layer")
            elif target != "CLI" and target not in allowed(layer):
                findings.append(f"{name}:{number}: {layer} must not include {target}")
        if layer in ("cli", "main"):
            continue
        for number, line in enumerate(without_comments(text, False).split("\n"), 1):
            for what, pattern, places in FORBIDDEN:
                if pattern.search(line) and not name.startswith(places or ("cli/",)):
                    findings.append(f"{name}:{number}: {what} below cli")
    return findings


def main():
    findings = check(Path(sys.argv[1]))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
