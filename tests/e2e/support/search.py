"""An OpenSearch server of a stack, through its container's curl."""

import base64
import hashlib
import http.client
import json
import ssl
import urllib.parse

from support.engine import wait_until
from support.nested import NestedEngine

IMAGE = "davit-test/opensearch"
PASSWORD = "Orchid.7-runs-Quarz"  # of `admin`, strong enough for the security plugin

# With which a service of one node runs, beside what a test adds: its volumes, `path.repo=…`.
PLAIN = {"discovery.type": "single-node", "DISABLE_SECURITY_PLUGIN": "true",
         "OPENSEARCH_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1"}
SECURE = {**PLAIN, "DISABLE_SECURITY_PLUGIN": "false", "OPENSEARCH_INITIAL_ADMIN_PASSWORD": PASSWORD}

# With what the minimal distribution has: no analysis module, no further types of fields.
ORDERS = {
    "settings": {"number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "2s",
                 "analysis": {"analyzer": {"words": {"type": "custom", "tokenizer": "standard", "filter": ["stop"]}}}},
    "mappings": {"properties": {"customer": {"type": "text", "analyzer": "words", "fields": {"raw": {"type": "keyword"}}},
                                "paid": {"type": "double"}, "at": {"type": "date"}}},
    "aliases": {"shop": {}, "paid-orders": {"filter": {"range": {"paid": {"gt": 0}}}}},
}


class Search:
    def __init__(self, stack, service="search", secure=False, user="admin", password=PASSWORD):
        self.stack, self.engine, self.service = stack, stack.engine, service
        self.secure, self.user, self.password = secure, user, password
        self.address = "https://localhost:9200" if secure else "http://localhost:9200"
        self.options = ["--cacert", "/usr/share/opensearch/config/root-ca.pem", "-u", f"{user}:{password}"] if secure else []

    @property
    def container(self):
        return self.stack.container(self.service)

    def ask(self, method, path, body=None):
        """(status, answer) of a request; what isn't JSON in the answer is text. AssertionError where nothing answers."""
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        ask = self.ask_by_curl if isinstance(self.engine, NestedEngine) else self.ask_directly
        status, answer = ask(method, "/" + path.lstrip("/"), text)
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer

    def ask_directly(self, method, path, text):
        """Costs a hundredth of a command in the container. That the certificate is right is davit's to find out."""
        headers = {"content-type": "application/json"} if text is not None else {}
        if self.secure:
            headers["authorization"] = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        networks = self.engine.inspect(self.container)["NetworkSettings"]["Networks"].values()
        [host, *_] = [each["IPAddress"] for each in networks if each["IPAddress"]] or [None]
        assert host, f"{self.container} does not run"
        port = urllib.parse.urlsplit(self.address).port
        made = http.client.HTTPSConnection(host, port, timeout=120, context=ssl._create_unverified_context()) if self.secure \
            else http.client.HTTPConnection(host, port, timeout=120)
        try:
            made.request(method, urllib.parse.quote(path, safe="/?&=*,:%"), text.encode() if text is not None else None, headers)
            answer = made.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"{method} {host}{path}: {error}") from None
        finally:
            made.close()

    def ask_by_curl(self, method, path, text):
        """On an Engine whose networks can't be reached from here."""
        content = ["-H", "content-type: application/json", "--data-binary", "@-"] if text is not None else []
        out = self.engine.exec(self.container, "curl", "-sS", "-m", "120", "-X", method, *self.options, *content, "-w",
                               "\n%{http_code}", f"{self.address}{path}", input=text)
        answer, status = out.rsplit("\n", 1)
        return int(status), answer

    def do(self, method, path, body=None):
        """The answer of a request that is carried out."""
        status, answer = self.ask(method, path, body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def get(self, path):
        return self.do("GET", path)

    def answers(self):
        try:
            return self.ask("GET", "_cluster/health?wait_for_status=yellow&timeout=1s")[0] == 200
        except AssertionError:  # curl could not connect, or there is no container
            return False

    def wait(self, seconds=180):
        """It takes requests, and knows its users, after this."""
        wait_until("OpenSearch to answer", self.answers, seconds)
        return self

    def fill(self, index, documents, settings=None):
        """Makes an index of {id: document}."""
        self.do("PUT", index, settings or {"settings": {"number_of_shards": 1, "number_of_replicas": 0}})
        self.add(index, documents)

    def add(self, index, documents):
        lines = [line for key, document in documents.items() for line in ({"index": {"_id": str(key)}}, document)]
        answer = self.do("POST", f"{index}/_bulk?refresh=true", "".join(json.dumps(line) + "\n" for line in lines))
        assert not answer["errors"], answer

    def seed(self):
        """Indices of several kinds. What comes back of them is told by facts()."""
        self.fill("orders", {n: {"customer": f"Größe & Söhne {n % 97}", "paid": n * 1.07, "at": f"2024-01-{n % 28 + 1:02}"}
                             for n in range(3000)}, ORDERS)
        self.fill("logs-2024.02.29", {f"id/ü {n}": {"line": "x" * 200, "n": n, "tags": ["a", str(n % 7)]} for n in range(1000)})
        self.fill("empty", {"gone": {"a": 1}})
        self.do("DELETE", "empty/_doc/gone?refresh=true")

    def indices(self):
        """The names of all indices but the server's own: those with a dot in front, and the log of who asked for what."""
        rows = self.get("_cat/indices?format=json&expand_wildcards=all")
        return sorted(row["index"] for row in rows if not row["index"].startswith((".", "security-auditlog-")))

    def count(self, index):
        return self.get(f"{index}/_count")["count"]

    def documents(self, index):
        """{id: document} of an index of up to 10,000."""
        self.do("POST", f"{index}/_refresh")
        found = self.get(f"{index}/_search?size=10000&track_total_hits=true")["hits"]
        assert found["total"]["value"] == len(found["hits"]), f"{index} holds {found['total']['value']} documents"
        return {hit["_id"]: hit["_source"] for hit in found["hits"]}

    def facts(self):
        """{index: what must be the same of it on another server}: settings, mappings, aliases, number and digest of documents."""
        facts = {}
        for name in self.indices():
            index = self.get(name)[name]
            settings = {k: v for k, v in index["settings"]["index"].items() if k not in ("uuid", "creation_date", "provided_name")}
            documents = self.documents(name)
            facts[name] = {"settings": settings, "mappings": index["mappings"], "aliases": index["aliases"], "documents": len(documents),
                           "digest": hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()}
        return facts
