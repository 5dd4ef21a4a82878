"""A broker: seed → back up → destroy → restore → compare definitions, logins, and the messages in their order."""

import shutil
import uuid

import pytest

from support.davit import SCRATCH, Davit
from support.guide import beside_the_engine
from support.onlooker import Onlooker
from support.rabbitmq import IMAGE, MESSAGES, PASSWORD, USER, WORKER, Rabbit
from support.refusal import said
from support.stack import Stack

COMPOSE = """
services:
  mq:
    image: {image}
    {hostname}
    environment: {{RABBITMQ_DEFAULT_USER: "{user}", RABBITMQ_DEFAULT_PASS: "{password}"}}
    volumes: ["mq:/var/lib/rabbitmq"]
    {labels}
    stop_grace_period: 60s
volumes: {{mq: }}
"""


class Site:
    def __init__(self, engine, binary, **more):
        self.engine = engine
        self.home = SCRATCH / f"e2emq{uuid.uuid4().hex[:8]}"
        self.repository = self.home / "backups"
        self.repository.mkdir(parents=True)
        self.stack = Stack(engine, self.home.name, self.home / "project")
        self.write(**more)
        self.broker = Rabbit(self.stack, service="mq")
        self.davit_of_stack = Davit("container", engine, self.repository, binary)
        self.start()

    def write(self, hostname="hostname: mq", labels="labels: {davit.quiesce: stop}"):
        self.stack.write(COMPOSE.format(image=IMAGE, user=USER, password=PASSWORD, hostname=hostname, labels=labels), {})

    def davit(self, command, *args, **more):
        return self.davit_of_stack(command, "--stack", self.stack.name, *args, **more)

    def start(self):
        self.stack.up()
        self.broker.wait()

    def destroy(self):
        self.stack.destroy()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def site(engine, binary):
    site = Site(engine, binary)
    site.broker.seed()
    site.seeded = site.broker.facts()
    site.secrets = [user["password_hash"] for user in site.seeded["definitions"]["users"]]
    with Onlooker(engine, *site.secrets) as onlooker:
        done = site.davit("backup", "-v")  # exit code 0: no finding
    onlooker.check({"rabbitmqctl"}, done)
    site.broker.wait()
    assert site.broker.facts(site.seeded["counts"]) == site.seeded
    yield site
    site.destroy()


def compare(site):
    assert site.broker.facts(site.seeded["counts"]) == site.seeded
    assert site.broker.take_all() == MESSAGES


def test_what_is_stored(site):
    manifest = site.davit_of_stack.json("show", "--stack", site.stack.name)
    items = {f"{item['kind']}:{item['name']}": item for item in manifest["items"]}
    assert items["volume:mq"]["consistency"] == "stopped"
    assert items["rabbitmq:mq"]["attributes"]["node"] == "rabbit@mq"
    assert items["rabbitmq:mq"]["attributes"]["data"] == "volume:mq"
    assert items["rabbitmq:mq"]["artefacts"][0]["entries"] > 10
    assert [held["how"] for held in manifest["held"]] == ["stopped"]
    assert manifest["findings"] == []
    site.davit("verify", "--deep")


def test_after_everything_is_gone(site):
    site.stack.down()
    site.davit("restore")
    cookie = site.engine.in_volume(site.stack.volume("mq"), "stat -c '%u:%g %a' .erlang.cookie")
    assert cookie == "999:999 400"
    site.start()
    compare(site)


def test_another_node_is_refused(site):
    site.stack.down()
    site.write(hostname="hostname: other")
    site.stack.compose("up", "--no-start")
    refused = site.davit("restore", "--replace", code=1)
    said(refused.stderr, r"are of node rabbit@mq, and the node of service mq would have the name rabbit@other",
         r'write "hostname: mq" for service mq')
    site.write()
    site.stack.compose("up", "--no-start")
    site.davit("restore", "--replace")
    site.start()
    compare(site)


def test_definitions_alone(site):
    """Without the data they go into the running broker; what is there of others stays, and is asked for."""
    site.stack.down()
    site.stack.compose("up", "--no-start")
    refused = site.davit("restore", "--exclude", "volume:mq", code=1)
    said(refused.stderr, r"service mq doesn't run", r"start the service, then restore with --only rabbitmq:mq")
    site.start()
    with Onlooker(site.engine, *site.secrets) as onlooker:
        done = site.davit("restore", "-v", "--only", "rabbitmq:mq")
    onlooker.check({"import_definitions"}, done)
    assert site.broker.run("sh", "-c", "ls -A /dev/shm /tmp | grep davit-definitions || :") == ""
    facts = site.broker.facts({queue: 0 for queue in site.seeded["counts"]})
    assert facts["definitions"] == site.seeded["definitions"] and facts["passwords"] == site.seeded["passwords"]
    site.broker.ctl("change_password", "worker", "changed")
    site.broker.ctl("add_user", "newcomer", "x")
    refused = site.davit("restore", "--only", "rabbitmq:mq", code=1)
    said(refused.stderr, r"the broker of service mq has 2 vhosts \(.*\), 3 users \(.*newcomer.*\)", r"--replace")
    restored = site.davit("restore", "--only", "rabbitmq:mq", "--replace")
    assert "the import changes in the broker of service mq: user worker" in restored.stderr
    assert site.broker.knows("worker", WORKER) and site.broker.knows("newcomer", "x")
    # As RESTORE.md says, without davit.
    site.broker.ctl("change_password", "worker", "changed")
    [backup] = site.repository.glob("backups/*/*")
    out = site.home / "out"
    out.mkdir()
    beside_the_engine(backup, "rabbitmq:mq", site.stack.container("mq"), out)
    assert site.broker.facts()["passwords"] == site.seeded["passwords"]


def test_what_may_not_come_back_is_said(engine, binary):
    """Without a hostname and without the label that stops the node, the backup has findings that say what to write."""
    site = Site(engine, binary, hostname="", labels="")
    try:
        backup = site.davit("backup", code=3)
        text = backup.stdout + backup.stderr
        assert 'write "hostname: mq" for it in the compose file' in text, text
        assert "set the label davit.quiesce=stop on service mq" in text, text
        site.stack.down()
        refused = site.davit("restore", code=1)
        said(refused.stderr, r"a name made of its new container's id", r'write "hostname: [0-9a-f]{12}" for service mq')
    finally:
        site.destroy()
