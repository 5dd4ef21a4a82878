"""A registry of images that nothing but tests need: read-only, on this machine, in memory.

https://distribution.github.io/distribution/spec/api/, as far as an Engine asks for it.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    def __init__(self, engine, base="busybox"):
        """Its images are made of one of the Engine's."""
        saved = engine.run("save", base, text=False).stdout
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            [described] = json.load(archive.extractfile("manifest.json"))
            self.config = json.load(archive.extractfile(described["Config"]))
            self.layers = [gzip.compress(archive.extractfile(layer).read(), mtime=0) for layer in described["Layers"]]
        self.blobs, self.manifests, self.pulled = {}, {}, []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                kind, body = registry.answer(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body or b"")))
                if body is not None and kind == MANIFEST:
                    self.send_header("Docker-Content-Digest", digest(body))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body or b"")

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, name, tag, **labels):
        """NAME:TAG is an image with these labels from here on, and what it was before has its digest only."""
        config = {**self.config, "config": {**self.config.get("config", {}), "Labels": labels}}
        blob = json.dumps(config).encode()
        for data in (blob, *self.layers):
            self.blobs[digest(data)] = data
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(blob), "digest": digest(blob)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(layer),
                        "digest": digest(layer)} for layer in self.layers]}).encode()
        for reference in (tag, digest(manifest)):
            self.manifests[(name, reference)] = manifest
        return f"{self.name}/{name}:{tag}"

    def answer(self, path):
        """(type, body) of a path; the body is None where there is nothing."""
        if path.rstrip("/") == "/v2":
            return "application/json", b"{}"
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        if not found:
            return "text/plain", None
        name, kind, reference = found.groups()
        if kind == "blobs":
            return "application/octet-stream", self.blobs.get(reference)
        self.pulled.append(reference)
        return MANIFEST, self.manifests.get((name, reference))

    def close(self):
        self.server.shutdown()
        self.server.server_close()
