"""How a server is asked that wants a password, speaks TLS, or has no curl."""

import pytest
from support.onlooker import Onlooker
from support.refusal import CODES, manifests, said

CA = "/usr/share/opensearch/config/root-ca.pem"


def refused(site, message, hint, code, *command, davit=None):
    before = manifests(site.repository)
    done = (davit or site.davit)(*command, "--stack", site.stack.name, "--only", "search:*", code=CODES[code])
    said(done.stderr, message, hint)
    assert manifests(site.repository) == before


def test_no_password_is_shown(secure_site, engine):
    site = secure_site
    site.clear()
    site.search.fill("books", {n: {"n": n} for n in range(500)})
    with Onlooker(engine, site.password) as onlooker:
        output = [site.run("backup", "--only", "search:*", "-v"), site.restore("--replace", "-v")]
    assert not onlooker.found
    # It looked at what there was to see.
    assert "curl" in onlooker.programs and onlooker.inspected
    for done in output:
        assert site.password not in done.stdout + done.stderr
    assert site.password not in engine.out("logs", site.search.container)
    texts = [path for path in site.repository.rglob("*") if path.suffix in (".json", ".md")]
    assert texts
    for path in texts:
        assert site.password not in path.read_text(encoding="utf-8"), path
    assert site.search.count("books") == 500


def test_a_certificate_that_is_not_accepted(secure_site, engine):
    site = secure_site
    container = site.search.container
    engine.exec(container, "sh", "-ec", f"cp {CA} /tmp/right.pem; cat /usr/share/opensearch/config/kirk.pem > {CA}")
    try:
        refused(site, "its certificate is not accepted", r"davit.search.ca, or set davit.search.insecure=true", "credentials",
                "backup")
    finally:
        engine.exec(container, "sh", "-ec", f"cat /tmp/right.pem > {CA}")


@pytest.fixture
def labelled_site(secure_site, free_port):
    """Its certificate isn't checked; it listens where the host reaches it, too, at an address that both know it by."""
    secure_site.up(environment={**secure_site.environment, "http.port": str(free_port)}, more=f"""
    ports: ["127.0.0.1:{free_port}:{free_port}"]
    labels:
      davit.search.password_file: /tmp/password
      davit.search.insecure: "true"
      davit.search.url: https://127.0.0.1:{free_port}/
""")
    return secure_site


def test_other_credentials(labelled_site):
    site = labelled_site
    site.clear()
    site.search.fill("books", {1: {"n": 1}})
    site.write_inside("/tmp/password", "wrong")
    refused(site, r"connect to search:search: ask https://127\.0\.0\.1:\d+: ", "davit.search.password_file", "credentials",
            "backup")
    site.write_inside("/tmp/password", f"{site.password}\n")
    site.back_up()
    site.clear()
    site.restore()
    assert site.search.count("books") == 1


def test_a_container_without_curl(labelled_site):
    """davit itself asks at davit.search.url. The way back of a restore is the guard's, who has no network: it is refused."""
    site = labelled_site
    site.clear()
    site.search.fill("books", {n: {"n": n} for n in range(30)})
    facts = site.search.facts()
    snapshots = len(site.own_snapshots())
    only = ["--stack", site.stack.name, "--only", "search:*"]
    with site.without_curl():
        done = site.host("backup", *only, "-v")
        assert site.password not in done.stdout + done.stderr
        site.host("verify", "latest", "--stack", site.stack.name, "--deep")
        refused(site, "the container of service search has no curl, which a restore needs", "use an image with curl", "exists",
                "restore", "--replace", davit=site.host)
    assert len(site.own_snapshots()) == snapshots + 1
    assert site.search.facts() == facts and site.left() == []
    # What was backed up so is a backup as any other.
    site.clear()
    site.restore()
    assert site.search.facts() == facts
