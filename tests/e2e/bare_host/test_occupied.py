"""A host that isn't bare: the plan names everything that is in the way, and nothing is touched."""

import socket

import pytest

from support.bare import engine_state, own_ids, up_changes_nothing
from support.davit import Davit


@pytest.fixture
def davit(backed_up, engine, binary):
    return Davit("container", engine, backed_up.repository, binary)


@pytest.fixture
def occupy(engine):
    """occupy(kind, name, create command…): something of somebody else's, which is gone behind the test."""
    theirs = []

    def make(kind, name, *command):
        engine.run(*command)
        theirs.append((kind, name))

    yield make
    for kind, name in reversed(theirs):
        engine.run(kind, "rm", *(["-f", "-v"] if kind == "container" else []), name, check=False)


def published(site):
    """The port of the host that the stack has."""
    return next(mapping[0]["HostPort"] for container in site.shape["containers"].values()
                for mapping in container["host"].get("PortBindings", {}).values())


def test_everything_in_the_way_is_named_and_nothing_is_touched(davit, engine, here, backed_up, occupy, scratch):
    name = here.name
    port = published(backed_up)
    occupy("container", f"{name}-worker-1", "run", "-d", "--name", f"{name}-worker-1", "busybox", "sleep", "600")
    occupy("container", f"{name}-theirs", "run", "-d", "--name", f"{name}-theirs", "-p", f"127.0.0.1:{port}:1", "busybox",
           "sleep", "600")
    occupy("network", f"{name}-near", "network", "create", "--subnet", f"10.213.{backed_up.net}.128/25", f"{name}-near")
    occupy("volume", f"{name}_uploads", "volume", "create", f"{name}_uploads")
    occupy("container", f"{name}-user", "run", "-d", "--name", f"{name}-user", "-v", f"{name}_uploads:/v", "busybox", "sh", "-c",
           "echo theirs > /v/theirs; sleep 600")

    for flags in ([], ["--replace"]):
        before = engine_state(here)
        plan = davit("restore", "--stack", name, "--plan", *flags).stdout
        refused = davit("restore", "--stack", name, *flags, code=1).stderr
        for said in (plan, refused):
            assert f"{name}-worker-1" in said
            assert port in said and f"{name}-theirs" in said
            assert f"{name}-near" in said
            assert f"{name}_uploads" in said and f"{name}-user" in said
        assert "is refused" in refused and "hint:" in refused
        assert engine_state(here) == before
        assert not here.directory.exists() and not here.common.exists()
    assert engine.in_volume(f"{name}_uploads", "cat theirs") == "theirs"


def test_a_volume_with_data_needs_replace(davit, engine, here, occupy, backed_up):
    volume = here.volume("uploads")
    labels = ["--label", f"com.docker.compose.project={here.name}", "--label", "com.docker.compose.volume=uploads"]
    occupy("volume", volume, "volume", "create", *labels, volume)
    engine.in_volume(volume, "echo older > index.html")
    before = engine_state(here)
    assert volume in davit("restore", "--stack", here.name, code=1).stderr
    assert engine_state(here) == before and engine.in_volume(volume, "cat index.html") == "older"
    davit("restore", "--stack", here.name, "--replace")
    assert engine.in_volume(volume, "cat index.html") == "a page"


def test_parts_that_are_there_stay(davit, engine, here):
    """Of a stack that lacks some services, those are made, and the others are as they were."""
    davit("restore", "--stack", here.name)
    here.compose("rm", "-s", "-f", "sidecar", "worker")
    engine.run("stop", "-t", "1", f"{here.name}-web-1", f"{here.name}-db-1")
    left = engine.names("ps", "-a", "--no-trunc", "--filter", f"label=com.docker.compose.project={here.name}", "-q")
    said = davit("restore", "--stack", here.name, "--replace").stdout
    assert "docker compose up -d" in said and "web" in said
    now = engine.names("ps", "-a", "--no-trunc", "--filter", f"label=com.docker.compose.project={here.name}", "-q")
    assert left < now
    states = here.states()
    assert (states["web"], states["sidecar"], states["worker"]) == ("exited", "created", "created")
    up_changes_nothing(here)


def test_a_port_that_a_process_of_the_host_has(davit, here, backed_up):
    """Nobody can see that beforehand: the restore stands, and says which services don't run."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(published(backed_up))))
        taken.listen()
        failed = davit("restore", "--stack", here.name, code=1).stderr
        assert "the backup is restored, but not every service runs" in failed and "docker compose up -d" in failed
        assert "start service web" in failed and "service sidecar was not started: it depends on web" in failed
        states = here.states()
        assert (states["db"], states["web"], states["sidecar"]) == ("running", "created", "created")
    davit("ls")
    before = own_ids(here)
    here.compose("up", "-d")
    assert own_ids(here) == before
    here.wait_healthy("web")
