"""The guard of a run that dies with its Engine works when that is back."""

import pytest

from support.davit import Davit
from support.running import Running, put_right, runs, told
from support.small_stack import SmallStack


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_a_guard_comes_back_with_its_engine(nested, scratch, binary, way):
    stack = SmallStack(nested, "head -c 60000000 /dev/urandom > blob")
    repository = scratch / "backups"
    repository.mkdir()
    davit = Davit("host", nested, repository, binary)
    try:
        with Running(davit, stack) as running:
            getattr(nested, way)()
            nested.start()
            put_right(running)
            running.end(None)
        assert "started service app again" in told(davit, running)
        assert runs(stack)
    finally:
        stack.destroy()
