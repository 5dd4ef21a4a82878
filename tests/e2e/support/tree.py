"""Everything a file system knows about a tree, so that two trees can be compared by more than their contents.

A tree is read through the eyes of a process of its Engine's host. Run as a script inside a container with a volume at the
path given, this prints one JSON object per entry.
"""

import base64
import errno
import hashlib
import json
import os
import stat
import sys
from pathlib import Path

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block"}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holes(path, size):
    """[start, end) of each run of a file that takes no room. How many blocks the rest takes is the file system's affair: a
    file in many pieces needs some to list them."""
    found, at = [], 0
    with open(path, "rb") as file:
        while at < size:
            begin = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            if begin >= size:
                break
            try:
                at = os.lseek(file.fileno(), begin, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                at = size
            found.append([begin, at])
    return found


def entry(path):
    """The attributes of one path (bytes). ACLs are the xattrs system.posix_acl_*, capabilities security.capability."""
    info = os.lstat(path)
    kind = TYPES[stat.S_IFMT(info.st_mode)]
    xattrs = {}
    for name in os.listxattr(path, follow_symlinks=False):
        xattrs[name] = base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode()
    return {
        "type": kind, "mode": stat.S_IMODE(info.st_mode), "uid": info.st_uid, "gid": info.st_gid,
        # The size of a directory is the file system's affair.
        "size": info.st_size if kind in ("file", "link") else 0,
        "sha256": digest(path) if kind == "file" else None,
        "target": base64.b64encode(os.readlink(path)).decode() if kind == "link" else None,
        "device": info.st_rdev if kind in ("char", "block") else 0,
        "xattrs": xattrs, "nlink": info.st_nlink if kind != "dir" else 0,
        "holes": holes(path, info.st_size) if kind == "file" else [], "mtime_ns": info.st_mtime_ns,
    }


def walk(root):
    yield b".", entry(root)
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, root), entry(path)


def tree_manifest(engine, where, under="."):
    """{path (bytes): attributes} of a volume, or of a directory of the host when `where` is absolute: of all in it, or of
    the folder `under` in it. Nothing there may change meanwhile."""
    if not str(where).startswith("/"):
        volume = json.loads(engine.out("volume", "inspect", where))[0]
        if volume["Driver"] != "local" or volume["Options"]:
            return read_mounted(engine, where, under)  # it is there only as long as a container has it
        where = volume["Mountpoint"]
    root = os.fsencode(f"/proc/{engine.pid()}/root{where}/{under}")
    return dict(walk(root))


def read_mounted(engine, volume, under):
    """The same, in a container."""
    from support.engine import TOOLCHAIN
    script = Path(__file__).read_text(encoding="utf-8")
    out = engine.run("run", "--rm", "-i", "--network", "none", "--cap-add", "DAC_READ_SEARCH", "--cap-add", "SYS_ADMIN",
                     "-v", f"{volume}:/tree:ro", TOOLCHAIN, "python3", "-", f"/tree/{under}", input=script).stdout
    entries = (json.loads(line) for line in out.splitlines())
    return {base64.b64decode(e.pop("path")): e for e in entries}


def differences(before, after, ignore=()):
    """The differences of two manifests as lines of text; none when they are the same but for the keys in `ignore`."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            lines.append(f"{path!r}: {'appeared' if old is None else 'is missing'}")
            continue
        lines += [f"{path!r}: {key} was {old[key]!r}, is {new[key]!r}" for key in old
                  if key not in ignore and old[key] != new[key]]
    return lines


if __name__ == "__main__":
    for found, attributes in walk(os.fsencode(sys.argv[1])):
        print(json.dumps({"path": base64.b64encode(found).decode(), **attributes}))
