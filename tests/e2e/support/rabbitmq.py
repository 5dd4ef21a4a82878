"""A RabbitMQ server of a stack, through the programs in its container."""

import base64
import json

from support.engine import wait_until

IMAGE = "davit-test/rabbitmq"
USER, PASSWORD = "hoss", "br0ker 'secret"
WORKER = "w0rker's"  # the password of the user `worker` that seed() makes

ALL = {"configure": ".*", "write": ".*", "read": ".*"}
DEFINITIONS = {
    "vhosts": [{"name": "/"}, {"name": "größe / 2"}],
    "permissions": [{"user": USER, "vhost": "größe / 2", **ALL}],
    "queues": [
        {"name": "work", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {"x-dead-letter-exchange": "late"}},
        {"name": "safe", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}},
        {"name": "odd ü/q", "vhost": "größe / 2", "durable": True, "auto_delete": False, "arguments": {"x-max-priority": 5}},
    ],
    "exchanges": [{"name": "late", "vhost": "/", "type": "topic", "durable": True, "auto_delete": False, "internal": False,
                   "arguments": {}}],
    "bindings": [{"source": "late", "vhost": "/", "destination": "safe", "destination_type": "queue", "routing_key": "a.#",
                  "arguments": {}}],
    "policies": [{"name": "limit", "vhost": "/", "pattern": "^work$", "apply-to": "queues", "priority": 3,
                  "definition": {"max-length": 100000}}],
}
MESSAGES = {("/", "work"): [f"work {n}" for n in range(200)], ("/", "safe"): [f"safe ü {n}" for n in range(100)],
            ("größe / 2", "odd ü/q"): ["a", "b " * 5000, "c"]}


class Rabbit:
    def __init__(self, stack, service="rabbitmq", user=USER, password=PASSWORD):
        self.stack, self.engine, self.service, self.user, self.password = stack, stack.engine, service, user, password

    @property
    def container(self):
        return self.stack.container(self.service)

    def run(self, *command, check=True, **more):
        return self.engine.exec(self.container, *command, check=check, **more)

    def ctl(self, *args, **more):
        return self.run("rabbitmqctl", "-q", *args, **more)

    def answers(self):
        return self.engine.run("exec", self.container, "rabbitmq-diagnostics", "-q", "check_port_connectivity", check=False).returncode == 0

    def wait(self, seconds=120):
        wait_until("RabbitMQ to answer", self.answers, seconds)
        return self

    def login(self, vhost):
        return ["-s", "127.0.0.1", "--vhost", vhost, "--username", self.user, "--password", self.password]

    def publish(self, queue, bodies, vhost="/"):
        """Persistent messages, one a line."""
        self.run("amqp-publish", *self.login(vhost), "-r", queue, "-p", "-l", input="".join(body + "\n" for body in bodies))
        # The client doesn't wait until the server has them.
        wait_until(f"{queue} to have its messages", lambda: self.counts().get((vhost, queue), 0) >= len(bodies), 30)

    def take_all(self):
        """{(vhost, queue): its messages in order}, which are gone then."""
        taken = {}
        for (vhost, queue), count in self.counts().items():
            out = "" if count == 0 else self.run("amqp-consume", *self.login(vhost), "-q", queue, "-c", str(count), "--", "sh", "-c",
                                                 "base64 -w 0; echo")
            taken[vhost, queue] = [base64.b64decode(line).decode().rstrip("\n") for line in out.split()]
        return taken

    def vhosts(self):
        return [row["name"] for row in json.loads(self.ctl("list_vhosts", "name", "--formatter", "json"))]

    def counts(self):
        """{(vhost, queue): number of messages}"""
        return {(vhost, row["name"]): row["messages"] for vhost in self.vhosts()
                for row in json.loads(self.ctl("list_queues", "-p", vhost, "name", "messages", "--formatter", "json"))}

    def seed(self):
        """A virtual host, a user with a password, queues of two types, an exchange, a binding, a policy, and MESSAGES."""
        self.ctl("add_user", "worker", WORKER)
        self.ctl("set_user_tags", "worker", "monitoring")
        self.ctl("set_permissions", "worker", "^a", "", ".*")
        # From its standard input, rabbitmqctl 4.0 on Erlang 27 reads for ever.
        self.run("sh", "-c", "cat >/tmp/definitions.json && rabbitmqctl -q import_definitions /tmp/definitions.json", input=json.dumps(DEFINITIONS))
        for (vhost, queue), bodies in MESSAGES.items():
            self.publish(queue, bodies, vhost)

    def definitions(self):
        """What export_definitions says, in an order of its own, without what names this node or this moment."""
        found = json.loads(self.ctl("export_definitions", "-"))
        for key in ("rabbit_version", "rabbitmq_version", "product_name", "product_version", "original_cluster_name", "explanation"):
            found.pop(key, None)
        found["global_parameters"] = [row for row in found.get("global_parameters", []) if row["name"] not in ("internal_cluster_id", "cluster_name")]
        return {key: sorted(value, key=lambda row: json.dumps(row, sort_keys=True)) if isinstance(value, list) else value
                for key, value in found.items()}

    def knows(self, user, password):
        done = self.engine.run("exec", self.container, "rabbitmqctl", "-q", "authenticate_user", user, password, check=False)
        return done.returncode == 0

    def facts(self, counts=None):
        """What must be the same on another server, but for the messages, which can be looked at only by taking them. Waits
        for the queues to count as many messages as in `counts`: one of the type quorum does when it has chosen its leader."""
        if counts is not None:
            wait_until("the queues to count their messages", lambda: self.counts() == counts)
        return {"definitions": self.definitions(), "counts": self.counts(), "node": self.ctl("eval", "node().").strip(),
                "passwords": [self.knows("worker", WORKER), self.knows("worker", "other"), self.knows(self.user, self.password)]}
