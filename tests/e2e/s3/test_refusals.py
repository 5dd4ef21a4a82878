"""What is wrong with a server, a bucket, a key or a certificate is said, and nothing is made."""

import json
import re

import pytest
from support.refusal import CODES, said
from support.rgw import KEY
from support.small_stack import SmallStack


@pytest.fixture(scope="module")
def stack(engine):
    """One that the tests of this file share, and don't change."""
    made = SmallStack(engine, "echo x >x")
    yield made
    made.destroy()


@pytest.fixture
def refuses(rgw, bucket, stack):
    """refuses(davit, kind, message, hint, env): a backup and a listing fail so, in text and in JSON, and nothing is stored.
    """

    def check(davit, kind, message, hint, **more):
        for args in [["backup", "--stack", stack.name], ["ls"]]:
            done = davit(*args, code=CODES[kind], **more)
            said(done.stderr, message, hint)
            assert done.stdout == ""
        assert rgw.client.objects(bucket) == {} and rgw.client.uploads(bucket) == []
        error = json.loads(davit("ls", "--json", code=CODES[kind], **more).stdout)["error"]
        assert (error["code"], error["exit_code"]) == (kind, CODES[kind])
        assert re.search(message, error["message"])

    return check


def test_wrong_secret(davit, refuses):
    refuses(davit, "credentials", "the secret key does not belong to this access key", "AWS_SECRET_ACCESS_KEY", env={"AWS_SECRET_ACCESS_KEY": "wrong"})


def test_unknown_key(davit, refuses):
    refuses(davit, "credentials", "the server does not know this access key", "AWS_ACCESS_KEY_ID", env={"AWS_ACCESS_KEY_ID": KEY + "X"})


def test_no_keys(davit, refuses):
    refuses(davit, "credentials", "there are no keys for S3", "AWS_ACCESS_KEY_ID",
            env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})


def test_no_such_bucket(make_davit, refuses, unused_name):
    refuses(make_davit("host", f"{unused_name}/prefix"), "not-found", f"{unused_name}.*there is no such bucket", "davit makes none")


def test_nobody_listens(davit, refuses):
    refuses(davit, "unavailable", "connect .*127.0.0.1:9: connection refused", "--endpoint",
            env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})


def test_plain_http_without_being_asked(davit, refuses):
    refuses(davit, "usage", "has no TLS: whoever listens reads the backups", "--allow-http", http=False)


def test_tls(davit, rgw, scratch, stack, refuses):
    """By a certificate of a CA that one must name; with the bucket in the path, and in the host's name."""
    port = rgw.local_port(8443)
    ca = str(rgw.ca(scratch / "ca.pem"))
    refuses(davit, "credentials", "connect ", "CA certificate", env={"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}"}, http=False)
    # It has another name.
    refuses(davit, "credentials", "connect ", "host name",
            env={"AWS_ENDPOINT_URL": f"https://localhost:{port}", "AWS_CA_BUNDLE": ca}, http=False)
    in_path = {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}", "AWS_CA_BUNDLE": ca}
    in_name = {"AWS_ENDPOINT_URL": f"https://s3.localhost:{port}", "AWS_CA_BUNDLE": ca}
    davit("backup", "--stack", stack.name, env=in_path, http=False)
    davit("verify", "--virtual-host", env=in_name, http=False)
    davit("backup", "--virtual-host", "--stack", stack.name, env=in_name, http=False)
    assert len(davit.listed()) == 2
