"""A restore puts data under the images that wrote it, or says which others there are."""

import uuid

import pytest
from support.refusal import CODES, said

COMPOSE = """
services:
  app:
    image: {image}
    init: true
    command: [sleep, "900"]
    volumes: ["data:/data"]
  other:
    image: busybox
    init: true
    command: [sleep, "900"]
    volumes: ["more:/more"]
volumes:
  data:
  more:
"""


class Image:
    """A name that other images get."""

    def __init__(self, engine):
        self.engine, self.name, self.ids = engine, f"e2esame{uuid.uuid4().hex[:8]}:1", []

    def make(self):
        container = self.engine.out("create", "busybox")
        self.ids.append(self.engine.out("commit", "-c", f"LABEL made={len(self.ids)}", container, self.name))
        self.engine.run("rm", container)
        return self.ids[-1]

    def destroy(self):
        for made in self.ids:
            self.engine.run("rmi", "-f", made, check=False)


@pytest.fixture
def image(engine):
    made = Image(engine)
    yield made
    made.destroy()


def short(image_id):
    return image_id[:len("sha256:") + 12]


def contents(engine, stack):
    return {name: engine.in_volume(stack.volume(name), "cat file") for name in ("data", "more")}


def write(engine, stack, text):
    for name in ("data", "more"):
        engine.in_volume(stack.volume(name), f"echo {text} >file")


def test_another_image_is_refused_unless_allowed(engine, compose, davit, image):
    old = image.make()
    stack = compose(COMPOSE.format(image=image.name))
    write(engine, stack, "old")
    davit("backup", "--stack", stack.name)
    write(engine, stack, "new")
    stack.compose("stop", "-t", "0")
    at = ["restore", "--stack", stack.name, "--replace"]
    # Onto the image that it had.
    davit(*at)
    assert contents(engine, stack) == {"data": "old", "more": "old"}

    write(engine, stack, "new")
    new = image.make()
    stack.compose("create", "--force-recreate")
    line = f"service app has the image {image.name} \\({short(new)}\\), and the backup is of {short(old)}"
    refused = davit(*at, code=CODES["exists"])
    said(refused.stderr, f"is refused\n  - {line}$", "--allow-version-change")
    assert "service other" not in refused.stderr
    assert contents(engine, stack) == {"data": "new", "more": "new"}
    plan = davit(*at, "--plan").stdout
    assert "stands in the way" in plan and f"{image.name} ({short(new)})" in plan, plan
    assert "stands in the way" not in davit(*at, "--plan", "--allow-version-change").stdout

    # What isn't restored has no say.
    davit(*at, "--only", "volume:more")
    assert contents(engine, stack) == {"data": "new", "more": "old"}
    davit(*at, "--exclude", "volume:data")
    davit(*at, "--allow-version-change")
    assert contents(engine, stack) == {"data": "old", "more": "old"}


def test_the_next_container_counts_where_there_is_none(engine, compose, davit, image):
    old = image.make()
    stack = compose(COMPOSE.format(image=image.name))
    write(engine, stack, "old")
    davit("backup", "--stack", stack.name)
    stack.down()
    new = image.make()
    only = ["restore", "--stack", stack.name, "--only", "volume:data"]
    said(davit(*only, code=CODES["exists"]).stderr,
         f"service app would get the image {image.name} \\({short(new)}\\), and the backup is of {short(old)}$",
         "--allow-version-change")
    assert not engine.exists("volume", stack.volume("data"))
    davit(*only, "--allow-version-change")
    assert engine.in_volume(stack.volume("data"), "cat file") == "old"
    # Without any image of that name nothing speaks against it.
    engine.run("volume", "rm", stack.volume("data"))
    engine.run("rmi", "-f", image.name)
    davit(*only)
    assert engine.in_volume(stack.volume("data"), "cat file") == "old"
