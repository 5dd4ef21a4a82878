"""Images that a host doesn't have: they are pulled by digest, and named as the compose file names them."""

import json

import pytest

from support.registry import Registry

COMPOSE = """
services:
  app:
    image: {image}
    init: true
    command: [sleep, "3600"]
    volumes: ["data:/data"]
volumes:
  data:
"""


@pytest.fixture
def registry(engine):
    registry = Registry(engine)
    yield registry
    registry.close()


@pytest.fixture
def stack(engine, compose, registry, davit):
    """A stack of an image of the registry, backed up and gone, and so is its image."""
    stack = compose(COMPOSE.format(image=registry.publish("shop/app", "1", age="old")))
    stack.image = f"{registry.name}/shop/app:1"
    stack.id = engine.inspect(stack.container("app"))["Image"]
    davit("backup", "--stack", stack.name)
    stack.down()
    engine.run("rmi", stack.image)
    yield stack
    stack.compose("down", "-t", "1", "-v", check=False)
    for name in (stack.image, stack.id):
        engine.run("rmi", "-f", name, check=False)


def test_the_image_of_the_backup_is_pulled_and_gets_its_tag(engine, stack, registry, davit):
    registry.publish("shop/app", "1", age="new")
    registry.pulled.clear()
    [image] = davit.json("restore", "--plan")["made"]["images"]
    assert image["pulled"] and image["image"] == stack.image and "@sha256:" in image["digest"]
    davit("restore", "--stack", stack.name)
    assert stack.states() == {"app": "running"}
    assert engine.inspect(stack.container("app"))["Image"] == stack.id
    assert all(reference.startswith("sha256:") for reference in registry.pulled)
    before = engine.inspect(stack.container("app"))["Id"]
    stack.up()
    assert engine.inspect(stack.container("app"))["Id"] == before


def test_a_tag_of_another_image_is_not_taken_without_replace(engine, stack, registry, davit):
    registry.publish("shop/app", "1", age="new")
    engine.run("pull", stack.image)
    newer = json.loads(engine.out("image", "inspect", stack.image))[0]["Id"]
    refused = davit("restore", "--stack", stack.name, code=1).stderr
    assert stack.image in refused and "--replace" in refused
    assert json.loads(engine.out("image", "inspect", stack.image))[0]["Id"] == newer
    davit("restore", "--stack", stack.name, "--replace")
    assert engine.inspect(stack.container("app"))["Image"] == stack.id
    engine.run("rmi", "-f", newer, check=False)


def test_an_image_that_nobody_has_stops_the_restore(engine, stack, registry, davit):
    registry.manifests.clear()
    failed = davit("restore", "--stack", stack.name, code=None)
    assert failed.returncode not in (0, 3) and stack.image.split(":1")[0] in failed.stderr
    assert not engine.exists("volume", stack.volume("data"))
    assert not engine.names("network", "ls", "-q", "--filter", f"label=com.docker.compose.project={stack.name}")
