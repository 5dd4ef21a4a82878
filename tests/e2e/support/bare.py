"""A stack with everything that Compose makes of a compose file, and what of it must be the same when davit makes it."""

import json
import re
import shutil

from support.engine import wait_until
from support.postgres import Postgres
from support.stack import Stack
from support.tree import tree_manifest

IMAGES = ["busybox", "davit-test/postgres:17"]
EXTRA = "services: {sidecar: {labels: {extra: 'yes'}}}\n"


def files(common):
    """By path below the project's directory. There is a second compose file in another directory."""
    return {"db.env": "POSTGRES_PASSWORD=a secret, with spaces\n", "site.conf": "listen 8080\n",
            ".env": f"GREETING=hello\nCOMPOSE_FILE=compose.yaml:{common}/extra.yaml\n",
            "config/app.ini": "debug = no\n", "config/deep/more.ini": "x\n"}


COMPOSE = """
services:
  db:
    image: davit-test/postgres:17
    env_file: db.env
    volumes: ["pgdata:/var/lib/postgresql/data"]
    networks: [back]
    healthcheck:
      test: [CMD-SHELL, pg_isready -q -h 127.0.0.1 -U postgres]
      interval: 1s
      timeout: 3s
      retries: 100
    stop_grace_period: 30s
  setup:
    image: busybox
    command: [sh, -c, "test -e /state/setup || cat /proc/sys/kernel/random/uuid > /state/setup"]
    volumes: ["state:/state"]
    networks: [back]
  web:
    image: busybox
    init: true
    hostname: web-host
    command: [sh, -c, "test -e /www/index.html || echo none > /www/index.html; exec httpd -f -p 8080 -h /www"]
    environment:
      GREETING: $GREETING
    depends_on:
      db: {{condition: service_healthy}}
      setup: {{condition: service_completed_successfully}}
    networks:
      front:
        aliases: [shop.example]
      back:
        ipv4_address: 10.213.{net}.10
    ports: ["127.0.0.1:{port}:8080"]
    volumes: ["./config:/config:ro", "./site.conf:/etc/site.conf:ro", "uploads:/www", "/cache"]
    restart: unless-stopped
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/index.html"]
      interval: 1s
      retries: 100
    cap_drop: [NET_RAW]
    tmpfs: [/run/scratch]
    ulimits: {{nofile: 4096}}
    sysctls: {{net.ipv4.ip_unprivileged_port_start: "0"}}
    extra_hosts: ["other.example:10.9.8.7"]
    logging: {{driver: json-file, options: {{max-size: 1m}}}}
    labels: {{davit.files: site.conf, purpose: "a label, with = and ü"}}
  worker:
    image: busybox
    init: true
    command: [sleep, "3600"]
    depends_on: [web]
    restart: on-failure:3
    networks: [back]
    deploy: {{replicas: 2}}
    mem_limit: 64m
  sidecar:
    image: busybox
    init: true
    command: [sleep, "3600"]
    network_mode: service:web
    depends_on:
      web: {{condition: service_healthy}}
networks:
  front:
    labels: {{purpose: public}}
  back:
    ipam:
      config: [{{subnet: 10.213.{net}.0/24}}]
volumes:
  pgdata:
    labels: {{purpose: data}}
  uploads:
  state:
"""
SERVICES = {"db": "running", "setup": "exited", "web": "running", "worker": "running", "sidecar": "running"}


def labelled(project):
    return ["--filter", f"label=com.docker.compose.project={project}"]


def containers(stack):
    """{name: inspect} of every container of the project."""
    names = stack.engine.containers(f"com.docker.compose.project={stack.name}")
    return {name: stack.engine.inspect(name) for name in names}


def said(value, *names):
    """What is said in a part of an answer: Engines differ in what they write where nothing is, and in what `names` are."""
    return {key: each for key, each in value.items() if key not in names and each not in (None, "", 0, False, [], {})}


def made(container, names):
    """What of a container Compose or its user has asked for. `names`: of containers by id."""
    config, host = dict(container["Config"]), dict(container["HostConfig"])
    identity = container["Id"][:12]
    if config["Hostname"] == identity:
        config["Hostname"] = "its id"
    # The Engine says that of the other, once it runs.
    if host["NetworkMode"].startswith("container:"):
        del config["Hostname"]
    if host["RestartPolicy"]["Name"] in ("", "no"):
        del host["RestartPolicy"]
    # Written by some Engines and not by others, or in another order.
    for field in ("Binds", "Mounts"):
        host[field] = None
    host["NetworkMode"] = re.sub("container:([0-9a-f]{64})", lambda match: f"container:{names.get(match[1])}",
                                 host["NetworkMode"])
    networks = {}
    for name, endpoint in container["NetworkSettings"]["Networks"].items():
        aliases = sorted(alias for alias in endpoint["Aliases"] or [] if alias != identity)
        networks[name] = (aliases, endpoint["IPAMConfig"] or {})
    # A volume without a name is no part of a backup, and the Engine makes another one.
    source = lambda mount: re.sub("^[0-9a-f]{64}$", "any", mount.get("Name") or mount["Source"])
    mounts = sorted((mount["Type"], source(mount), mount["Destination"], mount["RW"]) for mount in container["Mounts"])
    return {"config": said(config, "Image"), "host": said(host, "ConsoleSize", "MaskedPaths", "ReadonlyPaths"),
            "networks": networks, "mounts": mounts, "path": container["Path"], "args": container["Args"]}


