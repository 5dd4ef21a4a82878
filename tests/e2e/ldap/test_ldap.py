"""A directory with its configuration: seed → back up → destroy → restore → compare what slapcat gives, owners and logins."""

import json
import shutil
import subprocess
import uuid

import pytest

from support.davit import SCRATCH, Davit
from support.ldap import IMAGE, PASSWORD, Ldap, entry
from support.refusal import said
from support.restoring import Restoring
from support.stack import Stack

COMPOSE = f"""
services:
  ldap:
    image: {IMAGE}
    environment: {{LDAP_DOMAIN: hoss.example.org, LDAP_ADMIN_PASSWORD: "{PASSWORD}"}}
    volumes: ["config:/etc/ldap/slapd.d", "data:/var/lib/ldap"]
volumes: {{config: , data: }}
"""
MARKER = "docker-openldap-was-started-with-tls"
OWNERS = "find . \\( -name 'cn=*' -o -name '*.mdb' \\) -exec stat -c '%u:%g %a %n' {} + | sort"


class Site:
    """A stack with a directory that was backed up, and davit in both ways."""

    def __init__(self, engine, binary):
        self.engine = engine
        self.home = SCRATCH / f"e2eldap{uuid.uuid4().hex[:8]}"
        self.repository = self.home / "backups"
        self.repository.mkdir(parents=True)
        self.stack = Stack(engine, self.home.name, self.home / "project")
        self.stack.write(COMPOSE, {})
        self.ldap = Ldap(self.stack)
        self.davits = {way: Davit(way, engine, self.repository, binary) for way in ("container", "host")}
        self.start()

    def davit(self, command, *args, way="container", **more):
        return self.davits[way](command, "--stack", self.stack.name, *args, **more)

    def mark(self, name, text="yes"):
        """A file beside slapd's own, as images and administrators put there."""
        self.engine.in_volume(self.stack.volume("config"), f"echo {text} > {name}")

    def marks(self):
        return self.engine.in_volume(self.stack.volume("config"), "ls -A").split()

    def owners(self):
        return {volume: self.engine.in_volume(self.stack.volume(volume), OWNERS) for volume in ("config", "data")}

    def start(self):
        self.stack.up()
        self.ldap.wait()

    def delete(self, *people):
        self.ldap.as_admin("ldapdelete", *[self.ldap.user(name) for name in people])

    def artefact(self, name):
        [path] = self.repository.glob(f"backups/*/*/ldap/{name}")
        return path


@pytest.fixture(scope="module")
def site(engine, binary):
    site = Site(engine, binary)
    site.ldap.seed()
    # A child that is older than its parent: slapcat gives it first. And rights that aren't the image's.
    late = f"ou=late,{site.ldap.suffix}"
    site.ldap.add(entry(late, ("objectClass", "organizationalUnit"), ("ou", "late")))
    site.ldap.as_admin("ldapmodrdn", "-s", late, site.ldap.user("person7"), "uid=person7")
    site.ldap.as_admin("ldapmodify", dn="cn=admin,cn=config",
                       input="dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n"
                             "olcAccess: {0}to attrs=telephoneNumber by self write by * none\n")
    site.mark(MARKER)
    site.seeded, site.owned = site.ldap.facts(), site.owners()
    assert site.seeded["passwords"] == [True, True, False, True]
    site.davit("backup")
    yield site
    site.stack.destroy()
    shutil.rmtree(site.home, ignore_errors=True)


def compare(site):
    assert site.ldap.facts() == site.seeded
    assert site.owners() == site.owned
    marks = site.marks()
    assert MARKER in marks and not [name for name in marks if name.startswith(".davit")]


def test_what_is_stored(site):
    manifest = site.davits["container"].json("show", "--stack", site.stack.name)
    items = {f"{item['kind']}:{item['name']}": item for item in manifest["items"]}
    assert {"ldap:ldap", "volume:config", "volume:data"} <= set(items)
    config, data = items["ldap:ldap"]["artefacts"]
    assert (config["path"], data["path"]) == ("ldap/ldap.config.ldif.zst", "ldap/ldap.data-1.ldif.zst")
    assert config["entries"] == len(site.seeded["database 0"]) and data["entries"] == len(site.seeded["database 1"])
    assert items["ldap:ldap"]["attributes"]["user"] == "911:911"
    assert items["ldap:ldap"]["consistency"] == "dump"
    assert manifest["findings"] == []
    site.davit("verify")
    site.davit("verify", "--deep")


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
    site.delete("person8", "person9")
    site.mark("newer")
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
    site.delete("person9")
    before = site.ldap.facts()
    path = site.artefact("ldap.data-1.ldif.zst")
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
    assert site.ldap.facts() == before
    site.stack.compose("stop", "ldap")
    site.davit("restore", "--replace")
    site.start()
    compare(site)


def begin(site):
    """The server is stopped, with less in it than the backup has, and a file beside slapd's that the backup doesn't have."""
    site.start()
    if site.ldap.facts() != site.seeded:
        site.stack.compose("stop", "ldap")
        site.davit("restore", "--replace")
        site.start()
    site.delete("person9")
    before = site.ldap.facts()
    site.stack.compose("stop", "ldap")
    site.mark("newer")
    return before


def look(site, restoring, before, everything):
    """Whether it is new, behind the death of davit. Somebody else's davit on this Engine may have told what its guard did."""
    restoring.wait_for_guard()
    said_then = site.davit("restore", "--plan", "--replace", way="host", code=None).stderr
    marks = site.marks()
    assert not [name for name in marks if name.startswith(".davit")], marks
    site.start()
    is_new = site.ldap.facts() != before
    if is_new:
        compare(site)
    assert ("newer" in marks) == (not is_new or not everything)
    assert f"the directory of service ldap is {'the old one again' if is_new else 'restored'}" not in said_then, said_then
    return is_new


@pytest.mark.parametrize("only", [["--only", "ldap:*"], []], ids=["directory", "everything"])
@pytest.mark.parametrize("moment", ["step", "old/lock.mdb"])
def test_davit_is_killed_in_the_exchange(site, moment, only):
    """The guard leads back or on; the helpers of the volumes lead back by themselves meanwhile."""
    before = begin(site)
    mountpoint = json.loads(site.engine.out("volume", "inspect", site.stack.volume("data")))[0]["Mountpoint"]
    restoring = Restoring(site.davits["host"], site.stack.name, "--replace", *only)
    there = [*site.engine.process(), "sh", "-c", f"while ! ls {mountpoint}/.davit-ldap-*/{moment}; do :; done"]
    try:
        subprocess.run(there, capture_output=True, timeout=120, check=True)
    finally:
        restoring.kill()
    look(site, restoring, before, not only)


@pytest.mark.parametrize("only", [["--only", "ldap:*"], []], ids=["directory", "everything"])
@pytest.mark.parametrize("moment", ["ldap", "decided"])
def test_davit_is_killed(site, moment, only):
    """While it loads, its guard leads back, and once it is decided on; with the volumes or without."""
    before = begin(site)
    restoring = Restoring(site.davits["host"], site.stack.name, "--replace", *only)
    try:
        restoring.wait(lambda entries: any(each["kind"] == moment for each in entries))
    finally:
        restoring.kill()
    assert look(site, restoring, before, not only) == (moment == "decided")
    # And the next one makes it good.
    site.stack.compose("stop", "ldap")
    site.davit("restore", "--replace", way="host")
    site.start()
    compare(site)
