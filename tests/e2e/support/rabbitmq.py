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
    "users": [{"name": "worker", "password": WORKER, "tags": ["monitoring"]}],
    "permissions": [{"user": USER, "vhost": "größe / 2", **ALL},
                    {"user": "worker", "vhost": "/", "configure": "^a", "write": "", "read": ".*"}],
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


def erl(text):
    """A binary of Erlang, whatever is in it."""
    return f'base64:decode("{base64.b64encode(text.encode()).decode()}")'


def text_of(coded):
    return base64.b64decode(coded).decode()


# Every start of rabbitmqctl is a second of a processor: what is asked for together is printed by one.
COUNTS = """[begin R = amqqueue:get_name(Q), [{messages, M}] = rabbit_amqqueue:info(Q, [messages]),
  io:format("count ~s ~s ~b~n", [base64:encode(element(2, R)), base64:encode(element(4, R)), M]) end || Q <- rabbit_amqqueue:list()]"""
DEFINED = 'io:format("definitions ~s~n", [base64:encode(rabbit_json:encode(rabbit_definitions:all_definitions()))])'
NODE = 'io:format("node ~s~n", [node()])'


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

    def ask(self, *expressions):
        """The lines that expressions of Erlang print in the server, each without its first word: {first word: [rest]}."""
        answer = {}
        for line in self.ctl("eval", ", ".join(expressions) + ".").splitlines():
            word, _, rest = line.partition(" ")
            answer.setdefault(word, []).append(rest)
        return answer

    def answers(self):
        # It listens last of all. A connection without a word is none to its log.
        return self.engine.run("exec", self.container, "bash", "-c", ": </dev/tcp/127.0.0.1/5672", check=False).returncode == 0

    def wait(self, seconds=120):
        wait_until("RabbitMQ to answer", self.answers, seconds)
        return self

    def login(self, vhost):
        return ["-s", "127.0.0.1", "--vhost", vhost, "--username", self.user, "--password", self.password]

    def publish(self, queue, bodies, vhost="/"):
        """Persistent messages, one a line."""
        self.send(queue, bodies, vhost)
        # The client doesn't wait until the server has them.
        wait_until(f"{queue} to have its messages", lambda: self.counts().get((vhost, queue), 0) >= len(bodies), 30)

    def send(self, queue, bodies, vhost):
        self.run("amqp-publish", *self.login(vhost), "-r", queue, "-p", "-l", input="".join(body + "\n" for body in bodies))

    def take_all(self):
        """{(vhost, queue): its messages in order}, which are gone then."""
        taken = {}
        for (vhost, queue), count in self.counts().items():
            out = "" if count == 0 else self.run("amqp-consume", *self.login(vhost), "-q", queue, "-c", str(count), "--", "sh", "-c",
                                                 "base64 -w 0; echo")
            taken[vhost, queue] = [base64.b64decode(line).decode().rstrip("\n") for line in out.split()]
        return taken

    def counts(self):
        """{(vhost, queue): number of messages}"""
        return self.counted(self.ask(COUNTS))

    @staticmethod
    def counted(answer):
        rows = [line.split() for line in answer.get("count", [])]
        return {(text_of(vhost), text_of(queue)): int(count) for vhost, queue, count in rows}

    def seed(self):
        """A virtual host, a user with a password, queues of two types, an exchange, a binding, a policy, and MESSAGES."""
        # From its standard input, rabbitmqctl 4.0 on Erlang 27 reads for ever.
        self.run("sh", "-c", "cat >/tmp/definitions.json && rabbitmqctl -q import_definitions /tmp/definitions.json", input=json.dumps(DEFINITIONS))
        for (vhost, queue), bodies in MESSAGES.items():
            self.send(queue, bodies, vhost)
        wanted = {queue: len(bodies) for queue, bodies in MESSAGES.items()}
        wait_until("the queues to have their messages", lambda: self.counts() == wanted, 30)

    @staticmethod
    def defined(answer):
        """The definitions, in an order of their own, without what names this node or this moment."""
        found = json.loads(text_of(answer["definitions"][0]))
        for key in ("rabbit_version", "rabbitmq_version", "product_name", "product_version", "original_cluster_name", "explanation"):
            found.pop(key, None)
        found["global_parameters"] = [row for row in found.get("global_parameters", []) if row["name"] not in ("internal_cluster_id", "cluster_name")]
        return {key: sorted(value, key=lambda row: json.dumps(row, sort_keys=True)) if isinstance(value, list) else value
                for key, value in found.items()}

    @staticmethod
    def login_of(user, password):
        return f'io:format("login ~p~n", [element(1, rabbit_access_control:check_user_pass_login({erl(user)}, {erl(password)}))])'

    def knows(self, user, password):
        return self.ask(self.login_of(user, password))["login"] == ["ok"]

    def facts(self, counts=None):
        """What must be the same on another server, but for the messages, which can be looked at only by taking them. Waits
        for the queues to count as many messages as in `counts`: one of the type quorum does when it has chosen its leader."""
        logins = [self.login_of("worker", WORKER), self.login_of("worker", "other"), self.login_of(self.user, self.password)]
        seen = {}

        def look():
            answer = self.ask(COUNTS, DEFINED, NODE, *logins)
            seen.update({"definitions": self.defined(answer), "counts": self.counted(answer), "node": answer["node"][0],
                         "passwords": [said == "ok" for said in answer["login"]]})
            return counts is None or seen["counts"] == counts

        wait_until("the queues to count their messages", look)
        return seen
