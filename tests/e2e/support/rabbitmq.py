"""A RabbitMQ broker of a stack, seen through the programs in its own container."""

import json
import subprocess

COMPOSE = """
services:
  mq:
    image: davit-test/rabbitmq
    hostname: {hostname}
    volumes: ["mq:/var/lib/rabbitmq"]
    labels: {{davit.quiesce: {quiesce}}}
    stop_grace_period: 60s
    healthcheck:
      test: [CMD, rabbitmqctl, -q, await_startup, --timeout, "30"]
      interval: 2s
      timeout: 30s
      retries: 60
volumes: {{mq: }}
"""
MESSAGES = [f"message {n} ☃" for n in range(40)]
PASSWORD = "pass 'word %"


class Broker:
    def __init__(self, stack):
        self.stack = stack

    def run(self, *argv, check=True, text=None):
        done = subprocess.run([*self.stack.engine.command, "exec", *(["-i"] if text is not None else []),
                               self.stack.container("mq"), *argv], input=text, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done

    def ctl(self, *argv, **more):
        return self.run("rabbitmqctl", "-q", *argv, **more)

    def url(self):
        return "amqp://guest:guest@localhost/shop"

    def seed(self):
        """Definitions of every kind, and persistent messages in a durable queue."""
        self.ctl("add_vhost", "shop", "--description", "of the shop")
        self.ctl("add_user", "app", PASSWORD)
        self.ctl("set_user_tags", "app", "monitoring")
        self.ctl("set_permissions", "-p", "shop", "app", "^app-.*", ".*", ".*")
        self.ctl("set_permissions", "-p", "shop", "guest", ".*", ".*", ".*")
        self.ctl("set_policy", "-p", "shop", "ttl", "^orders$", '{"max-length":100000}', "--apply-to", "queues")
        self.run("amqp-declare-queue", f"--url={self.url()}", "-d", "-q", "orders")
        for message in MESSAGES:
            self.run("amqp-publish", f"--url={self.url()}", "-r", "orders", "-p", "-b", message)

    def definitions(self):
        """All of them, sorted, but what each broker has of its own."""
        found = json.loads(self.ctl("export_definitions", "-", "--format", "json").stdout)
        lists = {name: sorted((json.dumps(entry, sort_keys=True) for entry in entries))
                 for name, entries in found.items() if isinstance(entries, list)}
        lists["global_parameters"] = [entry for entry in lists["global_parameters"] if "cluster_id" not in entry]
        return lists

    def messages(self):
        """Takes every message out of the queue, in order."""
        taken = []
        while True:
            got = self.run("amqp-get", f"--url={self.url()}", "-q", "orders", check=False)
            if got.returncode != 0:
                return taken
            taken.append(got.stdout)

    def logs_in(self, user, password):
        return self.ctl("authenticate_user", user, password, check=False).returncode == 0
