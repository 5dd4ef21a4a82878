"""Times backup and restore of one directory by several tools, in turn. Called by scripts/bench/volume."""

import os
import random
import statistics
import sys
import tempfile
from pathlib import Path

from watch import measure, shell

DATA, SCRATCH, ROUNDS = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
FILES, FILE_BYTES = 16000, 100_000
PROGRAMS = {"davit", "tar", "zstd", "restic", "borg"}  # whose processes are counted


def fill():
    """Half of each file is text-like, half is noise: it compresses to about 60 %."""
    generator = random.Random(4711)
    words = [bytes(generator.choices(b"abcdefghijklmnopqrstuvwxyz", k=generator.randint(2, 11))) for _ in range(5000)]
    for number in range(FILES):
        folder = DATA / f"{number % 160:03d}"
        folder.mkdir(exist_ok=True)
        text = b" ".join(generator.choices(words, k=FILE_BYTES // 14))[: FILE_BYTES // 2]
        (folder / f"{number}.bin").write_bytes(text + generator.randbytes(FILE_BYTES - len(text)))


def aside(path):
    """Puts what is in `path` aside. Nothing is deleted while it is measured: ext4 is slow to hand out an inode that was
    deleted minutes ago, and whoever comes next would pay for it."""
    path.mkdir(parents=True, exist_ok=True)
    away = Path(tempfile.mkdtemp(prefix="aside-", dir=path.parent))
    for child in path.iterdir():
        child.rename(away / child.name)
    return path


def tree(path):
    return sorted((str(p.relative_to(path)), p.stat().st_size) for p in path.rglob("*") if p.is_file())


def backups():
    archive, repository = SCRATCH / "tar.zst", SCRATCH / "davit-repository"
    restic, borg = SCRATCH / "restic", SCRATCH / "borg"
    archive.unlink(missing_ok=True)
    for path in (repository, restic, borg):
        aside(path)
    shell(f"restic init -q -r {restic} --insecure-no-password; borg init -e none {borg}")
    return {
        "tar | zstd -3 -T2": (f"tar -C {DATA} -c . | zstd -q -3 -T2 -o {archive} && sync {archive}", {}),
        "davit": (f"{SCRATCH}/davit backup -q --stack davit-bench --repository {repository}", {}),
        "restic": (f"restic backup -q -r {restic} --insecure-no-password {DATA}", {}),
        "borg": (f"borg create --compression zstd,3 {borg}::first {DATA}", {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}),
    }


def restores():
    out = SCRATCH / "out"
    repository, restic, borg = SCRATCH / "davit-repository", SCRATCH / "restic", SCRATCH / "borg"
    return {
        "tar | zstd -3 -T2": (f"zstd -q -dc {SCRATCH}/tar.zst | tar -C {out} -x && sync -f {out}", {}),
        "davit": (f"{SCRATCH}/davit restore -q --stack davit-bench --repository {repository} latest", {}),
        "restic": (f"restic restore -q -r {restic} --insecure-no-password latest --target {out} && sync -f {out}", {}),
        "borg": (f"cd {out} && borg extract {borg}::first && sync -f {out}", {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}),
    }


def table(title, results):
    print(f"\n{title}, medians of {ROUNDS}")
    print(f"{'':20}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}{'wall / tar':>12}")
    base = statistics.median(run[0] for run in results["tar | zstd -3 -T2"])
    for name, runs in results.items():
        wall, cpu, memory = (statistics.median(run[i] for run in runs) for i in range(3))
        print(f"{name:20}{wall:8.2f}{cpu:8.2f}{memory:10.0f}{wall / base:12.2f}")


def main():
    fill()
    expected = tree(DATA)
    first, back = {}, {}
    for _ in range(ROUNDS):
        for name, (command, environment) in backups().items():
            os.sync()
            first.setdefault(name, []).append(measure(PROGRAMS, command, **environment))
        for name, (command, environment) in restores().items():
            out = aside(DATA if name == "davit" else SCRATCH / "out")
            os.sync()
            back.setdefault(name, []).append(measure(PROGRAMS, command, **environment))
            top = out / str(DATA).lstrip("/") if name in ("restic", "borg") else out
            if tree(top) != expected:
                sys.exit(f"{name} did not bring everything back")
    print(f"{FILES} files, {FILES * FILE_BYTES / 1e9:.1f} GB, {os.cpu_count()} processors")
    table("first backup", first)
    table("restore", back)


main()
