"""What can't become a backup, or be restored, says what to do, and leaves nothing behind."""

import os

import pytest

from support.refusal import CODES, manifests, said
from support.search import PASSWORD, PLAIN

MOUNT = "/mnt/opensearch"
DATA = "data:/usr/share/opensearch/data"


def refused(site, message, hint, code, command="backup", *args):
    before = manifests(site.repository)
    done = site.run(command, "--only", "search:*", *args, code=CODES[code])
    said(done.stderr, message, hint)
    assert manifests(site.repository) == before


def test_what_the_compose_file_lacks(make_site, engine):
    inside = "/usr/share/opensearch/snapshots"
    site = make_site(environment=PLAIN, volumes=[DATA])
    site.search.fill("books", {1: {"n": 1}})
    refused(site, r"plan search:search: path\.repo is not set on its node \w+, so that it can't write a snapshot",
            r'to service search in the compose file `environment: \["path.repo=/mnt/opensearch"\]` and '
            r'`volumes: \["\$\{BACKUP_ROOT\}/.opensearch:/mnt/opensearch"\]`', "usage")
    site.up(environment={**PLAIN, "path.repo": inside})
    refused(site, f"path.repo is {inside}, which is no mount: snapshots would go with the container",
            r'compose file `volumes: \["\$\{BACKUP_ROOT\}/.opensearch:' + inside, "usage")
    site.up(environment={**PLAIN, "path.repo": MOUNT}, volumes=[DATA, f"{site.snapshots}:{MOUNT}:ro"])
    refused(site, "/mnt/opensearch is mounted read-only", "take `:ro` away from it in service search", "usage")

    # davit may not give it to the server's user: the remedy is a line for the host.
    site.up(environment={**PLAIN, "path.repo": MOUNT}, volumes=[DATA, f"{site.snapshots}:{MOUNT}"],
            more="    cap_drop: [CHOWN]\n")
    refused(site, "the server's user 1000:1000 can't write to /mnt/opensearch: chown: .*not permitted",
            f"on the Engine's host: chown 1000:1000 {site.snapshots}$", "credentials")
    os.chown(site.snapshots, 1000, 1000)
    site.back_up()
    assert site.own_snapshots()


def test_a_shard_is_missing(site):
    search = site.search
    site.clear()
    search.fill("books", {1: {"n": 1}})
    search.do("PUT", "red?wait_for_active_shards=0&timeout=1s", {"settings": {
        "number_of_replicas": 0, "index.routing.allocation.require._name": "nowhere"}})
    before = site.own_snapshots() if "davit" in search.get("_snapshot") else []
    refused(site, "index red lacks primary shards: a snapshot would not be whole",
            "GET _cluster/allocation/explain says why; .*label davit.search.indices=-red$", "failed")
    assert ("davit" in search.get("_snapshot") and site.own_snapshots()) == before
    search.do("DELETE", "red")
    site.back_up()


def test_a_shard_is_damaged(site, engine):
    search = site.search
    site.clear()
    search.fill("books", {n: {"n": n, "text": "x" * 500} for n in range(500)})
    search.do("POST", "books/_flush?force=true")
    uuid = search.get("books/_settings")["books"]["settings"]["index"]["uuid"]
    engine.exec(search.container, "sh", "-ec", f"""
        cd data/nodes/0/indices/{uuid}/0/index
        file=$(ls -S | grep -v -e segments -e lock | head -1)
        printf damaged | dd of="$file" bs=1 seek=100 conv=notrunc""")
    refused(site, r"snapshot davit-\S+: it ended as PARTIAL: books shard 0: .*CorruptIndexException", "GET _cluster/health",
            "failed")
    assert not [name for name in site.own_snapshots() if search.get(f"_snapshot/davit/{name}")["snapshots"][0]["state"] != "SUCCESS"]
    search.do("DELETE", "books")


def test_another_cluster_writes_to_the_repository(site, make_site):
    site.clear()
    site.search.fill("books", {1: {"n": 1}})
    site.back_up()
    other = make_site(volumes=[DATA, f"{site.snapshots}:{MOUNT}"])
    other.search.fill("films", {1: {"n": 1}})
    other.search.do("PUT", "_snapshot/davit", {"type": "fs", "settings": {"location": f"{MOUNT}/davit"}})
    other.search.do("PUT", "_snapshot/davit/foreign?wait_for_completion=true", {"indices": "films"})
    refused(site, r"something else has written to /mnt/opensearch/davit: this cluster has left generation \d+ there, and it is \d+",
            "one cluster writes to a repository: mount a directory of its own into the other one.*DELETE _snapshot/davit",
            "locked")
    other.search.do("DELETE", "_snapshot/davit/foreign")
    other.stack.destroy()
    site.search.do("DELETE", "_snapshot/davit")
    site.back_up()
    site.run("verify", "latest", "--deep")


def test_who_may_not_ask(make_site, engine):
    labels = "    labels:\n"
    site = make_site(secure=True, more=labels + "      davit.search.password_file: /etc/hostname\n")
    refused(site, "connect to search:search: ask https://localhost:9200: .*", "davit.search.password_file", "credentials")
    site.up(more=labels + "      davit.search.ca: /usr/share/opensearch/config/kirk.pem\n")
    refused(site, "its certificate is not accepted", r"davit.search.ca, or set davit.search.insecure=true", "credentials")
    site.up(more=labels + '      davit.search.insecure: "true"\n')
    site.search.fill("books", {1: {"n": 1}})
    site.back_up()
    site.clear()
    site.restore()
    assert site.search.count("books") == 1
    seen = engine.out("logs", site.search.container)
    assert PASSWORD not in seen


def test_a_damaged_artefact(site):
    site.clear()
    site.search.fill("books", {n: {"n": n} for n in range(50)})
    backup = site.back_up()
    facts = site.search.facts()
    artefact = site.repository / "backups" / site.stack.name / backup / "search/search.tar.zst"
    whole = bytearray(artefact.read_bytes())
    whole[len(whole) // 2] ^= 1
    artefact.write_bytes(whole)
    refused(site, r"search/search\.tar\.zst", "", "corrupt", "restore", "--replace")
    assert site.search.facts() == facts
    assert site.left() == []


def test_an_index_that_is_closed_is_in_the_way(site):
    site.clear()
    site.search.fill("books", {1: {"n": 1}})
    site.back_up()
    site.search.do("POST", "books/_close")
    refused(site, "index books is there, and closed", "open or delete it, or choose others with --indices", "exists", "restore",
            "--replace")
    site.search.do("POST", "books/_open")
    site.restore("--replace")


def test_a_server_that_does_not_run(site):
    site.clear()
    site.search.fill("books", {1: {"n": 1}})
    site.back_up()
    site.stack.compose("stop", "-t", "20", "search")
    refused(site, "no container of service search runs to restore into", "--exclude search:search, start the service",
            "exists", "restore", "--replace")
    site.stack.compose("start", "search")
    site.search.wait()
