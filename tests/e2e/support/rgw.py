"""An S3 server of the tests' own: a Ceph RADOS gateway in a container. Buckets and objects go with it."""

import datetime
import json
import uuid
from contextlib import contextmanager

from support.engine import wait_until
from support.s3 import S3

IMAGE = "davit-test/rgw"
KEY, SECRET = "DAVITTESTSKEY", "tests/secret+of=davit"  # of its only user, who is in the image


class Rgw:
    def __init__(self, engine, name=None):
        self.engine, self.name = engine, name or f"e2ergw{uuid.uuid4().hex[:8]}"

    def create(self):
        """Answers after this: at its address for processes of the host and containers, and at ports of localhost."""
        self.engine.run("run", "-d", "--name", self.name, "-p", "127.0.0.1::8080", "-p", "127.0.0.1::8443", "--log-opt",
                        "max-size=20m", IMAGE)
        self.host = self.engine.inspect(self.name)["NetworkSettings"]["IPAddress"]
        self.client = S3(self.host, 8080, KEY, SECRET)
        self.wait()
        return self

    def wait(self):
        wait_until("the S3 server", lambda: self.client.answers(), 60)

    def destroy(self):
        self.engine.run("rm", "-f", "-v", self.name, check=False)

    @property
    def endpoint(self):
        return f"http://{self.host}:8080"

    def local_port(self, port):
        """The port of 127.0.0.1 that leads to 8080 or, with TLS, 8443."""
        return int(self.engine.inspect(self.name)["NetworkSettings"]["Ports"][f"{port}/tcp"][0]["HostPort"])

    def ca(self, path):
        """Writes the certificate that its own, for 127.0.0.1 and s3.localhost and names below that, can be checked with."""
        path.write_text(self.engine.exec(self.name, "cat", "/etc/rgw/ca.pem"))
        return path

    def bucket(self, name=None):
        """A new bucket."""
        name = name or f"e2e-{uuid.uuid4().hex[:12]}"
        self.client.make_bucket(name)
        return name

    def variables(self, **more):
        """What davit finds the server by."""
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.endpoint, **more}

    def sent(self):
        """Bytes that went out to the network."""
        lines = self.engine.exec(self.name, "cat", "/proc/net/dev").splitlines()
        return sum(int(line.split(":")[1].split()[8]) for line in lines[2:] if line.split(":")[0].strip() != "lo")

    def age(self, bucket, key, hours=2):
        """From now on the object was stored so long ago, as far as listings say."""
        entry = json.loads(self._admin("bi", "get", f"--bucket={bucket}", f"--object={key}"))
        meta = entry["entry"]["meta"]
        stored = datetime.datetime.fromisoformat(meta["mtime"][:19])
        meta["mtime"] = (stored - datetime.timedelta(hours=hours)).isoformat() + meta["mtime"][19:]
        self._admin("bi", "put", f"--bucket={bucket}", "--infile=/dev/stdin", input=json.dumps(entry))

    def _admin(self, *args, **more):
        return self.engine.exec(self.name, "radosgw-admin", *args, **more)

    # --- what goes wrong ---

    def kill(self):
        """The gateway is gone, in the middle of whatever it did; what it had stored is kept."""
        self.engine.exec(self.name, "sh", "-c", "touch /run/ceph/stopped; pkill -9 -f '^radosgw '")

    def start(self):
        self.engine.exec(self.name, "rm", "-f", "/run/ceph/stopped")
        self.wait()

    @contextmanager
    def stalled(self):
        """It takes connections and says nothing."""
        self.engine.exec(self.name, "pkill", "-STOP", "-f", "^radosgw ")
        try:
            yield
        finally:
            self.engine.exec(self.name, "pkill", "-CONT", "-f", "^radosgw ")
