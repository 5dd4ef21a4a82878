#!/usr/bin/env python3
"""clang-tidy over src/, for what changed since it was last clean. Run in the toolchain by `scripts/dev lint`.

A file is clean as long as it, every header of ours that it reaches and .clang-tidy are what they were; the marks rest
beside the compiler's cache. Usage: tidy.py BUILD_DIRECTORY [FILE…]
"""

import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

MARKS = Path(os.environ.get("CCACHE_DIR", "/tmp")) / "tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


@lru_cache(None)
def text_of(path):
    return path.read_bytes() if path.exists() else b""


def reached(path):
    """The file and every file of src/ that it includes, however far away."""
    seen, queue = set(), [path]
    while queue:
        current = queue.pop()
        if current not in seen:
            seen.add(current)
            queue += [Path("src", name) for name in INCLUDE.findall(text_of(current).decode())]
    return sorted(seen)


def mark_of(path):
    key = hashlib.sha256(text_of(Path(".clang-tidy")) + text_of(Path(__file__)))
    for used in reached(path):
        key.update(str(used).encode() + b"\0" + hashlib.sha256(text_of(used)).digest())
    return MARKS / key.hexdigest()


def check(build, path):
    """True when the file is clean; prints the findings when not."""
    mark = mark_of(path)
    if mark.exists():
        return True
    done = subprocess.run(["clang-tidy-19", "--quiet", "-p", build, "--warnings-as-errors=*",
                           "--extra-arg=-Wno-unknown-warning-option", str(path)], capture_output=True, text=True)
    if done.returncode == 0:
        mark.touch()
        return True
    print(done.stdout or done.stderr, flush=True)
    return False


def main():
    build, files = sys.argv[1], [Path(f) for f in sys.argv[2:]] or sorted(Path("src").rglob("*.cpp"))
    MARKS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = list(pool.map(lambda path: check(build, path), files))
    print(f"clang-tidy: {clean.count(True)} of {len(clean)} files clean")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
