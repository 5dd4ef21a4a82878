"""An Engine that lacks an image: a unix socket in front of the real one, whose requests for that image find nothing."""

import socket
import threading


class EngineWithout:
    """Listens at `path` until closed. No request is parsed: names of images stand in request lines, which come in one piece."""

    def __init__(self, path, image, engine="/var/run/docker.sock"):
        self.engine = engine
        self.swaps = [(f"/images/{image}".encode(), f"/images/{'0' * len(image)}".encode()),
                      # No valid reference, so that no registry is asked.
                      (f"fromImage={image}".encode(), b"fromImage=" + b"-" * len(image))]
        self.address = f"unix://{path}"
        self.swapped = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

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
            threading.Thread(target=self._pump, args=(client, server, self.swaps), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, []), daemon=True).start()

    def _pump(self, source, sink, swaps):
        try:
            while data := source.recv(1 << 18):
                for old, new in swaps:
                    self.swapped += data.count(old)
                    data = data.replace(old, new)
                sink.sendall(data)
            # A half-close is a message of its own: it ends an attached command's input.
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()
