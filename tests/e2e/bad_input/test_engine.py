"""An Engine that isn't there, may not be used, is too old, or has not what was asked for."""

import socket
import threading

import pytest


def test_no_socket(davit, refuses, scratch):
    env = {"DOCKER_HOST": f"unix://{scratch}/missing.sock"}
    refuses(davit, ["backup", "--stack", "x"], "unavailable", r"connect .*/missing\.sock: no such file or directory$",
            "run davit as a container with the socket mounted", env=env)


def test_socket_refuses(davit, refuses, scratch):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(scratch / "dead.sock"))
    listener.close()
    env = {"DOCKER_HOST": f"unix://{scratch}/dead.sock"}
    refuses(davit, ["backup", "--stack", "x"], "unavailable", r"connect .*/dead\.sock: connection refused$",
            "start the Docker Engine, or set DOCKER_HOST", env=env)


def test_user_outside_the_docker_group(as_user, refuses):
    refuses(as_user, ["backup", "--stack", "x"], "unavailable", r"connect /var/run/docker\.sock: permission denied$",
            "or join the docker group")


@pytest.mark.parametrize("address, message", [("ssh://host", "ssh is not supported"), ("unix://relative", "absolute path"),
                                              ("tcp://", "host"), ("nonsense", "DOCKER_HOST")])
def test_addresses_that_are_none(davit, refuses, address, message):
    refuses(davit, ["backup", "--stack", "x"], "usage", message, ".", env={"DOCKER_HOST": address})


class FakeEngine:
    """Answers every request with the same JSON text."""

    def __init__(self, path, body, status="200 OK"):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.answer = (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nApi-Version: 1.40\r\n"
                       f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    more = connection.recv(4096)
                    if not more:
                        break
                    request += more
                connection.sendall(self.answer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def fake_engine(scratch):
    fakes = []

    def make(body, **more):
        fakes.append(FakeEngine(scratch / "fake.sock", body, **more))
        return {"DOCKER_HOST": f"unix://{scratch}/fake.sock"}

    yield make
    for fake in fakes:
        fake.close()


def test_engine_too_old(davit, refuses, fake_engine):
    env = fake_engine('{"Version":"19.03.15","ApiVersion":"1.40","MinAPIVersion":"1.12"}')
    refuses(davit, ["backup", "--stack", "x"], "usage", r"1\.40.*1\.41", r"20\.10", env=env)


def test_what_answers_is_no_engine(davit, refuses, fake_engine):
    env = fake_engine("<html>hello</html>")
    refuses(davit, ["backup", "--stack", "x"], "failed", "the Engine's answer is malformed", None, env=env)


def test_engine_in_trouble(davit, refuses, fake_engine):
    env = fake_engine('{"message":"layer store is on fire"}', status="500 Internal Server Error")
    refuses(davit, ["backup", "--stack", "x"], "unavailable", "layer store is on fire$", None, env=env)


def test_no_such_stack(davit, refuses, stack):
    refuses(davit, ["backup", "--stack", "nosuchstack"], "not-found", 'no stack named "nosuchstack"', stack.name)


def test_two_stacks_and_none_named(davit, refuses, stack, small_stack):
    other = small_stack("true")
    first, second = sorted([stack.name, other.name])
    refuses(davit, ["backup"], "usage", f"no stack was named, and several run: .*{first}.*{second}", "--stack")


def test_helper_image_that_does_not_exist(davit, refuses, stack):
    refuses(davit, ["backup", "--stack", stack.name, "--helper-image", "e2e.invalid/no-such:image"], "unavailable",
            r"pull the helper's image e2e\.invalid/no-such:image: .+", "load the image")
