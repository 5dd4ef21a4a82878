"""What can't become a backup, or be restored, says what to do, and leaves nothing behind."""

import os

import pytest

from support.refusal import CODES, manifests, said
from support.search import PLAIN

MOUNT = "/mnt/opensearch"
DATA = "data:/usr/share/opensearch/data"


def refused(site, message, hint, code, command="backup", *args):
    before = manifests(site.repository)
    done = site.run(command, "--only", "search:*", *args, code=CODES[code])
    said(done.stderr, message, hint)
    assert manifests(site.repository) == before


@pytest.fixture(scope="module")
def other_site(make_site):
    """As somebody has written it who has read nothing."""
    return make_site(environment=PLAIN, volumes=[DATA])


def test_what_the_compose_file_lacks(other_site):
    site = other_site
    site.search.fill("books", {1: {"n": 1}})
    refused(site, r"plan search:search: path\.repo is not set on its node \w+, so that it can't write a snapshot",
            r'to service search in the compose file `environment: \["path.repo=/mnt/opensearch"\]` and '
            r'`volumes: \["\$\{BACKUP_ROOT\}/.opensearch:/mnt/opensearch"\]`', "usage")


def test_a_directory_that_davit_may_not_give_away(other_site, site):
    """The remedy is a line for the host."""
    # The second directory is for the test behind this one.
    other_site.up(environment={**PLAIN, "path.repo": f"{MOUNT},/mnt/foreign"},
                  volumes=[DATA, f"{other_site.snapshots}:{MOUNT}", f"{site.snapshots}:/mnt/foreign"],
                  more="    cap_drop: [CHOWN]\n")
    refused(other_site, "the server's user 1000:1000 can't write to /mnt/opensearch: chown: .*not permitted",
            f"on the Engine's host: chown 1000:1000 {other_site.snapshots}$", "credentials")
    os.chown(other_site.snapshots, 1000, 1000)
    if "books" not in other_site.search.indices():
        other_site.search.fill("books", {1: {"n": 1}})
    other_site.back_up()
    assert other_site.own_snapshots()


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


def test_another_cluster_writes_to_the_repository(site, other_site):
    if "/mnt/foreign" not in other_site.environment.get("path.repo", ""):
        other_site.up(environment={**PLAIN, "path.repo": f"{MOUNT},/mnt/foreign"},
                      volumes=[DATA, f"{other_site.snapshots}:{MOUNT}", f"{site.snapshots}:/mnt/foreign"])
    site.clear()
    site.search.fill("books", {1: {"n": 1}})
    site.back_up()
    other = other_site.search
    other.do("PUT", "_snapshot/stranger", {"type": "fs", "settings": {"location": "/mnt/foreign/davit"}})
    other.do("PUT", "_snapshot/stranger/foreign?wait_for_completion=true", {"include_global_state": False})
    refused(site, r"something else has written to /mnt/opensearch/davit: this cluster has left generation \d+ there, and it is \d+",
            "one cluster writes to a repository: mount a directory of its own into the other one.*DELETE _snapshot/davit",
            "locked")
    other.do("DELETE", "_snapshot/stranger/foreign")
    other.do("DELETE", "_snapshot/stranger")
    site.search.do("DELETE", "_snapshot/davit")
    site.back_up()
    site.run("verify", "latest", "--deep")


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


def test_aliases_and_blocks_that_are_in_the_way(site):
    """What the server would refuse when everything old is deleted, davit refuses before it does anything."""
    search = site.search
    site.clear()
    search.fill("orders", {1: {"n": 1}}, {"settings": {"number_of_replicas": 0}, "aliases": {"shop": {}}})
    search.fill("logs-1", {1: {"n": 1}}, {"settings": {"number_of_replicas": 0}, "aliases": {"logs": {"is_write_index": True}}})
    site.back_up()

    def stands(message, hint):
        facts = search.facts()
        refused(site, message, hint, "exists", "restore", "--replace")
        assert search.facts() == facts and site.left() == []

    # As behind a reindex.
    search.do("DELETE", "orders")
    search.fill("orders-v2", {1: {"n": 2}}, {"settings": {"number_of_replicas": 0}, "aliases": {"orders": {}}})
    stands("orders is an alias of orders-v2, and the backup has an index of that name", "remove the alias, choose others")
    search.do("DELETE", "orders-v2")
    search.fill("shop", {1: {"n": 2}})
    stands("index shop is there, and the backup has an alias of that name, of orders", "delete it, or choose others")
    search.do("DELETE", "shop")
    # As behind a rollover.
    search.do("POST", "logs/_rollover")
    stands("alias logs writes to index logs-000002, and in the backup to logs-1", "have the alias not write to it")
    search.do("DELETE", "logs-000002")
    search.do("PUT", "logs-1/_settings", {"index.blocks.read_only": True})
    stands(r"index logs-1 has a block \(read_only\): it can't be replaced", r'lift it \(PUT logs-1/_settings')
    search.do("PUT", "logs-1/_settings", {"index.blocks.read_only": None})
    site.restore("--replace")
    assert search.indices() == ["logs-1", "orders"]


def test_volumes_of_a_cluster_without_an_open_index(site):
    """Nothing stands for them, so they are backed up as they are."""
    search = site.search
    site.clear()
    search.fill("books", {1: {"n": 1}})

    def plan():
        return site.run("backup", "--dry-run").stdout

    assert "data of search:search, which has a snapshot" in plan()
    search.do("POST", "books/_close")
    closed = plan()
    search.do("POST", "books/_open")
    assert "volume:data" in closed and "data of search:search" not in closed, closed
    assert "it holds no open index to take" in closed, closed
