"""seed → back up → change → back up again → everything is gone → restore → compare, with the security plugin and without."""

import json
import os
import subprocess

import pytest


@pytest.mark.parametrize("which", ["site", "secure_site"])
def test_cycle(request, engine, which):
    site = request.getfixturevalue(which)
    site.forget()
    # As Docker makes what is to be mounted and isn't there: it belongs to root, and davit gives it to the server's user.
    assert os.stat(site.snapshots).st_uid == 0
    search = site.search
    search.seed()
    first = search.facts()
    done = site.run("backup", "--only", "search:*")
    assert "was given to the server's user, 1000:1000" in done.stderr, done.stderr
    assert os.stat(site.snapshots).st_uid == 1000
    manifest = site.davit.json("show", "latest", "--stack", site.stack.name)
    [item] = [each for each in manifest["items"] if each["kind"] == "search"]
    assert item["consistency"] == "snapshot"
    assert item["attributes"]["documents.orders"] == "3000"
    assert item["attributes"]["documents.empty"] == "0"
    assert item["attributes"]["shards"] == str(sum(int(each["settings"]["number_of_shards"]) for each in first.values()))
    assert [path["path"] for path in item["artefacts"]] == ["search/search.tar.zst"]
    covered = {each["what"]: each["why"] for each in manifest["not_covered"]}
    assert covered["volume:data"] == "data of search:search, which has a snapshot", covered
    text = json.dumps(manifest)
    assert search.options == [] or search.options[-1].split(":", 1)[1] not in text

    search.add("orders", {"new": {"customer": "late", "paid": 1.5, "at": "2024-05-05"}})
    search.do("DELETE", "logs-2024.02.29")
    search.fill("films", {1: {"title": "Metropolis"}})
    second = search.facts()
    site.back_up()
    assert len(site.own_snapshots()) == 2
    site.run("verify", "latest", "--deep")

    # As after the loss of the host: the cluster, and what its directory held.
    site.stack.compose("stop", "-t", "20", "search")
    refused = site.restore("--replace", code=1)
    assert "no container of service search runs to restore into" in refused.stderr, refused.stderr
    assert "--exclude search:search, start the service" in refused.stderr, refused.stderr
    site.stack.down()
    engine.run("run", "--rm", "-v", f"{site.repository}:/r", "busybox", "rm", "-rf", "/r/.opensearch")
    site.up()
    assert search.indices() == []
    site.restore()
    assert search.facts() == second
    assert site.left() == []

    refused = site.restore(code=1)
    assert "index orders holds 3001 documents" in refused.stderr and "use --replace" in refused.stderr, refused.stderr
    assert search.facts() == second
    site.restore("--replace", manifest["id"])
    # What the backup doesn't hold stays.
    assert search.facts() == {**first, "films": second["films"]}
    assert site.left() == []
    # A backup goes on where the files are gone that were backed up before.
    site.back_up()


def test_aliases_and_blocks_come_back(site):
    search = site.search
    site.clear()
    search.fill("logs-1", {1: {"n": 1}}, {"settings": {"number_of_replicas": 0}, "aliases": {"logs": {"is_write_index": True}}})
    search.fill("archive", {1: {"n": 1}})
    search.do("PUT", "archive/_settings", {"index.blocks.read_only": True})
    before = {name: search.get(name)[name]["aliases"] for name in search.indices()}
    site.back_up()
    search.do("PUT", "archive/_settings", {"index.blocks.read_only": None})
    site.clear()
    site.restore()
    assert {name: search.get(name)[name]["aliases"] for name in search.indices()} == before
    blocks = {name: sorted(each["settings"]) for name, each in search.get("_all/_settings/index.blocks.*?flat_settings=true").items()}
    assert blocks == {"archive": ["index.blocks.read_only"]}
    search.do("PUT", "archive/_settings", {"index.blocks.read_only": None})
    search.add("logs", {2: {"n": 2}})
    assert search.count("logs-1") == 2
    assert site.left() == []


