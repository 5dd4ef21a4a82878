"""Times upload and download of one object by several tools, in turn. Called by scripts/bench/s3."""

import hashlib
import os
import shutil
import statistics
import sys
from pathlib import Path

from support.engine import Engine
from support.rgw import KEY, SECRET, Rgw
from watch import measure

SCRATCH, ROUNDS, MIB = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
BUCKET, NAME = "bench", "bench.dump"
TOOLS = ("davit", "rclone", "curl", "curl+sha")
PROGRAMS = {"davit", "rclone", "curl", "sha256sum"}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fill(path):
    """Noise: nobody can compress it."""
    with open(path, "wb") as file:
        for _ in range(MIB // 16):
            file.write(os.urandom(16 << 20))
        file.flush()
        os.fsync(file.fileno())


class Bench:
    def __init__(self, server):
        self.server = server
        self.data, self.out = SCRATCH / "data", SCRATCH / "out"
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        fill(self.data / NAME)
        self.expected = digest(self.data / NAME)
        self.env = {**server.variables(), "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_S3_TYPE": "s3",
                    "RCLONE_CONFIG_S3_PROVIDER": "Ceph", "RCLONE_CONFIG_S3_ENV_AUTH": "true",
                    "RCLONE_CONFIG_S3_ENDPOINT": server.endpoint, "HOME": str(SCRATCH)}
        davit = f"{SCRATCH}/davit pg --quiet %s --dir %s --bucket {BUCKET}/davit --endpoint {server.endpoint} --allow-http"
        # What curl sends of itself is checked by nobody. With the SHA-256 that davit's parts carry it is by the server, and what
        # comes back by sha256sum.
        curl = (f"curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user {KEY}:{SECRET} -H x-amz-content-sha256:%s "
                f"%s {server.endpoint}/{BUCKET}/curl/{NAME}")
        hashed = f"$(sha256sum {self.data}/{NAME} | cut -d ' ' -f 1)"
        self.upload = {
            "davit": davit % ("upload", self.data),
            "rclone": f"rclone copyto {self.data}/{NAME} s3:{BUCKET}/rclone/{NAME}",
            "curl": curl % ("UNSIGNED-PAYLOAD", f"-T {self.data}/{NAME}"),
            "curl+sha": curl % (hashed, f"-T {self.data}/{NAME}"),
        }
        # davit's download ends when the file is on stable storage. So do the others'.
        synced = f" && sync {self.out}/{NAME}"
        self.download = {
            "davit": davit % ("download", self.out),
            "rclone": f"rclone copyto s3:{BUCKET}/rclone/{NAME} {self.out}/{NAME}" + synced,
            "curl": curl % ("UNSIGNED-PAYLOAD", f"-o {self.out}/{NAME}") + synced,
            "curl+sha": curl % ("UNSIGNED-PAYLOAD", "-o -") + f" | tee {self.out}/{NAME} | sha256sum" + synced,
        }
        self.up, self.down = {tool: [] for tool in TOOLS}, {tool: [] for tool in TOOLS}

    def round(self, tools):
        for tool in tools:
            os.sync()
            self.up[tool].append(measure(PROGRAMS, self.upload[tool], **self.env))
            shutil.rmtree(self.out, ignore_errors=True)
            self.out.mkdir()
            os.sync()
            self.down[tool].append(measure(PROGRAMS, self.download[tool], **self.env))
            if digest(next(self.out.glob(f"**/{NAME}"))) != self.expected:
                sys.exit(f"{tool} did not bring everything back")
            for key in self.server.client.objects(BUCKET):
                self.server.client.delete(BUCKET, key)
            # Now, and not while the next one is measured.
            self.server.engine.exec(self.server.name, "radosgw-admin", "gc", "process", "--include-all")


def table(title, results):
    print(f"\n{title}, medians of {ROUNDS}")
    print(f"{'':10}{'wall s':>8}{'MiB/s':>8}{'CPU s':>8}{'peak MiB':>10}{'davit / it':>12}")
    # Of each round by itself: what else the machine does is the same for both.
    for tool, runs in results.items():
        wall, cpu, memory = (statistics.median(run[i] for run in runs) for i in range(3))
        ratio = statistics.median(ours[0] / run[0] for ours, run in zip(results["davit"], runs))
        print(f"{tool:10}{wall:8.2f}{MIB / wall:8.0f}{cpu:8.2f}{memory:10.0f}{ratio:12.2f}")


def main():
    server = Rgw(Engine(), "bench-rgw")
    try:
        server.create().bucket(BUCKET)
        bench = Bench(server)
        for number in range(ROUNDS):
            first = number % len(TOOLS)
            bench.round(TOOLS[first:] + TOOLS[:first])
    finally:
        server.destroy()
    print(f"one object of {MIB} MiB, {os.cpu_count()} processors")
    table("upload", bench.up)
    table("download", bench.down)


main()