def shape(stack):
    """What the Engine has of a stack, but for what is new each time."""
    found = containers(stack)
    names = {each["Id"]: name for name, each in found.items()}
    engine = stack.engine
    networks = {}
    for name in engine.names("network", "ls", *labelled(stack.name), "--format", "{{.Name}}"):
        network = json.loads(engine.out("network", "inspect", name))[0]
        # The compose file sets one in 10/8; what the Engine chooses itself depends on what else is there.
        subnets = [config["Subnet"] for config in network["IPAM"]["Config"] if config["Subnet"].startswith("10.")]
        networks[name] = (network["Driver"], network["Labels"], network["Options"] or {}, subnets, network["Internal"])
    volumes = {}
    for name in engine.names("volume", "ls", "-q", *labelled(stack.name)):
        volume = json.loads(engine.out("volume", "inspect", name))[0]
        volumes[name] = (volume["Driver"], volume["Labels"], volume["Options"] or {})
    return {"containers": {name: made(each, names) for name, each in found.items()}, "networks": networks,
            "volumes": volumes}


def unlike(found, expected, path=""):
    """What differs between two shapes, one line each."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return [line for key in sorted({*found, *expected}) for line in
                unlike(found.get(key), expected.get(key), f"{path}/{key}")]
    return [] if found == expected else [f"{path}: {found} instead of {expected}"]


def contents(stack):
    """Every byte that the stack holds."""
    engine = stack.engine
    trees = {name: tree_manifest(engine, stack.volume(name)) for name in ("uploads", "state")}
    for name, directory in (("project", stack.directory), ("common", stack.common)):
        trees[name] = tree_manifest(engine, directory)
        del trees[name][b"."]  # files are restored, and the directory that they are in is made
    trees["rows"] = Postgres(stack).rows("select * from orders order by 1", "shop")
    trees["page"] = engine.exec(f"{stack.name}-sidecar-1", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/index.html")
    trees["peer"] = engine.exec(f"{stack.name}-worker-2", "wget", "-q", "-O", "-", "http://web:8080/index.html")
    return trees


class Site:
    def __init__(self, directory, name, net):
        self.directory, self.name, self.net = directory, name, net
        self.repository, self.project, self.common = directory / "backups", directory / "shop", directory / "common"

    def stack(self, engine, project=None):
        stack = Stack(engine, self.name, project or self.project)
        stack.common = self.common
        return stack

    def write(self, stack, port):
        stack.write(COMPOSE.format(port=port, net=self.net), files(self.common))
        self.common.mkdir()
        (self.common / "extra.yaml").write_text(EXTRA)

    def forget(self, stack):
        """Nothing of the stack is left, its files included."""
        stack.destroy()
        shutil.rmtree(self.common, ignore_errors=True)

    def seed(self, stack):
        """Contents in every place, and every service in the state that it is backed up in."""
        stack.engine.run("exec", f"{self.name}-db-1", "true")
        web = f"{self.name}-web-1"
        stack.engine.exec(web, "sh", "-c", "echo a page > /www/index.html; chown 33:44 /www/index.html")
        db = Postgres(stack)
        db.wait("select true")
        db.sql("create database shop;")
        db.sql("create table orders as select n, md5(n::text) from generate_series(1, 1000) n;", "shop")
        wait_until("the services to run", lambda: stack.states() == SERVICES, 60)
        stack.wait_healthy("web")

    def remember(self, stack):
        self.shape, self.contents, self.config = shape(stack), contents(stack), stack.compose("config", "--hash", "*").stdout


def ids(stack):
    return {name: each["Id"] for name, each in containers(stack).items()}


def own_ids(stack):
    """But for the service that has another's network: what Compose keeps of it holds the id of that one's container, which
    is never the same again. So Compose makes it anew, each time that the other was."""
    return {name: each for name, each in ids(stack).items() if name != f"{stack.name}-sidecar-1"}


def up_changes_nothing(stack):
    """`docker compose up -d` takes everything for its own."""
    before = own_ids(stack)
    done = stack.compose("up", "-d")
    assert own_ids(stack) == before, done.stderr
    for line in done.stderr.lower().splitlines():
        assert not re.search("warn|creating|recreat", line) or "sidecar" in line, done.stderr
    wait_until("the services to run", lambda: stack.states() == SERVICES, 60)
    before = ids(stack)
    stack.compose("up", "-d")
    assert ids(stack) == before


def engine_state(stack):
    """Which containers (and whether they run), volumes and networks there are that have the stack's name in their own."""
    engine, of_stack = stack.engine, ["--filter", f"name={stack.name}"]
    return {
        "containers": engine.names("ps", "-a", "--no-trunc", *of_stack, "--format", "{{.ID}} {{.Names}} {{.State}}"),
        "volumes": engine.names("volume", "ls", "-q", *of_stack),
        "networks": engine.names("network", "ls", "-q", "--no-trunc", *of_stack),
    }
