"""A directory with its configuration: seed → back up → destroy → restore → compare what slapcat gives, owners and logins."""

import shutil
import uuid

import pytest

from support.davit import SCRATCH, Davit
from support.ldap import COMPOSE, ODD, PHOTO, Ldap
from support.refusal import said
from support.restoring import Restoring
from support.stack import Stack

MARKER = "docker-openldap-was-started-with-tls"


class Site:
    """A stack with a directory that was backed up, and davit in both ways."""

    def __init__(self, engine, binary):
        self.engine = engine
        self.home = SCRATCH / f"e2eldap{uuid.uuid4().hex[:8]}"
        self.repository = self.home / "backups"
        self.repository.mkdir(parents=True)
        self.stack = Stack(engine, self.home.name, self.home / "project")
        self.stack.write(COMPOSE, {})
        self.stack.up()
        self.ldap = Ldap(self.stack)
        self.davits = {way: Davit(way, engine, self.repository, binary) for way in ("container", "host")}

    def davit(self, command, *args, way="container", **more):
        return self.davits[way](command, "--stack", self.stack.name, *args, **more)

    def mark(self, name, text):
        """A file beside slapd's own, as images and administrators put there."""
        self.engine.in_volume(self.stack.volume("config"), f"echo {text} > {name}")

    def marks(self):
        return self.engine.in_volume(self.stack.volume("config"), "ls -A").split()

    def start(self):
        self.stack.up()


@pytest.fixture(scope="module")
def site(engine, binary):
    site = Site(engine, binary)
    site.ldap.seed()
    site.mark(MARKER, "yes")
    site.seeded, site.owned = site.ldap.contents(), site.ldap.owners()
    site.report = site.davit("backup").stdout
    yield site
    site.stack.destroy()
    shutil.rmtree(site.home, ignore_errors=True)


def compare(site):
    assert site.ldap.contents() == site.seeded
    assert site.ldap.owners() == site.owned
    assert site.ldap.photo() == PHOTO
    assert site.ldap.logs_in(ODD, "w0rd") and not site.ldap.logs_in(ODD, "other")
    assert site.ldap.logs_in("cn=admin,dc=example,dc=org", "adm in")
    assert MARKER in site.marks()
    assert not [name for name in site.marks() if name.startswith(".davit")]


def artefact(site, name):
    [path] = site.repository.glob(f"backups/*/*/ldap/{name}")
    return path


def test_what_is_stored(site):
    [manifest] = [site.davits["container"].json("show", "--stack", site.stack.name)]
    items = {f"{item['kind']}:{item['name']}": item for item in manifest["items"]}
    assert {"ldap:ldap", "volume:config", "volume:data"} <= set(items)
    config, data = items["ldap:ldap"]["artefacts"]
    assert (config["path"], data["path"]) == ("ldap/ldap.config.ldif.zst", "ldap/ldap.data-1.ldif.zst")
    assert data["entries"] == len(site.seeded[1]) and config["entries"] == len(site.seeded[0])
    assert items["ldap:ldap"]["attributes"]["user"] == "911:911"
    assert items["ldap:ldap"]["consistency"] == "dump"
    site.davit("verify")
    deep = site.davit("verify", "--deep")
    assert "ldap" in deep.stdout


def test_after_everything_is_gone(site):
    site.stack.down()
    site.davit("restore")
    site.start()
    compare(site)


def test_into_a_container_that_was_only_made(site):
    site.stack.down()
    site.stack.compose("up", "--no-start")
    site.davit("restore", "--replace")
    site.start()
    compare(site)


def test_only_the_directory(site):
    """The volumes stay as they are, with what has come beside slapd's files since the backup."""
    site.ldap.delete(ODD, "uid=u8,ou=people,dc=example,dc=org")
    site.mark("newer", "yes")
    refused = site.davit("restore", "--only", "ldap:*", "--replace", code=1)
    said(refused.stderr, r"service ldap runs", r"stop it first: docker compose -p \S+ stop ldap")
    site.stack.compose("stop", "ldap")
    refused = site.davit("restore", "--only", "ldap:*", code=1)
    said(refused.stderr, r"volume \S+_config holds a directory of slapd's already", r"--replace")
    site.davit("restore", "--only", "ldap:*", "--replace")
    site.start()
    compare(site)
    assert "newer" in site.marks()


def test_a_volume_that_was_lost(site):
    """Only the database's volume is gone; the configuration's holds one already."""
    site.stack.compose("rm", "-sf", "ldap")
    site.engine.run("volume", "rm", site.stack.volume("data"))
    site.davit("restore", "--only", "ldap:*", "--replace")
    site.start()
    compare(site)


def test_a_damaged_artefact_changes_nothing(site):
    site.ldap.delete("uid=u9,ou=people,dc=example,dc=org")
    before = site.ldap.contents()
    path = artefact(site, "ldap.data-1.ldif.zst")
    whole = path.read_bytes()
    site.stack.compose("stop", "ldap")
    try:
        path.write_bytes(whole[:-20] + bytes(20))
        site.davit("verify", "--deep", code=13)
        refused = site.davit("restore", "--replace", code=13)
        assert "ldap/ldap.data-1.ldif.zst" in refused.stderr
    finally:
        path.write_bytes(whole)
    site.start()
    assert site.ldap.contents() == before
    site.stack.compose("stop", "ldap")
    site.davit("restore", "--replace")
    site.start()
    compare(site)


@pytest.mark.parametrize("only", [["--only", "ldap:*"], []], ids=["directory", "everything"])
@pytest.mark.parametrize("moment", ["loading", "decided"])
def test_davit_is_killed(site, moment, only):
    """In the middle of loading it leads back, and once it is decided it goes on; with the volumes or without."""
    site.ldap.delete("uid=u9,ou=people,dc=example,dc=org")
    before = site.ldap.contents()
    site.stack.compose("stop", "ldap")
    site.mark("newer", "yes")
    kind = "ldap" if moment == "loading" else "decided"
    with Restoring(site.davits["host"], site.stack, *only) as restoring:
        restoring.wait(lambda entries: any(entry["kind"] == kind for entry in entries))
        restoring.kill()
        restoring.wait_for_guard()
    told = site.davit("restore", "--plan", "--replace", way="host", code=None).stderr
    assert "the directory of service ldap is " + ("restored" if moment == "decided" else "the old one again") in told or \
        not told, told
    marks = site.marks()
    assert not [name for name in marks if name.startswith(".davit")], marks
    assert ("newer" in marks) == (moment == "loading" or bool(only))
    site.start()
    if moment == "decided":
        compare(site)
        return
    assert site.ldap.contents() == before
    site.stack.compose("stop", "ldap")
    site.davit("restore", "--replace", way="host")
    site.start()
    compare(site)
