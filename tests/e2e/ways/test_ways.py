"""davit in every way that its users run it: each backs a project up and, when all of it is gone, brings it back."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.davit import IMAGE, Davit
from support.tree import differences

SERVICE = (Path(__file__).parents[3] / "compose/davit.yaml").read_text(encoding="utf-8")

COMPOSE = """
services:
  app:
    image: busybox
    init: true
    command: [sleep, "600"]
    environment:
      GREETING: ${GREETING}
    env_file: [app.env]
    volumes:
      - data:/data
      - ./config:/config:ro
      - ./single.conf:/single.conf:ro
volumes:
  data:
"""

FILES = {
    ".env": "GREETING=hällo\nDAVIT_IMAGE=" + IMAGE + "\n",
    "app.env": "COLOUR=blue\n",
    "config/app.ini": "[app]\n",
    "config/deep/er/key": b"\x00\xff",
    "single.conf": "one file\n",
}

FILL = """
mkdir -p photos; for n in 1 2 3; do echo photo $n >photos/$n; done
chown -R 1042:1043 photos; chmod 4750 photos/1; ln photos/2 hard; ln -s photos/3 soft"""


class ComposeService:
    """`docker compose run davit`: compose/davit.yaml as it stands beside the project's own file."""

    def __init__(self, stack, repository, files):
        self.stack, self.repository, self.files = stack, repository, files

    def __call__(self, *args, code=0):
        named = [option for name in self.files if (self.stack.directory / name).exists() for option in ("-f", name)]
        done = subprocess.run(["env", f"BACKUP_ROOT={self.repository}", f"DAVIT_IMAGE={IMAGE}", "docker", "compose", "-p",
                               self.stack.name, *named, "run", "--rm", "-T", "davit", *map(str, args)],
                              cwd=self.stack.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture(params=["container", "host", "host-user", "service"])
def way(request):
    return request.param


def facts(engine, stack, tree_manifest):
    trees = {"config": tree_manifest(stack.directory / "config"), "data": tree_manifest(stack.volume("data"))}
    trees["files"] = {name: entry for name, entry in tree_manifest(stack.directory).items()
                      if name in (b"compose.yaml", b".env", b"app.env", b"single.conf")}
    assert len(trees["files"]) == 4 and len(trees["config"]) == 5 and len(trees["data"]) == 7
    return trees


def test_a_project_is_backed_up_lost_and_restored(engine, compose, tree_manifest, repository, binary, way):
    stack = compose(COMPOSE, {**FILES, **({"davit.yaml": SERVICE} if way == "service" else {})}, wait=False)
    engine.in_volume(stack.volume("data"), FILL)
    before = facts(engine, stack, tree_manifest)
    if way == "service":
        davit = ComposeService(stack, repository, ["compose.yaml", "davit.yaml"])
    else:
        davit = Davit(way, engine, repository, binary)
    named = [] if way == "service" else ["--stack", stack.name]

    davit("backup", *named)
    manifest = json.loads(davit("show", *named, "latest", "--json").stdout)
    items = {f"{item['kind']}:{item['name']}" for item in manifest["items"]}
    assert items == {"volume:data", "bind:config", "files:project", "stack:definition"}
    assert not any("davit" in item.get("services", []) for item in manifest["items"])
    davit("verify", "--deep", *named)

    stack.down()
    shutil.rmtree(stack.directory)
    stack.directory.mkdir()
    if way == "service":
        (stack.directory / "davit.yaml").write_text(SERVICE)
    assert not engine.exists("volume", stack.volume("data"))
    davit("restore", *named)
    after = facts(engine, stack, tree_manifest)
    for name, tree in before.items():
        assert differences(tree, after[name]) == []
    # As long as the project stands, davit's own service has left nothing in it.
    said = stack.compose("up", "-d").stderr
    assert "warn" not in said.lower() and "Volume" not in said, said
    assert stack.states() == {"app": "running"}
    assert engine.exec(stack.container("app"), "sh", "-c", "echo $GREETING $COLOUR; cat /single.conf /data/soft") == \
        "hällo blue\none file\nphoto 3\n"


def test_a_repository_in_a_volume_of_the_project(engine, compose, tree_manifest):
    """It is not backed up into itself, and survives a restore of the rest."""
    stack = compose(f"""
services:
  app:
    image: busybox
    init: true
    command: [sleep, "600"]
    volumes: ["data:/data"]
  davit:
    image: {IMAGE}
    profiles: [davit]
    environment: {{DAVIT_STACK: "${{COMPOSE_PROJECT_NAME}}", DAVIT_REPOSITORY: /backups}}
    volumes: ["/var/run/docker.sock:/var/run/docker.sock", "backups:/backups"]
volumes:
  data:
  backups:
""", wait=False)
    engine.in_volume(stack.volume("data"), FILL)
    before = tree_manifest(stack.volume("data"))
    davit = lambda *args: stack.compose("run", "--rm", "-T", "davit", *args)
    for _ in range(2):
        davit("backup")
        shown = davit("show", "latest").stdout
        assert "volume:data" in shown
        assert any("volume:backups" in line and "holds backups of davit itself" in line for line in shown.splitlines()), shown
    davit("verify", "--deep")
    stack.compose("rm", "-sf", "app")
    engine.run("volume", "rm", stack.volume("data"))
    davit("restore")
    assert differences(before, tree_manifest(stack.volume("data"))) == []
    assert len(json.loads(davit("ls", "--json").stdout)) == 2
