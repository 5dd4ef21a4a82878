"""A directory with its configuration: seed → back up → destroy → restore → compare what slapcat gives, owners and logins."""

import json
import os
import re
import shutil
import subprocess
import uuid

import pytest

from support.davit import SCRATCH, Davit
from support.guide import beside_the_engine
from support.ldap import IMAGE, PASSWORD, Ldap, entry
from support.onlooker import Onlooker
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

    def backup(self):
        [path] = self.repository.glob("backups/*/*")
        return path

    def artefact(self, name):
        return self.backup() / "ldap" / name


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
    # Hashes of passwords, as LDIF has them.
    lines = [line for facts in site.seeded.values() if isinstance(facts, dict) for entry in facts.values() for line in entry]
    site.secrets = sorted({line.split(":: ")[1] for line in lines if re.match(r"(userPassword|olcRootPW):: ", line)})
    assert len(site.secrets) >= 3
    with Onlooker(engine, *site.secrets) as onlooker:
        done = site.davit("backup", "-v")
    onlooker.check({"slapcat"}, done)
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
    with Onlooker(site.engine, *site.secrets) as onlooker:
        done = site.davit("restore", "-v", "--only", "ldap:*", "--replace")
    onlooker.check({"slapadd"}, done)
    site.start()
    compare(site)
    assert "newer" in site.marks()


def test_by_hand(site):
    """As RESTORE.md says, without davit."""
    site.delete("person8")
    site.stack.compose("stop", "ldap")
    out = site.home / "out"
    out.mkdir()
    beside_the_engine(site.backup(), "ldap:ldap", site.stack.container("ldap"), out)
    for volume in ("config", "data"):
        site.engine.in_volume(site.stack.volume(volume), "test -n \"$(ls before-by-hand)\" && rm -r before-by-hand")
    site.start()
    compare(site)


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


KINDS = {"directory": ["--only", "ldap:*"], "everything": []}
ALL = [(moment, kind) for moment in ("ldap", "step", "old/lock.mdb", "decided") for kind in KINDS]
# Each takes a quarter of a minute; DAVIT_E2E_DEATHS=all is for a long evening.
CHOSEN = [("ldap", "directory"), ("old/lock.mdb", "everything"), ("decided", "everything")]


@pytest.mark.parametrize("moment, kind", ALL if os.environ.get("DAVIT_E2E_DEATHS") == "all" else CHOSEN)
def test_davit_is_killed(site, moment, kind):
    """While it loads, its guard leads back, and once it is decided on; in the exchange one or the other. With the volumes
    their helpers lead back by themselves meanwhile. Whatever became of it, the guard says it."""
    before = begin(site)
    mountpoint = json.loads(site.engine.out("volume", "inspect", site.stack.volume("data")))[0]["Mountpoint"]
    restoring = Restoring(site.davits["host"], site.stack.name, "--replace", *KINDS[kind])
    guard = subprocess.Popen(["docker", "logs", "--follow", restoring.guard], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        if moment in ("ldap", "decided"):
            restoring.wait(lambda entries: any(each["kind"] == moment for each in entries))
        else:
            there = [*site.engine.process(), "sh", "-c", f"while ! ls {mountpoint}/.davit-ldap-*/{moment}; do :; done"]
            subprocess.run(there, capture_output=True, timeout=120, check=True)
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    told = guard.communicate(timeout=60)[0]
    site.davit("restore", "--plan", "--replace", way="host", code=None)  # it hears the guard, which goes then
    marks = site.marks()
    assert not [name for name in marks if name.startswith(".davit")], marks
    site.start()
    is_new = site.ldap.facts() != before
    assert is_new or moment != "decided"
    assert not is_new or moment != "ldap"
    if is_new:
        compare(site)
    assert ("newer" in marks) == (not is_new or kind == "directory")
    said_to_be = re.findall(r"the directory of service ldap is (restored|the old one again)", told)
    assert said_to_be == ["restored" if is_new else "the old one again"], told