def test_data_streams(site):
    search = site.search
    site.clear()
    search.do("PUT", "_index_template/events", {"index_patterns": ["events*"], "data_stream": {}, "priority": 200,
                                                "template": {"settings": {"number_of_replicas": 0}}})
    search.do("PUT", "_data_stream/events")
    for n in range(5):
        search.do("POST", "events/_doc?refresh=true", {"@timestamp": "2024-01-01T00:00:00Z", "n": n})
    search.do("POST", "events/_rollover")
    search.do("POST", "events/_doc?refresh=true", {"@timestamp": "2024-01-02T00:00:00Z", "n": 5})

    def stream():
        found = search.get("_data_stream/events")["data_streams"][0]
        return [each["index_name"] for each in found["indices"]], search.count("events")

    before = stream()
    assert before[1] == 6
    site.back_up()
    search.do("POST", "events/_doc?refresh=true", {"@timestamp": "2024-01-03T00:00:00Z", "n": 6})
    assert "data stream events holds 7 documents" in site.restore(code=1).stderr
    site.restore("--replace")
    assert stream() == before
    search.do("DELETE", "_data_stream/events")
    site.restore()
    assert stream() == before
    # It takes documents again.
    search.do("POST", "events/_doc?refresh=true", {"@timestamp": "2024-01-04T00:00:00Z", "n": 7})
    search.do("DELETE", "_data_stream/events")
    assert site.left() == []


def test_some_indices_beside_the_present_ones(site):
    search = site.search
    site.clear()
    search.fill("books", {n: {"n": n} for n in range(20)})
    search.fill("films", {1: {"a": 1}})
    site.back_up()
    search.add("books", {"new": {"n": 99}})
    site.restore("--indices", "bo*", "--indices-prefix", "old-")
    assert {name: search.count(name) for name in search.indices()} == {"books": 21, "films": 1, "old-books": 20}
    refused = site.restore("--indices", "x*", code=2)
    assert "--indices fits nothing of search:search" in refused.stderr and "it holds books, films" in refused.stderr


def test_what_an_application_made_at_its_start_is_no_obstacle(site):
    search = site.search
    site.clear()
    search.fill("books", {n: {"n": n} for n in range(20)})
    site.back_up()
    site.clear()
    search.do("PUT", "books", {"mappings": {"properties": {"other": {"type": "keyword"}}}})
    site.restore()
    assert search.count("books") == 20
    assert "other" not in json.dumps(search.get("books/_mapping"))
    assert site.left() == []


def test_snapshots_go_with_their_backups(site, engine):
    site.clear()
    site.search.fill("books", {1: {"n": 1}})
    gone = site.back_up()
    kept = site.back_up()
    assert {f"davit-{gone.lower()}", f"davit-{kept.lower()}"} <= set(site.own_snapshots())
    engine.run("run", "--rm", "-v", f"{site.repository}:/r", "busybox", "rm", "-rf", f"/r/backups/{site.stack.name}/{gone}")
    site.back_up()
    names = site.own_snapshots()
    assert f"davit-{gone.lower()}" not in names and f"davit-{kept.lower()}" in names


def test_a_restore_by_hand(site, engine, scratch):
    """As RESTORE.md says: the files below path.repo, registered, restored."""
    search = site.search
    site.clear()
    search.fill("books", {n: {"n": n} for n in range(20)})
    facts = search.facts()
    backup = site.back_up()
    site.clear()
    folder = site.repository / "backups" / site.stack.name / backup
    guide = (folder / "RESTORE.md").read_text()
    [unpack] = [part for part in guide.split("```sh\n") if "search.tar.zst' |" in part]
    subprocess.run(["sh", "-ec", unpack.split("```")[0] + "chown -R 1000:1000 $OUT"], cwd=folder, check=True,
                   env={**os.environ, "OUT": f"{site.snapshots}/hand"})
    snapshot = f"davit-{backup.lower()}"
    assert f"by-hand/{snapshot}/_restore" in guide
    search.do("PUT", "_snapshot/by-hand", {"type": "fs", "settings": {"location": "/mnt/opensearch/hand/search-search",
                                                                      "readonly": True}})
    search.do("POST", f"_snapshot/by-hand/{snapshot}/_restore?wait_for_completion=true",
              {"indices": "*", "include_global_state": False})
    assert search.facts() == facts
    search.do("DELETE", "_snapshot/by-hand")
    engine.run("run", "--rm", "-v", f"{site.snapshots}:/s", "busybox", "rm", "-rf", "/s/hand")
