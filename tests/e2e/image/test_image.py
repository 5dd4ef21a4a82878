"""The product's image: one static binary and the data that it needs, and no more."""

import io
import subprocess
import tarfile

import pytest

LIMIT = 15_000_000


@pytest.fixture(scope="module")
def members(engine):
    """{path: (TarInfo, contents)} of davit:dev."""
    container = engine.out("create", "davit:dev")
    try:
        archive = engine.run("export", container, text=False).stdout
    finally:
        engine.run("rm", container)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {m.name: (m, tar.extractfile(m).read() if m.isfile() else b"") for m in tar.getmembers()}


def test_size(engine):
    assert int(engine.out("image", "inspect", "-f", "{{.Size}}", "davit:dev")) <= LIMIT


def test_binary_is_static_and_stripped(binary):
    headers = subprocess.run(["readelf", "-ld", str(binary)], capture_output=True, text=True, check=True).stdout
    assert "NEEDED" not in headers and "INTERP" not in headers
    assert ".debug_info" not in subprocess.run(["readelf", "-S", str(binary)], capture_output=True, text=True, check=True).stdout


def test_what_libraries_look_for_is_there(members):
    assert b"BEGIN CERTIFICATE" in members["etc/ssl/certs/ca-certificates.crt"][1]
    assert members["usr/share/zoneinfo/Europe/Berlin"][1].startswith(b"TZif")
    assert b"root:x:0:0:" in members["etc/passwd"][1]
    assert members["tmp"][0].mode & 0o7777 == 0o1777


def test_no_shell_and_no_second_program(members):
    # The Engine adds empty files of its own to every container.
    programs = {name for name, (member, content) in members.items() if content and member.mode & 0o111}
    assert programs == {"davit"}
