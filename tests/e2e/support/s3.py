"""A small S3 client of the tests' own, so that a repository is seen by another way than davit does: SigV4 by hmac."""

import datetime
import hashlib
import hmac
import http.client
import ssl
import urllib.parse
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor


class Refused(AssertionError):
    """An answer other than 2xx."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:300]!r}")
        self.status, self.body = status, body


def quoted(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


class S3:
    def __init__(self, host, port, key, secret, ca=None, region="us-east-1"):
        self.host, self.port, self.key, self.secret, self.ca, self.region = host, port, key, secret, ca, region

    def request(self, method, path="/", query=None, body=b"", headers=None):
        """The answer's headers and body; `path` is as in the URL, but not quoted yet."""
        query = "&".join(f"{quoted(k)}={quoted(str(v))}" for k, v in sorted((query or {}).items()))
        path = quoted(path, "/")
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        signed = {"host": f"{self.host}:{self.port}", "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now,
                  **{k.lower(): v for k, v in (headers or {}).items()}}
        names = ";".join(sorted(signed))
        canonical = "\n".join([method, path, query, *(f"{k}:{signed[k]}" for k in sorted(signed)), "", names,
                               signed["x-amz-content-sha256"]])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for part in (now[:8], self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, "
                                   f"Signature={signature}")
        if self.ca:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=60,
                                                     context=ssl.create_default_context(cafile=self.ca))
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path + (f"?{query}" if query else ""), body or None, signed)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise Refused(answer.status, data)
        return dict(answer.getheaders()), data

    def answers(self):
        try:
            self.request("GET")
            return True
        except (OSError, http.client.HTTPException, Refused):
            return False

    def _tree(self, bucket, **query):
        root = xml.fromstring(self.request("GET", f"/{bucket}", query)[1])
        for element in root.iter():
            element.tag = element.tag.split("}")[-1]
        return root

    def make_bucket(self, bucket):
        self.request("PUT", f"/{bucket}")

    def put(self, bucket, key, body):
        self.request("PUT", f"/{bucket}/{key}", body=body)

    def put_all(self, bucket, objects):
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda item: self.put(bucket, *item), objects.items()):
                pass

    def get(self, bucket, key):
        return self.request("GET", f"/{bucket}/{key}")[1]

    def delete(self, bucket, key):
        self.request("DELETE", f"/{bucket}/{key}")

    def empty(self, bucket):
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda key: self.delete(bucket, key), self.objects(bucket)):
                pass

    def objects(self, bucket, prefix=""):
        """{key: bytes} of everything below a prefix."""
        found, after = {}, ""
        while True:
            query = {"list-type": "2", "prefix": prefix, "encoding-type": "url", **({"start-after": after} if after else {})}
            page = self._tree(bucket, **query)
            for entry in page.iter("Contents"):
                after = urllib.parse.unquote_plus(entry.findtext("Key"))
                found[after] = int(entry.findtext("Size"))
            if page.findtext("IsTruncated") != "true":
                return found

    def _uploads(self, bucket):
        """[(key, id)] of multipart uploads that were neither completed nor aborted."""
        page = self._tree(bucket, **{"uploads": "", "encoding-type": "url"})
        return [(urllib.parse.unquote_plus(u.findtext("Key")), u.findtext("UploadId")) for u in page.iter("Upload")]

    def uploads(self, bucket):
        """Their keys."""
        return [key for key, _ in self._uploads(bucket)]

    def parts(self, bucket):
        """How many parts they have, all together."""
        found = 0
        for key, id in self._uploads(bucket):
            try:
                found += self.request("GET", f"/{bucket}/{key}", {"uploadId": id})[1].count(b"<Part>")
            except Refused as error:  # it ended meanwhile
                assert error.status == 404, error
        return found
