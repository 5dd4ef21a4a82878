"""From a backup alone: the whole stack on an Engine that knows nothing of it, and Compose finds nothing to do."""

import pytest

from support.bare import SERVICES, contents, engine_state, own_ids, shape, unlike, up_changes_nothing
from support.davit import Davit
from support.tree import differences


def assert_same(found, expected):
    for name in expected:
        if name in ("rows", "page", "peer"):
            assert found[name] == expected[name]
        else:
            assert differences(expected[name], found[name]) == [], name


@pytest.fixture
def davit(request, target, backed_up, binary):
    return Davit("container", target.engine, backed_up.repository, binary)


def test_everything_comes_back(davit, target, backed_up):
    plan = davit.json("restore", "--plan")["made"]
    assert plan["conflicts"] == []
    assert sorted(plan["networks"]) == [target.name + "_back", target.name + "_front"]
    assert len(plan["containers"]) == 6
    assert any("sidecar" in note for note in plan["notes"])
    order = {service: place for place, service in enumerate(plan["started"])}
    assert max(order["db"], order["setup"]) < order["web"] < min(order["sidecar"], order["worker"])

    said = davit("restore", "--stack", target.name)
    assert "web" in said.stdout and "healthy" in said.stdout
    assert target.states() == SERVICES
    assert unlike(shape(target), backed_up.shape) == []
    assert_same(contents(target), backed_up.contents)
    assert target.compose("config", "--hash", "*").stdout == backed_up.config
    up_changes_nothing(target)


def test_no_start(davit, target, backed_up):
    davit("restore", "--stack", target.name, "--no-start")
    assert set(target.states().values()) == {"created"}
    assert unlike(shape(target), backed_up.shape) == []
    before = own_ids(target)
    target.compose("up", "-d", "--wait", "--wait-timeout", "120", check=False)  # a service that ends isn't waited for
    assert own_ids(target) == before
    assert_same(contents(target), backed_up.contents)


def test_data_only(davit, target, backed_up):
    before = engine_state(target)
    said = davit("restore", "--stack", target.name, "--data-only")
    assert "docker compose up -d" in said.stdout
    after = engine_state(target)
    assert after["containers"] == before["containers"] and after["networks"] == before["networks"]
    assert after["volumes"] > before["volumes"]
    target.up(wait=False)
    target.wait_healthy("web")
    assert contents(target)["rows"] == backed_up.contents["rows"]


def test_another_directory(davit, target, backed_up):
    elsewhere = backed_up.directory / "elsewhere" / "shop"
    moved = backed_up.stack(target.engine, elsewhere)
    try:
        davit("restore", "--stack", target.name, "--root", elsewhere)
        assert not target.directory.exists()
        found, expected = contents(moved), backed_up.contents
        assert_same(found, expected)
        web = moved.engine.inspect(f"{moved.name}-web-1")
        sources = {mount["Destination"]: mount["Source"] for mount in web["Mounts"]}
        assert sources["/config"] == str(elsewhere / "config") and sources["/etc/site.conf"] == str(elsewhere / "site.conf")
        assert web["Config"]["Labels"]["com.docker.compose.project.working_dir"] == str(elsewhere)
        assert moved.compose("ps", "--format", "{{.Service}}").stdout.split()
    finally:
        moved.destroy()
