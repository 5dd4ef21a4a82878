"""davit is killed by SIGKILL while indices are replaced: its guard leads everything back, or, where the restore was decided,
on, and nothing of it is left in the cluster."""

import json
import subprocess
import time

import pytest

from support.engine import wait_until

OLD, NEW = "before", "backed up"


def step(name):
    return lambda entries: any(each["kind"] == "search" and each["step"] == name for each in entries)


MOMENTS = {
    "placing": step("placing"),
    "saving": step("saving"),
    "replacing": step("replacing"),
    "decided": lambda entries: any(each["kind"] == "decided" for each in entries),
}


def put(site, mark):
    site.clear()
    for name in ("books", "films"):
        site.search.fill(name, {n: {"mark": mark, "text": f"{n} " * 200} for n in range(1500)})
    site.search.fill("only-" + mark.split()[0], {1: {"mark": mark}})


def marks(site):
    found = {}
    for name in site.search.indices():
        found[name] = sorted({each["mark"] for each in site.search.documents(name).values()}), site.search.count(name)
    return found


class Restoring:
    """davit restore --replace as a process of the host, and its guard's journal."""

    def __init__(self, site):
        self.site, self.engine = site, site.engine
        self.guard = f"davit-guard-{site.stack.name}"
        argv = site.host.argv(["restore", "--stack", site.stack.name, "--only", "search:*", "--replace"],
                              {"DAVIT_REPOSITORY": str(site.repository)})
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        wait_until("the guard", lambda: self.over() or self.engine.exists("container", self.guard), 60)
        mounts = self.engine.inspect(self.guard)["Mounts"]
        [self.directory] = [mount["Source"] for mount in mounts if mount["Type"] == "volume"]

    def over(self):
        return self.process.poll() is not None

    def entries(self):
        read = subprocess.run([*self.engine.process(), "cat", f"{self.directory}/journal"], capture_output=True, text=True)
        return [each["entry"] for each in json.loads(read.stdout)["entries"]] if read.returncode == 0 else []

    def wait(self, moment):
        end = time.monotonic() + 120
        while not moment(self.entries()):
            assert not self.over(), self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.002)

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def wait_for_guard(self):
        wait_until("the guard to end", lambda: self.engine.out(
            "ps", "-a", "--filter", f"name=^{self.guard}$", "--format", "{{.State}}") in ("", "exited"), 120)


@pytest.mark.parametrize("moment", MOMENTS)
def test_davit_is_killed(site, moment):
    put(site, NEW)
    site.back_up()
    new = marks(site)
    put(site, OLD)
    old = marks(site)
    snapshots = site.own_snapshots()
    # What only the old state has is not in the backup, and stays.
    after = {**new, "only-before": old["only-before"]}
    restoring = Restoring(site)
    try:
        restoring.wait(MOMENTS[moment])
    finally:
        restoring.kill()
    restoring.wait_for_guard()
    # What was not decided when we looked may have been a moment later.
    assert marks(site) in ([after] if moment == "decided" else [old, after] if moment == "replacing" else [old])
    assert site.left() == []
    assert site.own_snapshots() == snapshots
    # Clients may write again, and the next restore makes it good.
    site.search.add("books", {"more": {"mark": OLD}})
    site.host("restore", "--stack", site.stack.name, "--only", "search:*", "--replace")
    assert marks(site) == after
    assert site.left() == []


def test_the_server_is_killed_while_it_restores(site):
    """What was replaced comes back as soon as the server does."""
    put(site, NEW)
    site.back_up()
    put(site, OLD)
    old = marks(site)
    restoring = Restoring(site)
    try:
        restoring.wait(MOMENTS["replacing"])
        site.engine.run("kill", site.search.container)
        out, err = restoring.process.communicate(timeout=400)
        assert restoring.process.returncode not in (0, 3), out + err
    finally:
        restoring.kill()
    site.engine.run("start", site.search.container)
    site.search.wait()
    restoring.wait_for_guard()
    wait_until("the old indices", lambda: marks(site) == old, 60)
    wait_until("everything else to go", lambda: site.left() == [], 60)
    assert "search" in site.host("ls", code=None).stderr
