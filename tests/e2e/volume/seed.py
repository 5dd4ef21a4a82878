"""Run as a script inside a container with a volume at the path given: fills it with everything that a file system can hold."""

import os
import socket
import stat
import struct
import sys

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xFFFFFFFF


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def write(name, content=b"x", mode=None, owner=None):
    with open(name, "wb") as file:
        file.write(content)
    # In this order: chown takes setuid and capabilities away.
    if owner:
        os.chown(name, *owner)
    if mode is not None:
        os.chmod(name, mode)


def modes_and_owners():
    os.mkdir("modes")
    for mode in (0o000, 0o400, 0o644, 0o777, 0o1644, 0o2755, 0o4755, 0o7777):
        write(f"modes/{mode:04o}", b"%o" % mode, mode, (1000 + mode, 2000 + mode))
    write("modes/large-ids", owner=(4000000001, 4000000002))
    for mode in (0o000, 0o500, 0o1777, 0o2775, 0o3770):
        os.mkdir(f"modes/d{mode:04o}")
        write(f"modes/d{mode:04o}/inside", b"inside")
        os.chown(f"modes/d{mode:04o}", 65534, 12345)
        os.chmod(f"modes/d{mode:04o}", mode)


def attributes():
    os.makedirs("attributes/default")
    write("attributes/acl", b"acl", 0o640, (7, 8))
    access = acl((USER_OBJ, 6, NOBODY), (USER, 4, 1234), (USER, 7, 4000000001), (GROUP_OBJ, 4, NOBODY),
                 (GROUP, 5, 777), (MASK, 5, NOBODY), (OTHER, 0, NOBODY))
    os.setxattr("attributes/acl", "system.posix_acl_access", access)
    os.setxattr("attributes/default", "system.posix_acl_access", access)
    os.setxattr("attributes/default", "system.posix_acl_default", access)
    # Made under the default ACL, which the restored one must not get twice.
    write("attributes/default/heir")
    write("attributes/default/no-heir")
    os.removexattr("attributes/default/no-heir", "system.posix_acl_access")
    os.chmod("attributes/default/no-heir", 0o604)
    os.mkdir("attributes/default/d")
    os.removexattr("attributes/default/d", "system.posix_acl_default")
    write("attributes/user")
    for name, value in ((b"user.plain", b"value"), (b"user.empty", b""), (b"user.binary", bytes(range(256))),
                        (b"user.with = and space", b"1"), ("user.grüße".encode(), b"2"), (b"user.not-utf8-\xff", b"3"),
                        (b"user.long", b"l" * 3000)):
        os.setxattr("attributes/user", name, value)
    os.setxattr("attributes", "user.on-a-directory", b"yes")
    write("attributes/capable", b"#!/bin/true\n", 0o755, (0, 0))
    os.setxattr("attributes/capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))


def links():
    os.makedirs("links/other")
    write("links/first", b"linked", 0o4711, (5, 6))
    os.setxattr("links/first", "user.of", b"both")
    os.link("links/first", "links/second")
    os.link("links/first", "links/other/third")
    os.link("links/first", "a-link-that-sorts-first")
    for name, target in (("dangling", b"nowhere/at/all"), ("absolute", b"/etc/passwd"), ("up", b"../../../.."),
                         ("self", b"self"), ("not-utf8", b"to-\xff\xfe"), ("long", b"d/" * 1000), ("good", b"links/first")):
        os.symlink(target, f"links/{name}".encode())
        os.lchown(f"links/{name}", 42, 43)
        os.utime(f"links/{name}", ns=(1, 1234567890123456789), follow_symlinks=False)
    os.link("links/dangling", "links/dangling-too", follow_symlinks=False)


def special():
    os.mkdir("special")
    os.mkfifo("special/fifo", 0o620)
    os.link("special/fifo", "special/fifo-too")
    os.mknod("special/char", 0o660 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod("special/large-numbers", 0o600 | stat.S_IFCHR, os.makedev(300, 70000))
    os.mknod("special/block", 0o640 | stat.S_IFBLK, os.makedev(7, 200))
    os.chown("special/block", 0, 6)
    socket.socket(socket.AF_UNIX).bind("special/socket")


def holes():
    os.mkdir("holes")
    for name, writes, size in (("only", [], 10 << 20), ("end", [(0, b"begin")], 5 << 20), ("begin", [(7 << 20, b"end")], 0),
                               ("many", [(n << 20, b"%d" % n * 1000) for n in range(0, 40, 3)], 0),
                               ("large", [(0, b"a"), (150 << 20, b"b")], (200 << 20) + 1)):
        with open(f"holes/{name}", "wb") as file:
            for offset, content in writes:
                file.seek(offset)
                file.write(content)
            if size:
                file.truncate(size)
    write("holes/zeros-that-are-there", bytes(1 << 20))
    write("holes/empty", b"")


def names():
    os.makedirs("names/empty/empty/empty")
    for name in (b"new\nline", b"\n", b"not-utf8-\xff\xfe", b"-rf", b"--help", b"n" * 255, b"\xe9" * 255, b"trailing ", b" ",
                 b"\\", b"a\\nb", b"tab\t", b"\x01\x7f", "grüße-日本".encode(), "u\u0308".encode(), b"...", b"..x", b".hidden",
                 b"'\"$(x)`;&", b"*?[a]", b"PaxHeaders.0", b"GNUSparseFile.0", b"lost+found", b"=", b"20 path=x\n", b"@LongLink"):
        write(b"names/" + name, name)
    os.mkdir(b"names/d\xff\n ")
    write(b"names/d\xff\n /x")
    # Far longer than any field of a tar header, but within what one system call takes.
    deep = os.open("names", os.O_RDONLY)
    for number in range(13):
        os.mkdir(b"%02d" % number + b"d" * 250, dir_fd=deep)
        deep = os.open(b"%02d" % number + b"d" * 250, os.O_RDONLY, dir_fd=deep)
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=deep))
    deep = "names"
    for number in range(300):
        deep += f"/{number % 7}"
    os.makedirs(deep)
    write(deep + "/bottom", b"bottom")


def times():
    os.mkdir("times")
    # Not the last second before 1970: docs/decisions/0005.
    for ns in (0, 1, -10**9, -1500000000, -2000000000 * 10**9, 1234567890123456789, 999999999, 2**31 * 10**9, 9 * 10**18 + 7):
        write(f"times/{ns}")
        os.utime(f"times/{ns}", ns=(ns, ns))
    os.mkdir("times/dir")
    write("times/dir/inside")
    os.utime("times/dir", ns=(5, -123456789012345678))


os.umask(0o022)
os.chdir(sys.argv[1])
for fill in (modes_and_owners, attributes, links, special, holes, names, times):
    fill()
os.chown(".", 999, 998)
os.chmod(".", 0o2751)
os.setxattr(".", "user.root", b"of the volume")
os.utime(".", ns=(1, 987654321123456789))
os.sync()
