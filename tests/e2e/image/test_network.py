"""The product's image on a network: names from Docker's DNS, TLS with both sides' certificates, names of any bytes."""

import subprocess
import uuid

import pytest
from support.davit import IMAGE, SCRATCH, SOCKET
from support.engine import TOOLCHAIN, wait_until
from support.refusal import CODES, said
from support.small_stack import SmallStack
from support.tree import differences

# Forwards every connection to the Engine's socket; with TLS, only for clients whose certificate our authority has signed.
PROXY = """
import os, socket, ssl, threading
server = socket.create_server(("0.0.0.0", 2375))
tls = None
if os.path.exists("/certs/server.pem"):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("/certs/server.pem", "/certs/server-key.pem")
    tls.load_verify_locations("/certs/ca.pem")
    tls.verify_mode = ssl.CERT_REQUIRED

def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except (OSError, ValueError):
        target.close()

def serve(client):
    engine = socket.socket(socket.AF_UNIX)
    engine.connect("/var/run/docker.sock")
    back = threading.Thread(target=pump, args=(engine, client))
    back.start()
    pump(client, engine)
    back.join()
    client.close()

def accept(client):
    try:
        serve(tls.wrap_socket(client, server_side=True) if tls else client)
    except OSError:
        client.close()

while True:
    threading.Thread(target=accept, args=(server.accept()[0],)).start()
"""

FILL = r"""mkdir "ä ö"; echo grüße >"ä ö/ümlaut"; echo x >"$(printf 'not-utf8-\377')"; echo y >"$(printf 'new\nline')"; seq 30000 >numbers
chown 1042:1043 numbers; chmod 0600 numbers; ln -s "$(printf '\377')" dangling"""


@pytest.fixture(scope="module")
def network(engine):
    name = f"e2eimage{uuid.uuid4().hex[:8]}"
    engine.run("network", "create", name)
    yield name
    engine.run("network", "rm", name, check=False)


@pytest.fixture
def stack(engine):
    made = SmallStack(engine, FILL)
    yield made
    made.destroy()


@pytest.fixture
def proxy(engine, network):
    """proxy(certs directory or None) → the name of a container that is the Engine on tcp port 2375 of the network."""
    made = []

    def start(certs=None):
        name = f"e2eproxy{uuid.uuid4().hex[:8]}"
        made.append(name)
        mounts = ["-v", f"{certs}:/certs:ro"] if certs else []
        engine.run("run", "-d", "--init", "--name", name, "--network", network, "--network-alias", "engine.example", "-v",
                   f"{SOCKET}:{SOCKET}", *mounts, TOOLCHAIN, "python3", "-c", PROXY)
        wait_until("the proxy", lambda: engine.run("exec", name, "python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 2375))",
                                                   check=False).returncode == 0)
        return name

    yield start
    for name in made:
        engine.run("rm", "-f", name, check=False)


@pytest.fixture
def over_network(engine, network, repository):
    """over_network(variables, *args, mounts) → the finished davit, whose container has the network and not the socket."""

    def run(variables, *args, mounts=()):
        pairs = [o for k, v in {"DAVIT_REPOSITORY": str(repository), **variables}.items() for o in ("-e", f"{k}={v}")]
        volumes = [o for m in mounts for o in ("-v", m)]
        return engine.run("run", "--rm", "--network", network, "-v", f"{repository}:{repository}", *volumes, *pairs, IMAGE, *args, check=False)

    return run


def brings_back(stack, tree_manifest, run):
    """A backup and a restore over what was changed meanwhile, compared attribute by attribute."""
    before = tree_manifest(stack.volume)
    assert b"not-utf8-\xff" in before and "ä ö/ümlaut".encode() in before
    done = run("backup", "--stack", stack.name)
    assert done.returncode == 0, done.stderr
    stack.engine.in_volume(stack.volume, "rm -rf /v/ä* /v/not*; echo changed >numbers")
    stack.stop()
    done = run("restore", "--stack", stack.name, "--replace", "latest")
    assert done.returncode == 0, done.stderr
    assert differences(before, tree_manifest(stack.volume)) == []


def test_a_name_that_only_dockers_dns_knows(engine, stack, proxy, over_network, tree_manifest):
    address = {"DOCKER_HOST": f"tcp://{proxy()}:2375"}
    brings_back(stack, tree_manifest, lambda *args: over_network(address, *args))


def test_a_name_that_nobody_knows(stack, over_network):
    done = over_network({"DOCKER_HOST": "tcp://nobody.invalid:2375"}, "backup", "--stack", stack.name)
    assert done.returncode == CODES["unavailable"]
    said(done.stderr, "nobody.invalid", "check DOCKER_HOST")


@pytest.fixture(scope="module")
def certificates():
    """Two authorities, `good` and `other`, each with a server's and a client's certificate. Files as Docker names them."""
    root = SCRATCH / f"certs-{uuid.uuid4().hex[:8]}"
    for authority in ("good", "other"):
        place = root / authority
        (place / "client").mkdir(parents=True)
        (place / "server").mkdir()

        def openssl(*args, at=place):
            subprocess.run(["openssl", *args], cwd=at, check=True, capture_output=True)

        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *new, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", f"/CN={authority}")
        for side, stem in (("server", "server/server"), ("client", "client/")):
            key, cert = (f"{stem}-key.pem", f"{stem}.pem") if side == "server" else (f"{stem}key.pem", f"{stem}cert.pem")
            openssl("req", "-x509", *new, "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={side}", "-CA", "ca.pem", "-CAkey",
                    "ca-key.pem", "-addext", "subjectAltName=DNS:engine.example", "-addext", "basicConstraints=critical,CA:FALSE")
            (place / side / "ca.pem").write_bytes((place / "ca.pem").read_bytes())
    yield root
    subprocess.run(["rm", "-rf", str(root)], check=True)


def test_tls_with_both_certificates(stack, proxy, over_network, tree_manifest, certificates):
    proxy(certificates / "good" / "server")
    variables = {"DOCKER_HOST": "tcp://engine.example:2375", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
    brings_back(stack, tree_manifest, lambda *args: over_network(variables, *args, mounts=[f"{certificates}/good/client:/certs:ro"]))


def test_tls_refuses_strangers(stack, proxy, over_network, certificates, scratch):
    name = proxy(certificates / "good" / "server")
    variables = {"DOCKER_HOST": "tcp://engine.example:2375", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}

    def refused(certs, **more):
        done = over_network({**variables, **more}, "backup", "--stack", stack.name, mounts=[f"{certs}:/certs:ro"])
        assert done.returncode in (CODES["credentials"], CODES["unavailable"]), done.stderr
        return done.stderr.splitlines()[0].lower()

    # A server whose authority we don't know, and one that goes by another name than its certificate.
    assert "certificate" in refused(certificates / "other" / "client")
    assert "certificate" in refused(certificates / "good" / "client", DOCKER_HOST=f"tcp://{name}:2375")
    # We trust the server, and it doesn't trust us.
    mixed = scratch / "mixed"
    mixed.mkdir()
    for source, file in (("good", "ca.pem"), ("other", "cert.pem"), ("other", "key.pem")):
        (mixed / file).write_bytes((certificates / source / "client" / file).read_bytes())
    refused(mixed)


def test_certificates_that_are_not_there(stack, proxy, over_network):
    proxy()
    done = over_network({"DOCKER_HOST": "tcp://engine.example:2375", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nowhere"},
                        "backup", "--stack", stack.name)
    assert done.returncode != 0 and "/nowhere" in done.stderr and "error: " in done.stderr
