"""An Engine whose requests are counted: a unix socket in front of the real one, which kills davit at one of them."""

import contextlib
import os
import signal
import socket
import subprocess
import threading


class KillingEngine:
    """Listens at `path` until closed. With `at` set, the process that is watched is killed when its `at`-th request comes:
    before it is passed on, or, with `passed`, behind that, so that nobody takes in what it leads to. With `word` it is what
    has these bytes in it, also what a command reads. Or `meet` is called with that, and davit goes on."""

    def __init__(self, path, engine="/var/run/docker.sock"):
        self.engine, self.path = engine, path
        self.requests, self.at, self.passed, self.process, self.lock = [], 0, False, None, threading.Lock()
        self.word, self.meet = None, None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def run(self, davit, *args, at=0, passed=False, word=None, meet=None, timeout=300):
        """davit, which must be one of the host → (exit code, stdout, stderr)."""
        self.requests, self.at, self.passed, self.word, self.meet = [], at, passed, word, meet
        variables = {"DAVIT_REPOSITORY": str(davit.repository), "DOCKER_HOST": f"unix://{self.path}",
                     "DAVIT_ENGINE_SOCKET": self.engine}
        with self.lock:
            self.process = subprocess.Popen(davit.argv(args, variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, text=True)
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.engine)
            threading.Thread(target=self._pump, args=(client, server, self._look), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, None), daemon=True).start()

    def _look(self, data):
        """Whether this is where davit ends."""
        if self.word and self.word in data:
            if self.meet is None:
                return True
            self.meet()
        if not data.startswith((b"GET /", b"POST /", b"DELETE /", b"PUT /", b"HEAD /")):
            return False
        with self.lock:
            self.requests.append(data.split(b" HTTP", 1)[0].decode(errors="replace"))
            return len(self.requests) == self.at

    def _pump(self, source, sink, look):
        try:
            while data := source.recv(1 << 18):
                ends = look is not None and look(data)
                if ends and not self.passed:
                    os.kill(self.process.pid, signal.SIGKILL)
                    raise OSError("davit is dead")
                sink.sendall(data)
                if ends:
                    os.kill(self.process.pid, signal.SIGKILL)
            # A half-close is a message of its own: it ends an attached command's input.
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # Not only closed: the pump of the other direction waits for one of them, and holds it open for the Engine.
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
