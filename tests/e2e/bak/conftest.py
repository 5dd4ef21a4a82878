"""PostgreSQL servers that are reached over the network, by `bak`."""

import subprocess

import pytest
from support.bak import MEGABYTES, NOISE, ODD_NAMES, SMALL, Bak, Server


@pytest.fixture(scope="session")
def make_server(engine):
    servers = []

    def make(version):
        servers.append(Server(engine, version))
        return servers[-1]

    yield make
    for server in servers:
        server.destroy()


@pytest.fixture(scope="session")
def tools_15(engine):
    """The image that davit takes tools of PostgreSQL 15 from, as it is called by those who can reach a registry."""
    if engine.exists("image", "postgres:15"):
        yield
        return
    engine.run("tag", "davit-test/postgres:15", "postgres:15")
    yield
    engine.run("rmi", "postgres:15")


@pytest.fixture(scope="session", params=[15, 17])
def server(request, make_server):
    """With a database of nothing, one of a megabyte, and some of odd names. Whoever changes one puts it back."""
    # Those of 17 are the toolchain's own.
    if request.param == 15:
        request.getfixturevalue("tools_15")
    made = make_server(request.param)
    made.db.sql("create role clerk login password 'w0rd'")
    made.create("empty", owner="clerk")
    made.create("small", SMALL, owner="clerk")
    for name in ODD_NAMES:
        made.create(name, "create table marked as select 'x'::text as mark")
    return made


@pytest.fixture(scope="session")
def server_17(make_server):
    """One that tests may kill, and start again, with a large database."""
    made = make_server(17)
    made.create("large", NOISE.format(rows=MEGABYTES * 128))
    return made


@pytest.fixture
def bak(binary, scratch):
    (scratch / "home").mkdir()
    return Bak(binary, scratch / "home")


@pytest.fixture
def dumps(scratch):
    """An empty directory."""
    path = scratch / "dumps"
    path.mkdir()
    return path


@pytest.fixture
def tls(rgw, scratch):
    """(endpoint, the variables by which its certificate is believed)"""
    return f"https://127.0.0.1:{rgw.local_port(8443)}", {"AWS_CA_BUNDLE": str(rgw.ca(scratch / "ca.pem"))}


@pytest.fixture
def small_disk(scratch):
    """A directory that is a file system of 4 MB, for this test's processes."""
    path = scratch / "disk"
    path.mkdir()
    subprocess.run(["busybox", "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["busybox", "umount", str(path)], check=True)
